"""Transactions: what an order has authorized, captured, voided and refunded, and what is left.

A transaction that the gateway refuses is kept as well, with `succeeded` false; it moves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from local.simulator.behaviour.ordering import lifecycle
from local.simulator.behaviour.paying import gateway
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store

_PENDING = ("draft", "pending", "placing")


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the transactions of an order that succeeded."""

    authorized: int
    captured: int
    voided: int
    refunded: int

    @property
    def held(self) -> int:
        """Authorized, and neither captured nor voided."""
        return self.authorized - self.captured - self.voided

    @property
    def kept(self) -> int:
        return self.captured - self.refunded


def sums(store: Store, order: Record) -> Sums:
    kinds = ("authorizations", "captures", "voids", "refunds")
    return Sums(*(_total(store.related(order, kind)) for kind in kinds))


def _total(transactions: list[Record]) -> int:
    return sum(each.get("amount_cents") for each in transactions if each.get("succeeded"))


def outstanding(store: Store, order: Record) -> int:
    """What neither an authorization nor a capture covers yet."""
    known = sums(store, order)
    total: int = order.get("total_amount_with_taxes_cents") or 0
    return max(total - known.held - known.kept, 0)


def status(store: Store, order: Record) -> str:
    """The payment status that follows from the transactions."""
    known = sums(store, order)
    total = order.get("total_amount_with_taxes_cents") or 0
    pending = order.get("status") in _PENDING
    if known.refunded and not pending:
        return "refunded" if known.kept <= 0 else "partially_refunded"
    if known.kept:
        return "paid" if known.kept >= total else "partially_paid"
    if known.held:
        short = "partially_voided" if known.voided and not pending else "partially_authorized"
        return "authorized" if known.held >= total else short
    if known.voided and not pending:
        return "voided"
    return "unpaid" if known.authorized or total else "free"


def authorize(store: Store, order: Record, amount: int | None = None) -> Record:
    """And capture at once where the payment method says so."""
    done = _transact(
        store, order, "authorizations", outstanding(store, order) if amount is None else amount
    )
    if not done.get("succeeded"):
        return done
    moved(store, order, done)
    method = store.one(order, "payment_method")
    if method and method.get("auto_capture"):
        limit = method.get("auto_capture_max_amount_cents")
        if limit is None or order.get("total_amount_with_taxes_cents") <= limit:
            capture(store, done, done.get("capture_balance_cents"))
    return done


def capture(store: Store, authorization: Record, amount: int) -> Record:
    return _against(store, authorization, "captures", amount)


def void(store: Store, authorization: Record) -> Record:
    return _against(store, authorization, "voids", authorization.get("void_balance_cents"))


def refund(store: Store, captured: Record, amount: int) -> Record:
    return _against(store, captured, "refunds", amount)


def capture_order(store: Store, order: Record) -> list[Record]:
    """What the order costs, from its authorizations in turn."""
    left = order.get("total_amount_with_taxes_cents") - sums(store, order).kept
    done = []
    for each in _open(store, order, "authorizations", "capture_balance_cents"):
        amount = min(each.get("capture_balance_cents"), left)
        if amount > 0:
            done.append(capture(store, each, amount))
            left -= amount
    return done


def void_order(store: Store, order: Record) -> list[Record]:
    open_ones = _open(store, order, "authorizations", "void_balance_cents")
    return [void(store, each) for each in open_ones]


def refund_order(store: Store, order: Record) -> list[Record]:
    open_ones = _open(store, order, "captures", "refund_balance_cents")
    return [refund(store, each, each.get("refund_balance_cents")) for each in open_ones]


def _open(store: Store, order: Record, kind: str, balance: str) -> list[Record]:
    return [each for each in store.related(order, kind) if each.get(balance)]


def settle(store: Store, order: Record) -> None:
    """The order follows its transactions. One that is voided or refunded in full is cancelled."""
    reached = status(store, order)
    values = {"payment_status": reached}
    if reached in ("voided", "refunded") and order.get("status") in ("placed", "approved"):
        values["status"] = "cancelled"
    if reached == "refunded" and order.get("fulfillment_status") == "in_progress":
        values["fulfillment_status"] = "unfulfilled"
    lifecycle.move(store, order, **values)
    lifecycle.start_fulfilling_if_ready(store, order)


def insist(trigger: str, *transactions: Record) -> None:
    """Raises ApiError 422 if the gateway refused one. The refused transaction stays."""
    for each in transactions:
        if not each.get("succeeded"):
            pointer, code = f"/data/attributes/{trigger}", each.get("error_code")
            raise ApiError(
                validation(pointer, "payment_failed", str(each.get("message")), value=code)
            )


def _transact(
    store: Store, order: Record, kind: str, amount: int, links: Mapping[str, Record] | None = None
) -> Record:
    source = store.one(order, "payment_source")
    values = gateway.answer(source, kind) | {
        "amount_cents": amount,
        "payment_method_type": source.type if source else None,
    }
    made = store.put(kind, values, {"order": order, "payment_source": source, **(links or {})})
    code = sha256(f"transaction {made.number}".encode()).hexdigest()[:24]
    store.change(made, {"gateway_transaction_id": code}, updated_at=made.updated_at)
    store.announce(made, "create")
    if made.get("succeeded"):
        store.announce(made, "succeeded")
        balance(store, made)
    else:
        store.announce(made, "failed")
        store.announce(made, "refused")
    return made


# kind -> the relationship that holds what it is against.
_REFERENCES = {
    "captures": "reference_authorization",
    "voids": "reference_authorization",
    "refunds": "reference_capture",
}

# kind -> what is taken from it, and the attributes that tell what is left.
_BALANCES = {
    "authorizations": (
        ("captures", "voids"),
        ("capture_amount_cents", "capture_balance_cents", "void_balance_cents"),
    ),
    "captures": (("refunds",), ("refund_amount_cents", "refund_balance_cents")),
}


def _against(store: Store, reference: Record, kind: str, amount: int) -> Record:
    order = store.one(reference, "order")
    assert order
    made = _transact(store, order, kind, amount, {_REFERENCES[kind]: reference})
    if made.get("succeeded"):
        moved(store, order, made)
    return made


def reference_of(store: Store, transaction: Record) -> Record | None:
    """The authorization of a capture or a void, the capture of a refund."""
    return store.one(transaction, _REFERENCES.get(transaction.type, ""))


def moved(store: Store, order: Record, transaction: Record) -> None:
    """Everything that hangs on a transaction which succeeded."""
    reference = reference_of(store, transaction)
    if reference:
        balance(store, reference)
    settle(store, order)
    if transaction.type == "refunds":
        store.announce(order, "refund")


def balance(store: Store, record: Record) -> None:
    """Note what is left of an authorization or a capture."""
    if record.type in _BALANCES:
        spending, names = _BALANCES[record.type]
        spent = sum(_total(store.related(record, kind)) for kind in spending)
        store.change(record, dict.fromkeys(names, record.get("amount_cents") - spent))
