"""Was a write done whose answer got lost? What to note before it, and how to judge after it.

What moves money is judged by what it leaves behind: the balance, and the transactions below the
record. Anything else is judged by the record itself. Nothing here writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.changes import parse_time, print_time
from connector.commerce_layer.client import Client, Document
from connector.commerce_layer.query import Query
from connector.errors import NotFound

# By how much our clock and Commerce Layer's may differ.
SKEW = timedelta(seconds=5)


class Verdict(Enum):
    DONE = "done"
    UNDONE = "undone"  # proved: nothing has happened
    FAILED = "failed"  # it was carried out and came to nothing, or can come to nothing any more
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changes something.

    resource       as in the path
    attributes     with triggers among them; relationships in JSON:API's form
    document       what is sent, if it is not made of the two; query is sent along
    find           filters by which a record that this creates is found
    seen           `updated_at` of the record, if it was read before
    """

    method: str
    resource: str
    id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    relationships: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] | bytes | None = None
    query: str = ""
    find: Mapping[str, str] = field(default_factory=dict)
    seen: str | None = None

    @property
    def path(self) -> str:
        return self.resource if self.id is None else f"{self.resource}/{self.id}"

    @property
    def type(self) -> str:
        return catalog.resource(self.resource).type if self.known else self.resource

    @property
    def known(self) -> bool:
        return catalog.known(self.resource)

    @property
    def money(self) -> "Money | None":
        """What it moves, if it does."""
        if self.method != "PATCH":
            return None
        triggers = (name for name, value in self.attributes.items() if value not in (None, False))
        return next((MONEY[self.type, n] for n in triggers if (self.type, n) in MONEY), None)


@dataclass(frozen=True, slots=True)
class Money:
    """`children` is the include path of the transactions that it makes, `balance` the attribute
    that it lowers, `amount` the one that asks for a part of it."""

    children: str | None
    balance: str | None = None
    amount: str | None = None


MONEY = {
    ("authorizations", "_capture"): Money(
        "captures", "capture_balance_cents", "_capture_amount_cents"
    ),
    ("authorizations", "_void"): Money("voids", "void_balance_cents"),
    ("authorizations", "_cancel"): Money("voids", "void_balance_cents"),
    ("captures", "_refund"): Money("refunds", "refund_balance_cents", "_refund_amount_cents"),
    ("captures", "_cancel"): Money("refunds", "refund_balance_cents"),
    ("orders", "_authorize"): Money("authorizations", None, "_authorization_amount_cents"),
    ("orders", "_capture"): Money("captures"),
    ("orders", "_approve_and_capture"): Money("captures"),
    ("orders", "_refund"): Money("refunds"),
    ("returns", "_refund"): Money("order.refunds", None, "_refund_amount_cents"),
    ("gift_cards", "_balance_change_cents"): Money(None, "balance_cents", "_balance_change_cents"),
}

# trigger -> the status that it leads to, and the time that it leaves
STATES = {
    "_place": ("placed", "placed_at"),
    "_approve": ("approved", "approved_at"),
    "_cancel": ("cancelled", "cancelled_at"),
    "_pending": ("pending", ""),
    "_request": ("requested", ""),
    "_reject": ("rejected", "rejected_at"),
    "_receive": ("received", "received_at"),
    "_upcoming": ("upcoming", ""),
    "_on_hold": ("on_hold", "on_hold_at"),
    "_picking": ("picking", "picking_at"),
    "_packing": ("packing", "packing_at"),
    "_ready_to_ship": ("ready_to_ship", "ready_to_ship_at"),
    "_ship": ("shipped", "shipped_at"),
    "_deliver": ("delivered", "delivered_at"),
    "_in_transit": ("in_transit", ""),
    "_complete": ("completed", "completed_at"),
    "_activate": ("active", ""),
    "_deactivate": ("inactive", ""),
    "_purchase": ("", "purchase_started_at"),
}
# trigger -> the attribute that is null without it, and whether it is null after it
MARKS = {
    "_archive": ("archived_at", False),
    "_unarchive": ("archived_at", True),
    "_disable": ("disabled_at", False),
    "_enable": ("disabled_at", True),
}


def note(client: Client, write: Write) -> dict[str, Any]:
    """What to remember of a write before it is sent: ids and amounts, nothing that was written.

    Reads the record if it moves money.
    """
    noted: dict[str, Any] = {
        "method": write.method,
        "resource": write.resource,
        "id": write.id,
        "relationships": write.relationships,
        "seen": write.seen,
    }
    if write.money:
        noted["money"] = _snapshot(client, write, write.money)[0]
    return noted


@dataclass(frozen=True, slots=True)
class Judgement:
    """`record` is the record as it is now, in JSON:API's form, if there is one."""

    verdict: Verdict
    record: Mapping[str, Any] | None = None
    reason: str = ""


def judge(
    client: Client, write: Write, noted: Mapping[str, Any], sent_at: float, *, alone: bool
) -> Judgement:
    """`write` is what was sent. `alone`: none of ours has moved money there since.

    Raises what reading raises.
    """
    sent = datetime.fromtimestamp(sent_at, UTC) - SKEW
    if noted["method"] == "POST":
        return _judge_creation(client, write, sent)
    try:
        if "money" in noted and write.money:
            return _judge_money(client, write, write.money, noted["money"], alone=alone)
        names = tuple(noted["relationships"])
        record = client.retrieve(noted["resource"], noted["id"], Query(include=names))["data"]
    except NotFound:
        gone = Verdict.DONE if noted["method"] == "DELETE" else Verdict.UNSURE
        return Judgement(gone, reason="The record is gone.")
    if noted["method"] == "DELETE":
        return Judgement(Verdict.UNDONE, record)
    return _judge_update(write, noted, record, sent)


