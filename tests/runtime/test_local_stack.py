"""template.yaml deployed for real into the local AWS: routes, schedules and events at work."""

import json
import time

import pytest

from local.simulator import Simulator
from local.stack import Stack
from local.stack.stack import SAMPLE_WEBHOOK_SECRETS
from local.tools import ROOT
from tests.runtime.conftest import DECLARED, needs_tools

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]


def test_the_instance_is_connected(stack: Stack) -> None:
    assert stack.request("GET", "/instances").json() == {"data": [{"name": "default"}]}
    answer = stack.request("GET", "/instances/default")
    assert answer.status_code == 200
    assert answer.json()["connected"] is True
    assert answer.json()["organization"]["slug"] == "demo"


def test_nobody_comes_in_unsigned(stack: Stack) -> None:
    assert stack.request("GET", "/instances", signed=False).status_code == 403
    assert stack.request("GET", "/nowhere").status_code == 404


def test_a_record_lives_its_life_through_the_api(stack: Stack, shop: Simulator) -> None:
    """Create, retrieve, list, update, related, trigger, delete: one route after the other."""
    records = "/instances/default/api/customers"
    created = stack.request("POST", records, {"email": "life@example.com"})
    assert created.status_code == 201, created.text
    path = f"{records}/{created.json()['id']}"
    found = stack.request("GET", f"{records}?filter[q][email_eq]=life@example.com").json()
    assert [each["id"] for each in found["data"]] == [created.json()["id"]]
    assert stack.request("PATCH", path, {"reference": "crm-1"}).status_code == 200
    assert stack.request("GET", path).json()["reference"] == "crm-1"
    assert stack.request("GET", f"{path}/orders").json()["data"] == []
    reset = stack.request("POST", f"{path}/triggers/request_password_reset")
    assert reset.status_code == 404, "the connector names the triggers that there are"
    assert stack.request("POST", f"{path}/triggers/add_tags", {"value": ""}).status_code < 500
    assert stack.request("DELETE", path).status_code == 204
    assert stack.request("GET", path).status_code == 404
    upstream = f"/api/customers/{created.json()['id']}"
    asked = [method for method, each, *_ in shop.requests if each == upstream]
    assert asked[:2] == ["PATCH", "GET"]
    assert asked[-2:] == ["DELETE", "GET"]


def test_discovery_tells_what_a_resource_offers(stack: Stack) -> None:
    listed = stack.request("GET", "/instances/default/resources").json()
    assert len(listed["data"]) == 135
    orders = stack.request("GET", "/instances/default/resources/orders").json()
    assert "place" in [each["name"] for each in orders["triggers"]]


def test_a_schedule_publishes_what_changed(stack: Stack) -> None:
    """Scheduler, function, bus, rule, queue: the way of an event from end to end."""
    consumer = stack.subscribe({"detail-type": ["customers.changed"]})
    customers = stack.request("GET", "/instances/default/api/customers?page[size]=1").json()
    customer = customers["data"][0]
    path = f"/instances/default/api/customers/{customer['id']}"
    changed = stack.request("PATCH", path, {"metadata": {"crm": "7"}}).json()
    stack.fire("customers")
    # Others may have changed in the last minute, which the first run of a stream reads too.
    events = consumer.receive(within=60)
    (event,) = [each for each in events if each["detail"]["change"]["id"] == customer["id"]]
    assert event["source"] == "commerce-layer.default"
    assert event["detail"]["origin"] == "sync"
    assert event["detail"]["stream"] == "customers"
    assert event["detail"]["organization"] == "demo"
    assert event["detail"]["change"] == {
        "type": "customers",
        "id": customer["id"],
        "updated_at": changed["updated_at"],
    }
    assert event["detail"]["resource"]["metadata"] == {"crm": "7"}


def test_a_webhook_of_commerce_layer_lands_on_the_bus(stack: Stack, shop: Simulator) -> None:
    """Signed by the sender, checked by the function, published: and that once."""
    topic = "customers.metadata_update"
    address = f"{stack.url}/webhooks/default/{topic}"
    webhooks = "/instances/default/api/webhooks"
    hook = stack.request("POST", webhooks, {"topic": topic, "callback_url": address}).json()
    stack.aws.client("secretsmanager").put_secret_value(
        SecretId="commerce-layer-webhooks/default",
        SecretString=json.dumps({**SAMPLE_WEBHOOK_SECRETS, topic: [hook["shared_secret"]]}),
    )
    consumer = stack.subscribe({"detail-type": [topic]})
    try:
        customers = stack.request("GET", "/instances/default/api/customers?page[size]=1").json()
        path = f"/instances/default/api/customers/{customers['data'][0]['id']}"
        changed = stack.request("PATCH", path, {"metadata": {"crm": "8"}}).json()
        shop.wait_until_idle()
    finally:
        stack.request("DELETE", f"{webhooks}/{hook['id']}")
    (event,) = consumer.receive(within=30)
    detail = event["detail"]
    assert (detail["origin"], detail["mode"]) == ("webhook", "test")
    assert detail["change"] == {
        "type": "customers",
        "id": changed["id"],
        "updated_at": changed["updated_at"],
    }
    assert detail["resource"]["metadata"] == {"crm": "8"}


