"""Order subscriptions: made from the recurring items of a placed order, or by hand.

They know when they run next; renewals.py runs them.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.ordering import frequencies, items
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store


def created(store: Store, subscription: Record) -> None:
    """What it takes from its source order. A placed one was its first run."""
    order = store.one(subscription, "source_order")
    assert order
    market = store.one(subscription, "market") or store.one(order, "market")
    customer = store.one(order, "customer")
    links = {
        "market": market,
        "customer": customer,
        "subscription_model": store.one(market, "subscription_model") if market else None,
    }
    values = {"customer_email": order.get("customer_email")}
    store.change(subscription, values, links, updated_at=subscription.updated_at)
    for line in _recurring(store, order, subscription.get("frequency")):
        _add_item(store, subscription, line)
    if subscription.get("activate_by_source_order") and order.get("placed_at"):
        store.change(subscription, {"starts_at": order.get("placed_at"), "occurrencies": 1})
        store.change(subscription, {"last_run_at": order.get("placed_at")})
        _activate(store, subscription)


def _recurring(store: Store, order: Record, frequency: str | None) -> list[Record]:
    return [each for each in items.sold(store, order) if each.get("frequency") == frequency]


def _add_item(store: Store, subscription: Record, line: Record) -> None:
    names = ("sku_code", "bundle_code", "quantity", "unit_amount_cents", "total_amount_cents")
    links = {name: store.one(line, name) for name in ("item", "sku", "bundle")}
    store.put(
        "order_subscription_items",
        {name: line.get(name) for name in names},
        {"order_subscription": subscription, "source_line_item": line, **links},
    )


def _activate(store: Store, subscription: Record) -> None:
    store.change(subscription, {"status": "active"} | next_run(store, subscription))
    store.announce(subscription, "activate")


def next_run(store: Store, subscription: Record) -> dict[str, Any]:
    """Not before it starts, and in the future."""
    now, starts = store.clock.now(), subscription.get("starts_at")
    if starts and starts > now:
        return {"next_run_at": starts}
    at = subscription.get("last_run_at") or starts or now
    while at is not None and at <= now:
        at = frequencies.after(subscription.get("frequency") or "", at)
    return {"next_run_at": at}


def plan(store: Store, subscription: Record, triggers: Mapping[str, Any]) -> list[Effect]:
    """What the triggers do besides moving the status. Raises ApiError 422."""
    status = subscription.get("status")
    effects: list[Effect] = []
    if "_activate" in triggers and status in ("draft", "inactive"):
        effects.append(lambda: store.change(subscription, next_run(store, subscription)))
    if triggers.keys() & {"_deactivate", "_cancel"} and status == "active":
        effects.append(partial(store.change, subscription, {"next_run_at": None}))
    if "_convert" in triggers:
        effects += _converted(store, subscription)
    return effects


def _converted(store: Store, subscription: Record) -> list[Effect]:
    """A manual subscription becomes one of its market's model."""
    if store.one(subscription, "subscription_model"):
        return []
    market = store.one(subscription, "market")
    model = store.one(market, "subscription_model") if market else None
    if model is None:
        pointer = "/data/relationships/subscription_model"
        raise ApiError(validation(pointer, "blank", "must exist before the conversion"))
    return [partial(store.change, subscription, {}, {"subscription_model": model})]


def create_from(store: Store, order: Record) -> None:
    """One subscription for each frequency among the items of a placed order."""
    frequencies_found = {
        each.get("frequency") for each in items.sold(store, order) if each.get("frequency")
    }
    for frequency in sorted(frequencies_found):
        made = store.put("order_subscriptions", {"frequency": frequency}, {"source_order": order})
        store.announce(made, "create")
        created(store, made)
    store.change(order, {"subscription_created_at": store.clock.now()})
    store.announce(order, "create_subscriptions")


def cancelled(store: Store, order: Record) -> None:
    """Where the model says so, subscriptions end with the order that they come from."""
    ended = False
    for each in store.related(order, "order_subscriptions"):
        model = store.one(each, "subscription_model")
        if model and model.get("auto_cancel") and each.get("status") != "cancelled":
            store.change(each, {"status": "cancelled", "next_run_at": None})
            store.announce(each, "cancel")
            ended = True
    if ended:
        store.announce(order, "cancel_subscriptions")
