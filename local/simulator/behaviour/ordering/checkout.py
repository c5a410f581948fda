"""Triggers of an order that copy addresses and payment sources to it, or save them from it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour.ordering import totals
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, refused_transition, validation
from local.simulator.store import Record, Store

_SIDES = ("billing", "shipping")


def plan(store: Store, order: Record, triggers: Mapping[str, Any]) -> list[Effect]:
    """Raises ApiError 422 where what they name does not exist, or is another customer's."""
    effects: list[Effect] = []
    for trigger, value in triggers.items():
        planned = _PLANS.get(trigger)
        if planned:
            effects += planned(store, order, trigger, value)
    return effects


def _clone(store: Store, order: Record, trigger: str, value: Any) -> list[Effect]:
    address = store.get("addresses", str(value))
    if address is None:
        raise _unknown(trigger, value)
    link = trigger.removeprefix("_").removesuffix("_clone_id")
    return [lambda: set_address(store, order, link, clone(store, address))]


def _same(store: Store, order: Record, trigger: str, _: Any) -> list[Effect]:
    """The other address may come with the same request, so it is looked up when it is copied."""
    target, source = trigger.removeprefix("_").split("_address_same_as_")

    def copy() -> None:
        address = store.one(order, f"{source}_address")
        if address:
            set_address(store, order, f"{target}_address", clone(store, address))

    return [copy]


def clone(store: Store, address: Record) -> Record:
    known = catalog.resource("addresses").attributes.items()
    kept = {name: address.get(name) for name, attribute in known if attribute.creatable}
    return store.put("addresses", kept, {"geocoder": store.one(address, "geocoder")})


def set_address(store: Store, order: Record, link: str, address: Record) -> None:
    store.change(order, {}, {link: address})
    totals.changed(store, order)


def _save_address(store: Store, order: Record, trigger: str, _: Any) -> list[Effect]:
    link = trigger.removeprefix("_save_").removesuffix("_to_customer_address_book")
    return [partial(_into_address_book, store, order, link)]


def _into_address_book(store: Store, order: Record, link: str) -> None:
    address, customer = store.one(order, link), store.one(order, "customer")
    if address is None or customer is None:
        return
    saved = store.related(customer, "customer_addresses")
    if any(store.one(each, "address") is address for each in saved):
        return
    values = {"customer_email": customer.get("email")}
    made = store.put("customer_addresses", values, {"customer": customer, "address": address})
    store.announce(made, "create")


def _save_source(store: Store, order: Record, _: str, __: Any) -> list[Effect]:
    return [partial(_into_wallet, store, order)]


def _into_wallet(store: Store, order: Record) -> None:
    source, customer = store.one(order, "payment_source"), store.one(order, "customer")
    if source is None or customer is None:
        return
    saved = store.related(customer, "customer_payment_sources")
    if any(store.one(each, "payment_source") is source for each in saved):
        return
    method = store.one(order, "payment_method")
    links = {"customer": customer, "payment_method": method, "payment_source": source}
    store.put("customer_payment_sources", {}, links)


def _from_wallet(store: Store, order: Record, trigger: str, value: Any) -> list[Effect]:
    saved = store.get("customer_payment_sources", str(value))
    customer = store.one(order, "customer")
    source = store.one(saved, "payment_source") if saved else None
    if saved is None or source is None or store.one(saved, "customer") is not customer:
        raise _unknown(trigger, value)
    links = {"payment_source": source}
    method = store.one(saved, "payment_method")
    if method:
        links["payment_method"] = method
    return [lambda: set_source(store, order, links)]


def set_source(store: Store, order: Record, links: Mapping[str, Any]) -> None:
    store.change(order, {}, links)
    totals.changed(store, order)


def _nullify_source(store: Store, order: Record, trigger: str, _: Any) -> list[Effect]:
    if order.get("status") not in ("draft", "pending"):
        raise refused_transition(trigger, order.get("status"))
    if store.one(order, "payment_source") is None:
        return []
    return [lambda: set_source(store, order, {"payment_source": None})]


def _unknown(trigger: str, value: Any) -> ApiError:
    pointer = f"/data/attributes/{trigger}"
    return ApiError(validation(pointer, "invalid", "does not exist", value=value))


_PLANS = {
    **{f"_{side}_address_clone_id": _clone for side in _SIDES},
    "_shipping_address_same_as_billing": _same,
    "_billing_address_same_as_shipping": _same,
    **{f"_save_{side}_address_to_customer_address_book": _save_address for side in _SIDES},
    "_save_payment_source_to_customer_wallet": _save_source,
    "_customer_payment_source_id": _from_wallet,
    "_nullify_payment_source": _nullify_source,
}