def _judge_creation(client: Client, write: Write, sent: datetime) -> Judgement:
    if not write.find:
        return Judgement(Verdict.UNSURE, reason="Without a reference nothing finds the record.")
    filters = {**write.find, "created_at_gteq": print_time(sent)}
    found = client.list(write.resource, Query(filters=filters, page_size=2))["data"]
    if not found:
        return Judgement(Verdict.UNDONE)
    if len(found) == 1 and _holds(write, found[0], sent) is not False:
        return Judgement(Verdict.DONE, found[0])
    return Judgement(Verdict.UNSURE, reason="Other records like it were created meanwhile.")


def _judge_update(
    write: Write, noted: Mapping[str, Any], record: Mapping[str, Any], sent: datetime
) -> Judgement:
    updated_at = record["attributes"]["updated_at"]  # every resource has it
    untouched = updated_at == noted["seen"] if noted["seen"] else parse_time(updated_at) < sent
    if untouched:
        return Judgement(Verdict.UNDONE, record)
    if _holds(write, record, sent) and _linked(noted["relationships"], record):
        return Judgement(Verdict.DONE, record)
    return Judgement(Verdict.UNSURE, record, "The record was changed meanwhile, by whom is open.")


def _snapshot(
    client: Client, write: Write, money: Money
) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """What to keep of the record, the transactions below it by id, and the record."""
    include = (money.children,) if money.children else ()
    document: Document = client.retrieve(write.resource, str(write.id), Query(include=include))
    kind = (money.children or "").rpartition(".")[2]
    children = {
        each["id"]: each["attributes"]
        for each in document.get("included", ())
        if each["type"] == kind
    }
    balance = document["data"]["attributes"].get(money.balance) if money.balance else None
    return {"balance": balance, "children": sorted(children)}, children, document["data"]


def _judge_money(
    client: Client, write: Write, money: Money, before: Mapping[str, Any], *, alone: bool
) -> Judgement:
    after, children, record = _snapshot(client, write, money)
    new = [each for key, each in children.items() if key not in before["children"]]
    moved = [each for each in new if each.get("succeeded")]
    if after == before:
        return Judgement(Verdict.UNDONE, record)
    if new and not moved:
        return Judgement(Verdict.FAILED, record, "The payment gateway refused it.")
    if money.children and not new:
        reason = "Nothing was done, and the balance has changed meanwhile."
        return Judgement(Verdict.FAILED, record, reason)
    if alone and _accounts_for(write, money, before, after, moved):
        return Judgement(Verdict.DONE, record)
    return Judgement(Verdict.UNSURE, record, "Money was moved meanwhile, by whom is open.")


def _accounts_for(
    write: Write,
    money: Money,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    moved: list[Mapping[str, Any]],
) -> bool:
    """Whether what has changed is what the write asked for, and no more."""
    asked = write.attributes.get(money.amount) if money.amount else None
    if not money.children:
        return bool(after["balance"] == before["balance"] + asked)
    amount = before["balance"] if asked is None else asked
    if amount is None:  # of an order, as much as it takes
        return True
    total = sum(each.get("amount_cents") or 0 for each in moved)
    lowered = money.balance is None or after["balance"] == before["balance"] - amount
    return bool(total == amount and lowered)


def _holds(write: Write, record: Mapping[str, Any], sent: datetime) -> bool | None:
    """Whether the record is as the write would leave it; None if nothing of it can be compared."""
    found = record["attributes"]
    answers = [_shows(name, value, found, sent) for name, value in write.attributes.items()]
    told = [answer for answer in answers if answer is not None]
    if not told:
        return None if write.attributes or not write.relationships else True
    return all(told)


def _shows(name: str, value: Any, found: Mapping[str, Any], sent: datetime) -> bool | None:
    if name in MARKS:
        attribute, null = MARKS[name]
        return (found[attribute] is None) == null if attribute in found else None
    if name in STATES:
        status, stamp = STATES[name]
        if status and found.get("status") == status:
            return True
        at = found.get(stamp)
        return at is not None and parse_time(at) >= sent
    return _same(value, found[name]) if name in found else None


def _same(value: Any, found: Any) -> bool:
    if value == found:
        return True
    if isinstance(value, Mapping) and isinstance(found, Mapping):  # metadata may be merged
        return all(name in found and _same(each, found[name]) for name, each in value.items())
    if not isinstance(found, str):
        return str(value) == str(found)
    if str(value).strip().casefold() == found.strip().casefold():
        return True
    try:
        return parse_time(str(value)) == parse_time(found)
    except ValueError:
        return False


def _linked(relationships: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    found = record.get("relationships", {})
    return all(
        _ids(each.get("data")) == _ids(found.get(name, {}).get("data"))
        for name, each in relationships.items()
    )


def _ids(data: Any) -> set[str]:
    return {each["id"] for each in (data if isinstance(data, list) else [data] if data else [])}
