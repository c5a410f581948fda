"""Order copies: a new order with the items, the customer and the addresses of another one."""

from typing import Any

from local.simulator.behaviour.ordering import checkout, items, placing, totals
from local.simulator.errors import ApiError
from local.simulator.store import Record, Store

_ATTRIBUTES = (
    "language_code",
    "guest",
    "customer_email",
    "shipping_country_code_lock",
    "freight_taxable",
    "payment_method_taxable",
    "adjustment_taxable",
    "gift_card_taxable",
    "cart_url",
    "return_url",
    "terms_url",
    "privacy_url",
)
_LINE = (
    "sku_code",
    "bundle_code",
    "quantity",
    "currency_code",
    "unit_amount_cents",
    "compare_at_amount_cents",
    "options_amount_cents",
    "total_amount_cents",
    "name",
    "image_url",
    "item_type",
    "frequency",
)
_OPTION = ("name", "quantity", "unit_amount_cents", "options")


def run(store: Store, copy: Record) -> None:
    """From pending to completed, or failed if its order had to be placed and could not be."""
    source = store.one(copy, "source_order")
    if copy.get("status") != "pending" or source is None:
        return
    store.change(copy, {"status": "in_progress", "started_at": store.clock.now()})
    store.announce(copy, "start")
    target = _copied(store, copy, source)
    store.change(copy, {}, {"target_order": target})
    subscription = store.one(copy, "order_subscription")
    if subscription:
        store.change(target, {}, {"order_subscription": subscription})
    try:
        _finish(store, copy, source, target)
    except ApiError as refusal:
        errors = {each["source"]["pointer"]: each["detail"] for each in refusal.errors}
        _end(store, copy, "failed", "fail", errors_log=errors, errors_count=len(errors))
    else:
        _end(store, copy, "completed", "complete")


def _end(store: Store, copy: Record, status: str, event: str, **values: Any) -> None:
    stamps = {f"{status}_at": store.clock.now()}
    store.change(copy, {"status": status, **stamps, **values})
    store.announce(copy, event)


def _finish(store: Store, copy: Record, source: Record, target: Record) -> None:
    if copy.get("place_target_order"):
        placing.plan(store, target, {}, {})()
    if copy.get("cancel_source_order") and source.get("status") in ("pending", "placed"):
        placing.cancel(store, source)


def _copied(store: Store, copy: Record, source: Record) -> Record:
    names = (*_ATTRIBUTES, "coupon_code") if copy.get("apply_promotions") else _ATTRIBUTES
    links = {name: store.one(source, name) for name in ("market", "customer", "store")}
    order = store.put("orders", {name: source.get(name) for name in names}, links)
    store.announce(order, "create")
    subscription = store.one(copy, "order_subscription")
    if subscription:
        for item in store.related(subscription, "order_subscription_items"):
            _subscribed(store, order, item)
    else:
        for line in items.sold(store, source):
            _copy_line(store, order, line)
    for name in ("billing_address", "shipping_address"):
        address = store.one(source, name)
        if address:
            store.change(order, {}, {name: checkout.clone(store, address)})
    store.change(order, {}, {"payment_method": store.one(source, "payment_method")})
    if copy.get("reuse_wallet") is not False:
        _pay_from_wallet(store, order, source)
    totals.refresh(store, order)
    return order


def _copy_line(store: Store, order: Record, line: Record) -> None:
    names = ("item", "sku", "bundle", "gift_card")
    links = {name: store.one(line, name) for name in names}
    values = {name: line.get(name) for name in _LINE}
    made = store.put("line_items", values, {"order": order, **links})
    for option in store.related(line, "line_item_options"):
        link = {"line_item": made, "sku_option": store.one(option, "sku_option")}
        store.put("line_item_options", {name: option.get(name) for name in _OPTION}, link)


def _subscribed(store: Store, order: Record, item: Record) -> None:
    """An item of a subscription, at the price that it was subscribed for."""
    sold = store.one(item, "item")
    if sold is None:
        return
    names = ("sku_code", "bundle_code", "quantity", "unit_amount_cents", "total_amount_cents")
    values = {name: item.get(name) for name in names}
    values |= {"item_type": sold.type, "name": sold.get("name")}
    links = {name: store.one(item, name) for name in ("item", "sku", "bundle", "adjustment")}
    store.put("line_items", values, {"order": order, **links})


def _pay_from_wallet(store: Store, order: Record, source: Record) -> None:
    """With the saved payment source that paid the first time, or else any for that method."""
    customer = store.one(order, "customer")
    saved = store.related(customer, "customer_payment_sources") if customer else []
    paid = store.one(source, "payment_source")
    method = store.one(order, "payment_method")
    fitting = [
        each
        for each in saved
        if store.one(each, "payment_source") and store.one(each, "payment_method") is method
    ]
    fitting.sort(key=lambda each: store.one(each, "payment_source") is not paid)
    if fitting:
        store.change(order, {}, {"payment_source": store.one(fitting[0], "payment_source")})
