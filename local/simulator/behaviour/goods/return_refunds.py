"""The money for a return: a refund of what the order's captures still hold."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.paying import payments
from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, refused_transition, validation
from local.simulator.store import Record, Store

_TRIGGER = "_refund"
_AMOUNT = "_refund_amount_cents"


def plan(store: Store, record: Record, given: Mapping[str, Any]) -> Effect | None:
    """The amount that is given, or what its lines are worth. Raises ApiError 422."""
    state = record.get("status")
    if state == "refunded":
        return None
    if state != "received":
        raise refused_transition(_TRIGGER, state)
    capture = _capture(store, record)
    balance = (capture.get("refund_balance_cents") or 0) if capture else 0
    amount = int(given.get(_AMOUNT) or _worth(store, record))
    if capture is None or not 0 < amount <= balance:
        key, message = "less_than_or_equal_to", f"must be less than or equal to {balance}"
        pointer = f"/data/attributes/{_AMOUNT}"
        raise ApiError(validation(pointer, key, message, value=amount, count=balance))
    return partial(_refund, store, record, capture, amount)


def _capture(store: Store, record: Record) -> Record | None:
    """The one that the return names, else the one of its order with the most left."""
    named, order = store.one(record, "reference_capture"), store.one(record, "order")
    captures = [named] if named else store.related(order, "captures") if order else []
    return max(captures, key=lambda each: each.get("refund_balance_cents") or 0, default=None)


def _worth(store: Store, record: Record) -> int:
    lines = store.related(record, "return_line_items")
    return sum(line.get("total_amount_cents") or 0 for line in lines)


def _refund(store: Store, record: Record, capture: Record, amount: int) -> None:
    refund = payments.refund(store, capture, amount)
    store.change(refund, {}, {"return": record}, updated_at=refund.updated_at)
    payments.insist(_TRIGGER, refund)
    values = {"status": "refunded", "refunded_at": store.clock.now()}
    store.change(record, values, {"reference_capture": capture, "reference_refund": refund})
