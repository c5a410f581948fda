"""The story that `make demo` tells: every answer in it is real."""

import json
import time
from typing import Any

from local.stack.stack import Stack

# EventBridge Scheduler looks every ten seconds here (every minute in AWS); the rest is the run.
WITHIN = 40.0


class StoryFailed(Exception):
    """Something did not happen that should have."""


def tell(stack: Stack) -> None:
    """Prints the story. Raises StoryFailed where it goes wrong."""
    _step(1, "An instance is connected: its six credentials are in Secrets Manager")
    print("   secret commerce-layer/default: domain, client_id, client_secret, scope, …")
    connection = _call(stack, "GET", "/instances/default")
    _show(connection, "connected", "organization", "application", "mode", "scope", "rate_limit")

    _step(2, "Any resource can be read through the HTTP API, as plain JSON")
    skus = _call(stack, "GET", "/instances/default/api/skus?page[size]=3&fields[skus]=code,name")
    for sku in skus["data"]:
        _show(sku, "id", "type", "code", "name")
    _show(skus, "meta")
    placed = _call(
        stack,
        "GET",
        "/instances/default/api/orders?filter[q][status_eq]=placed&include=customer&page[size]=1",
    )["data"][0]
    _show(placed, "number", "status", "payment_status", "formatted_total_amount_with_taxes")
    _show(placed["customer"], "type", "email")

    _step(3, "… and changed")
    path = f"/instances/default/api/orders/{placed['id']}"
    changed = _call(stack, "PATCH", path, {"metadata": {"erp_number": "A-1042"}})
    _show(changed, "id", "metadata", "updated_at")
    approved = _call(stack, "POST", f"{path}/triggers/approve")
    _show(approved, "id", "status", "approved_at")

    _step(4, "A mistake gets an answer that helps")
    _show(_call(stack, "GET", "/instances/default/api/ordres", expect=404), "title", "detail")

    _step(5, "On a schedule, what changed goes onto the event bus")
    consumer = stack.subscribe({"detail-type": ["orders.changed"]})
    print("   an SQS queue subscribes to orders.changed; the schedule of the stream `orders` fires")
    begun = time.monotonic()
    stack.fire("orders")
    events = consumer.receive(within=WITHIN)
    mine = [event for event in events if event["detail"]["change"]["id"] == placed["id"]]
    if not mine:
        raise StoryFailed("No event of the changed order reached the queue.")
    print(f"   after {time.monotonic() - begun:.0f} s the queue has {len(events)} event(s):")
    _show(mine[0], "source", "detail-type")
    detail = mine[0]["detail"]
    _show(detail, "id", "origin", "stream", "occurred_at", "change")
    _show(detail["resource"], "number", "status", "metadata")


def _step(number: int, title: str) -> None:
    print(f"\n{number}. {title}", flush=True)


def _call(
    stack: Stack, method: str, path: str, document: Any = None, *, expect: int = 200
) -> dict[str, Any]:
    answer = stack.request(method, path, document)
    print(f"   {method} {path}" + (f" {_short(document)}" if document else ""))
    print(f"   {answer.status_code} {answer.reason_phrase}", flush=True)
    if answer.status_code != expect:
        raise StoryFailed(f"{method} {path} answered {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


def _show(document: dict[str, Any], *names: str) -> None:
    """The named members only: whole answers are long."""
    print("     " + "  ".join(f"{n}: {_short(document[n])}" for n in names if n in document))


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
