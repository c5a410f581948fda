"""The story that `make demo` tells: every answer in it is real."""

import time

from local.stack.stack import Stack
from local.stack.telling import StoryFailed, call, show, step

# EventBridge Scheduler looks every ten seconds here (every minute in AWS); the rest is the run.
WITHIN = 40.0


def tell(stack: Stack) -> None:
    """Prints the story. Raises StoryFailed where it goes wrong."""
    step(1, "An instance is connected: its six credentials are in Secrets Manager")
    print("   secret commerce-layer/default: domain, client_id, client_secret, scope, …")
    connection = call(stack, "GET", "/instances/default")
    show(connection, "connected", "organization", "application", "mode", "scope", "rate_limit")

    step(2, "Any resource can be read through the HTTP API, as plain JSON")
    skus = call(stack, "GET", "/instances/default/api/skus?page[size]=3&fields[skus]=code,name")
    for sku in skus["data"]:
        show(sku, "id", "type", "code", "name")
    show(skus, "meta")
    placed = call(
        stack,
        "GET",
        "/instances/default/api/orders?filter[q][status_eq]=placed&include=customer&page[size]=1",
    )["data"][0]
    show(placed, "number", "status", "payment_status", "formatted_total_amount_with_taxes")
    show(placed["customer"], "type", "email")

    step(3, "… and changed")
    path = f"/instances/default/api/orders/{placed['id']}"
    changed = call(stack, "PATCH", path, {"metadata": {"erp_number": "A-1042"}})
    show(changed, "id", "metadata", "updated_at")
    approved = call(stack, "POST", f"{path}/triggers/approve")
    show(approved, "id", "status", "approved_at")

    step(4, "A mistake gets an answer that helps")
    show(call(stack, "GET", "/instances/default/api/ordres", expect=404), "title", "detail")

    step(5, "On a schedule, what changed goes onto the event bus")
    consumer = stack.subscribe({"detail-type": ["orders.changed"]})
    print("   an SQS queue subscribes to orders.changed; the schedule of the stream `orders` fires")
    begun = time.monotonic()
    stack.fire("orders")
    events = consumer.receive(within=WITHIN)
    mine = [event for event in events if event["detail"]["change"]["id"] == placed["id"]]
    if not mine:
        raise StoryFailed("No event of the changed order reached the queue.")
    print(f"   after {time.monotonic() - begun:.0f} s the queue has {len(events)} event(s):")
    show(mine[0], "source", "detail-type")
    detail = mine[0]["detail"]
    show(detail, "id", "origin", "stream", "occurred_at", "change")
    show(detail["resource"], "number", "status", "metadata")