def test_the_guardian_makes_a_webhook_that_delivers(stack: Stack, shop: Simulator) -> None:
    """Started by its schedule; from the parameter of the stack to an event on its bus."""
    consumer = stack.subscribe({"detail-type": [DECLARED]})
    stack.fire("guardian")
    within = time.monotonic() + 40
    while not (hooks := shop.store.having("webhooks", "topic", DECLARED)):
        assert time.monotonic() < within, "the schedule has not started the guardian"
        time.sleep(0.2)
    (hook,) = [each for each in hooks if each.attributes["callback_url"].startswith(stack.url)]
    # The lease is free again once the secret is stored.
    answers = [stack.invoke("GuardianFunction", {"instance": "default"}) for _ in range(2)]
    assert answers[-1]["outcome"] == "done"
    customer = shop.store.all("customers")[0].attributes["email"]
    resets = "/instances/default/api/customer_password_resets"
    try:
        assert stack.request("POST", resets, {"customer_email": customer}).status_code == 201
        shop.wait_until_idle()
    finally:
        stack.request("DELETE", f"/instances/default/api/webhooks/{hook.id}")
    (event,) = consumer.receive(within=30)
    assert event["detail"]["origin"] == "webhook"
    assert event["detail"]["resource"]["customer"]["email"] == customer
    metrics = [line for line in stack.logs("GuardianLogGroup") if '"CircuitsOpen"' in line]
    # The dimensions that the alarms of the stack look at.
    (sets,) = json.loads(metrics[-1])["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert set(sets) == {"service", "function_name"}


def test_nobody_else_speaks_for_commerce_layer(stack: Stack) -> None:
    """The open route takes what is signed, and nothing else."""
    consumer = stack.subscribe({"detail-type": ["orders.place"]})
    sample = json.loads((ROOT / "events/webhooks/wrong_signature.json").read_text(encoding="utf-8"))
    headers = {name: text for name, text in sample["headers"].items() if name.startswith("x-c")}
    path = sample["rawPath"]
    answer = stack.request("POST", path, json.loads(sample["body"]), headers=headers, signed=False)
    assert (answer.status_code, answer.json()["category"]) == (401, "wrong-signature")
    assert consumer.receive(at_least=0) == []


def test_no_log_line_holds_a_secret_or_a_customer(stack: Stack) -> None:
    email = "grep.me@example.com"
    path = "/instances/default/api/customers"
    assert stack.request("POST", path, {"email": email}).status_code == 201
    assert stack.request("GET", f"{path}?filter[q][email_eq]={email}").status_code == 200
    said = "\n".join(
        line
        for group in ("ApiLogGroup", "SyncLogGroup", "WebhooksLogGroup", "GuardianLogGroup")
        for line in stack.logs(group)
    )
    assert '"message":' in said
    for private in (email, "grep.me", "demo-secret", "demo-client", "Bearer", "eyJ"):
        assert private not in said


def test_commands_come_by_the_queue_and_by_a_bus_of_the_user_s(stack: Stack) -> None:
    """Sent twice each: done once, and told on the connector's bus."""
    results = stack.subscribe({"detail-type": ["command.succeeded", "command.failed"]})
    command = {"instance": "default", "action": "create", "resource": "customers"}
    ways = {"queue": "by-queue@example.com", "bus": "by-bus@example.com"}
    sent = {
        way: json.dumps({**command, "command_id": f"by-{way}", "attributes": {"email": email}})
        for way, email in ways.items()
    }
    queue = stack.resource("CommandQueue")
    entry = {"Source": "erp", "DetailType": "commerce-layer.command", "Detail": sent["bus"]}
    for _ in range(2):
        stack.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=sent["queue"])
        stack.aws.client("events").put_events(Entries=[entry])
    events = [each["detail"] for each in results.receive(at_least=4, within=60)]
    outcomes = {(each["caused_by"], each["command"]["outcome"]) for each in events}
    assert outcomes == {("by-queue", "done"), ("by-bus", "done")}
    assert len({each["id"] for each in events}) == 2
    for email in ways.values():
        path = f"/instances/default/api/customers?filter[q][email_eq]={email}"
        assert len(stack.request("GET", path).json()["data"]) == 1


def test_a_write_under_a_key_is_done_once(stack: Stack) -> None:
    headers = {"Idempotency-Key": "crm-1"}
    body = {"email": "key@example.com"}
    path = "/instances/default/api/customers"
    first, again = (stack.request("POST", path, body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    other = stack.request("POST", path, {"email": "other@example.com"}, headers=headers)
    assert other.json()["category"] == "key-reused"
