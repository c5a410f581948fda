"""Exports through the deployed state machine, run by the local AWS's own engine."""

import gzip
import hashlib
import json
import time
from typing import Any

import pytest

from local.simulator import Simulator
from local.stack import Stack, Subscription
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def ids(shop: Simulator) -> list[str]:
    """Three windows, the last one not full."""
    return [shop.store.put("customer_groups", {"name": f"G{n}"}).id for n in range(100)]


def ended(stack: Stack, consumer: Subscription, export: str) -> dict[str, Any]:
    for _ in range(4):
        for event in consumer.receive(within=30):
            resource: dict[str, Any] = event["detail"]["resource"]
            if resource["export"] == export:
                return resource
    raise AssertionError(said(stack))


def said(stack: Stack) -> str:
    states, machine = stack.aws.client("stepfunctions"), stack.resource("ExportMachine")
    runs = states.list_executions(stateMachineArn=machine)["executions"]
    told = [states.describe_execution(executionArn=run["executionArn"]) for run in runs]
    return "\n".join([*map(str, told), *stack.logs("BulkExportsLogGroup")])


def content(stack: Stack, bucket: str, key: str) -> bytes:
    body: bytes = stack.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def exported(stack: Stack, resource: dict[str, Any]) -> list[str]:
    """The ids in the files that the manifest names, which are as it says."""
    manifest = json.loads(content(stack, resource["bucket"], resource["manifest"]))
    assert all(manifest["checks"].values())
    found = []
    for part in manifest["parts"]:
        packed = content(stack, resource["bucket"], part["key"])
        assert hashlib.sha256(packed).hexdigest() == part["sha256"]
        found += [json.loads(line)["id"] for line in gzip.decompress(packed).splitlines()]
    return found


def test_an_export_is_asked_for_made_and_told_of(
    stack: Stack, shop: Simulator, ids: list[str]
) -> None:
    """Route, state machine, function, jobs, files, manifest, bus: from end to end."""
    consumer = stack.subscribe({"detail-type": ["export.completed"]})
    asked = stack.request("POST", "/instances/default/exports/customer_groups", {"fields": ["id"]})
    assert asked.status_code == 202, asked.text
    export = asked.json()["export"]
    resource = ended(stack, consumer, export)
    assert resource["status"] == "done", said(stack)
    assert exported(stack, resource) == ids
    for _ in range(50):
        told = stack.request("GET", f"/instances/default/exports/{export}").json()
        if told["status"] == "done":
            break
        time.sleep(0.1)  # the event comes first
    assert told["counts"] == {"at_start": 100, "exported": 100, "at_end": 100, "changed": 0}
    assert told["progress"]["windows"] == 3
    again = stack.request("POST", "/instances/default/exports/customer_groups", {"export": export})
    assert again.status_code == 409, "there is nothing to go on with"


def test_after_a_kill_another_execution_goes_on(
    stack: Stack, shop: Simulator, ids: list[str]
) -> None:
    states, machine = stack.aws.client("stepfunctions"), stack.resource("ExportMachine")
    consumer = stack.subscribe({"detail-type": ["export.completed"]})
    order = {"instance": "default", "resource": "customer_groups", "export": "killed"}
    jobs = {record.id for record in shop.store.all("exports")}
    shop.hold_jobs()
    try:
        run = states.start_execution(stateMachineArn=machine, input=json.dumps(order))
        for _ in range(300):
            if len(shop.store.all("exports")) == len(jobs) + 3:
                break
            time.sleep(0.1)
        states.stop_execution(executionArn=run["executionArn"])
    finally:
        shop.release_jobs()
    states.start_execution(stateMachineArn=machine, input=json.dumps(order))
    resource = ended(stack, consumer, "killed")
    assert resource["status"] == "done", said(stack)
    assert exported(stack, resource) == ids
    assert len(shop.store.all("exports")) == len(jobs) + 3, "no job was started twice"


def test_an_export_that_is_refused_fails_and_tells_why(stack: Stack) -> None:
    states, machine = stack.aws.client("stepfunctions"), stack.resource("ExportMachine")
    consumer = stack.subscribe({"detail-type": ["export.completed"]})
    order = {"instance": "default", "resource": "ordres", "export": "refused"}
    run = states.start_execution(stateMachineArn=machine, input=json.dumps(order))
    resource = ended(stack, consumer, "refused")
    assert resource["status"] == "refused"
    assert "orders" in resource["problem"]["message"]
    for _ in range(50):
        status = states.describe_execution(executionArn=run["executionArn"])["status"]
        if status != "RUNNING":
            break
        time.sleep(0.1)
    assert status == "FAILED"
