"""The story that `make connect` tells: how the webhooks of an instance come to life, and stay."""

import json
from typing import Any

from local.simulator import Simulator
from local.stack.stack import INSTANCE, Stack, Subscription
from local.stack.telling import StoryFailed, call, show, step

APPROVED, CHANGED = "orders.approve", "customers.metadata_update"
TOPICS = f"{APPROVED}:customer+line_items,{CHANGED}"
PARAMETERS = {"ScheduleState": "DISABLED", "WebhookTopics": TOPICS}

API = f"/instances/{INSTANCE}/api"
FAILURES = 30  # in a row open a circuit; a delivery is tried eleven times


def tell(stack: Stack, simulator: Simulator) -> None:
    """Prints the story. Raises StoryFailed where it goes wrong."""
    # Commerce Layer waits between two attempts; nobody has to wait for that here.
    simulator.settings.change(webhook_retry_pause=0.0)
    consumer = stack.subscribe({"detail": {"origin": ["webhook"]}})

    step(1, "The topics stand in the parameter WebhookTopics; the guardian makes the webhooks")
    print(f"   WebhookTopics={TOPICS}")
    _guard(stack, made=2)
    for hook in _webhooks(stack):
        show(hook, "id", "topic", "circuit_state")
        show(hook, "callback_url", "include_resources")
    _secrets(stack)

    step(2, "It looks again every five minutes; there is nothing to do")
    _guard(stack, made=0)

    step(3, "An order is approved: Commerce Layer calls, and the event is on the bus")
    placed = f"{API}/orders?filter[q][status_eq]=placed&page[size]=1"
    order = call(stack, "GET", placed)["data"][0]
    call(stack, "POST", f"{API}/orders/{order['id']}/triggers/approve")
    _arrives(simulator, consumer, APPROVED, order["id"])

    step(4, "The receiver breaks: somebody took the instance out of its configuration")
    customer = call(stack, "GET", f"{API}/customers?page[size]=1")["data"][0]
    path = f"{API}/customers/{customer['id']}"
    stack.configure("WebhooksFunction", INSTANCES="another")
    for number in range(1, 4):
        call(stack, "PATCH", path, {"metadata": {"crm": str(number)}})
    simulator.wait_until_idle()
    print(f"   {FAILURES} failures in a row, and Commerce Layer calls no more:")
    _circuit(stack, "open")

    step(5, "The guardian raises an alarm. Its probe is refused, so the circuit stays open")
    _guard(stack, open=1, reset=0)
    show(_said(stack, CHANGED), "message", "topic", "category", "outcome", "reason")
    _circuit(stack, "open")

    step(6, "The receiver is put right: the probe is taken, the circuit is closed")
    stack.configure("WebhooksFunction", INSTANCES=INSTANCE)
    _guard(stack, open=1, reset=1)
    _circuit(stack, "closed")

    step(7, "… and what happens now arrives again")
    call(stack, "PATCH", path, {"metadata": {"crm": "4"}})
    _arrives(simulator, consumer, CHANGED, customer["id"])


def _guard(stack: Stack, **expected: int) -> None:
    answer = stack.invoke("GuardianFunction", {"instance": INSTANCE})
    print("   the guardian ran:")
    show(answer, *answer)
    if not expected.items() <= answer.items():
        raise StoryFailed(f"The guardian should have answered {expected}.")


def _webhooks(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(stack, "GET", f"{API}/webhooks")["data"]
    return found


def _circuit(stack: Stack, state: str) -> None:
    (hook,) = [each for each in _webhooks(stack) if each["topic"] == CHANGED]
    show(hook, "topic", "circuit_state", "circuit_failure_count")
    if hook["circuit_state"] != state:
        raise StoryFailed(f"The circuit should be {state}.")


def _secrets(stack: Stack) -> None:
    """How many there are: what they are is nobody's business."""
    name = f"commerce-layer-webhooks/{INSTANCE}"
    text = stack.aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    topics = json.loads(text)
    print(f"   secret {name} holds what they sign with:")
    show({topic: f"{len(kept)} of at most 2" for topic, kept in topics.items()}, APPROVED, CHANGED)


def _arrives(simulator: Simulator, consumer: Subscription, topic: str, record: str) -> None:
    simulator.wait_until_idle()
    events = [e for e in consumer.receive() if e["detail"]["change"]["id"] == record]
    if not events:
        raise StoryFailed(f"No event {topic} reached the queue.")
    print("   a queue that subscribes to the bus has it:")
    show(events[0], "source", "detail-type")
    show(events[0]["detail"], "id", "origin", "change")


def _said(stack: Stack, topic: str) -> dict[str, Any]:
    """The last line of the guardian's log about that topic."""
    lines = (line for line in stack.logs("GuardianLogGroup") if f'"topic":"{topic}"' in line)
    *_, last = (found for line in lines if "message" in (found := _parsed(line)))
    return last


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line[line.index("{") :])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
