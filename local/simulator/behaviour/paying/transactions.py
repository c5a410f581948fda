"""The triggers of authorizations, captures, voids and refunds."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.ordering import placing
from local.simulator.behaviour.paying import payments
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, refused_transition, validation
from local.simulator.store import Record, Store

_PENDING = ("draft", "pending", "placing")

_Triggers = Mapping[str, Any]


def plan(store: Store, record: Record, triggers: _Triggers) -> list[Effect]:
    """Raises ApiError 422 where the balance or the state of the order forbids it."""
    plans = _PLANS[record.type]
    effects = [plans[name](store, record, triggers) for name in triggers if name in plans]
    return [effect for effect in effects if effect]


def _capture(store: Store, record: Record, triggers: _Triggers) -> Effect | None:
    return _part(store, record, triggers, "capture", ("approved",))


def _refund(store: Store, record: Record, triggers: _Triggers) -> Effect | None:
    return _part(store, record, triggers, "refund", ("placed", "approved", "cancelled"))


def _part(
    store: Store, record: Record, triggers: _Triggers, verb: str, states: Collection[str]
) -> Effect | None:
    """Capture or refund the amount that is given, or else what it is meant to be.

    An amount alone is remembered for the next time.
    """
    trigger = f"_{verb}"
    balance = record.get(f"{verb}_balance_cents")
    given = _amount(f"{trigger}_amount_cents", triggers)
    if not balance and given is None and _undone(store, record, f"{verb}s"):
        return None
    _check_order(store, record, trigger, states)
    amount = record.get(f"{verb}_amount_cents") if given is None else given
    if not balance or amount > balance:
        raise _too_much(f"{trigger}_amount_cents", amount, balance)
    if trigger not in triggers:
        return partial(store.change, record, {f"{verb}_amount_cents": amount})
    act = payments.capture if verb == "capture" else payments.refund
    return lambda: payments.insist(trigger, act(store, record, amount))


def _amount(name: str, triggers: _Triggers) -> int | None:
    if name not in triggers:
        return None
    try:
        amount = int(triggers[name])
    except (TypeError, ValueError):
        amount = 0
    if amount <= 0:
        pointer, value = f"/data/attributes/{name}", triggers[name]
        raise ApiError(validation(pointer, "greater_than", "must be greater than 0", value=value))
    return amount


def _too_much(name: str, amount: int, balance: int) -> ApiError:
    message = f"must be less than or equal to {balance}"
    pointer = f"/data/attributes/{name}"
    return ApiError(
        validation(pointer, "less_than_or_equal_to", message, value=amount, count=balance)
    )


def _void(store: Store, record: Record, _: _Triggers) -> Effect | None:
    if not record.get("void_balance_cents") and _undone(store, record, "voids"):
        return None
    return _all_voided(store, record, "_void", ("placed", "approved"))


def _cancel_authorization(store: Store, record: Record, _: _Triggers) -> Effect | None:
    if not record.get("void_balance_cents") and _undone(store, record, "voids"):
        return None
    return _all_voided(store, record, "_cancel", _PENDING)


def _all_voided(
    store: Store, record: Record, trigger: str, states: Collection[str]
) -> Effect | None:
    _check_order(store, record, trigger, states)
    if not record.get("void_balance_cents"):
        raise refused_transition(trigger, "captured")
    return lambda: payments.insist(trigger, payments.void(store, record))


def _cancel_capture(store: Store, record: Record, _: _Triggers) -> Effect | None:
    balance = record.get("refund_balance_cents")
    if not balance and _undone(store, record, "refunds"):
        return None
    _check_order(store, record, "_cancel", _PENDING)
    return lambda: payments.insist("_cancel", payments.refund(store, record, balance))


def _undone(store: Store, record: Record, name: str) -> bool:
    return any(each.get("succeeded") for each in store.related(record, name))


def _check_order(store: Store, record: Record, trigger: str, states: Collection[str]) -> None:
    if not record.get("succeeded"):
        raise refused_transition(trigger, "failed")
    order = store.one(record, "order")
    state = order.get("status") if order else None
    if state not in states:
        raise refused_transition(trigger, state)


def _forward(store: Store, record: Record, _: _Triggers) -> Effect | None:
    """A stuck transaction did succeed after all, unless others have taken its place meanwhile."""
    if record.get("succeeded"):
        return None
    order = store.one(record, "order")
    if order is None:
        raise refused_transition("_forward", None)
    reference = payments.reference_of(store, record)
    if reference is None:
        left = payments.outstanding(store, order)
    else:
        name = "refund" if record.type == "refunds" else "capture"
        left = reference.get(f"{name}_balance_cents")
    if record.get("amount_cents") > left:
        raise _too_much("_forward", record.get("amount_cents"), left)
    return partial(_forwarded, store, record, order)


def _forwarded(store: Store, record: Record, order: Record) -> None:
    store.change(record, {"succeeded": True})
    store.announce(record, "succeeded")
    payments.balance(store, record)
    payments.moved(store, order, record)
    if order.get("status") == "placing":
        placing.finish(store, order)


_Plan = Callable[[Store, Record, _Triggers], Effect | None]


def _alone(name: str, plan: _Plan) -> _Plan:
    """For an amount: it is the other trigger's business where both are sent."""
    return lambda store, record, triggers: (
        None if name in triggers else plan(store, record, triggers)
    )


_PLANS: dict[str, dict[str, _Plan]] = {
    "authorizations": {
        "_capture": _capture,
        "_capture_amount_cents": _alone("_capture", _capture),
        "_void": _void,
        "_cancel": _cancel_authorization,
        "_forward": _forward,
    },
    "captures": {
        "_refund": _refund,
        "_refund_amount_cents": _alone("_refund", _refund),
        "_cancel": _cancel_capture,
        "_forward": _forward,
    },
    "voids": {"_forward": _forward},
    "refunds": {"_forward": _forward},
}
