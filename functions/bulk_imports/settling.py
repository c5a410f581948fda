"""What an ended job says of its rows. Pure.

Commerce Layer tells errors by the natural key of a row, and counts. Rows that share what they are
called by, a job that ended early, an error that names no row: there it leaves open what became of
a row, and so is that row left open here, to be sent again where this does no harm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulk_imports.jobs import Job
from connector.commerce_layer import importing

OK, FAILED, NOT_ATTEMPTED, UNKNOWN = "ok", "failed", "not attempted", "unknown"

Reasons = list[dict[str, str]]

# Of a row without a natural key, in this order; its position in the job is the last resort.
_NAMES = ("reference", "id", "name", "code")


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of a job: its number in the file, and what was sent."""

    number: int
    row: Mapping[str, Any]


@dataclass(slots=True)
class Settled:
    """Row number -> (status, reasons) for those that are decided.

    `shared` are rows left open because others are called the same; only one of each name should
    be sent with the next job.
    """

    decided: dict[int, tuple[str, Reasons]] = field(default_factory=dict)
    shared: bool = False


def settle(kind: str, sent: Sequence[Sent], job: Job) -> Settled:
    """Of a job that has ended."""
    keyed = kind in importing.KEYS
    settled = Settled()
    blamed, unnamed = _blame(kind, sent, job.errors)
    alone = {rows[0] for rows in blamed.values() if len(rows) == 1}
    together = {row for rows in blamed.values() if len(rows) > 1 for row in rows} - alone
    if len(alone) + len(together) == job.failed and not unnamed:
        alone, together = alone | together, set()  # all of them, then
    if job.failed > len(alone) + len(together) and not unnamed:
        count = f"{job.failed} rows had errors, and the job does not tell of all of them."
        unnamed = [{"field": "", "reason": count}]
    reasons = _reasons(blamed, job.errors)
    # Those below `low` were surely handled. Whether the count includes the failed is not told.
    ended_early = job.status != "completed"
    low = job.processed if ended_early else len(sent)
    high = job.processed + job.failed if ended_early else len(sent)
    for position, each in enumerate(sent):
        if position in alone:
            settled.decided[each.number] = (FAILED, reasons[position])
        elif position in together:
            settled.shared = True
            if not keyed:
                settled.decided[each.number] = (UNKNOWN, reasons[position])
        elif position < low:
            if unnamed:
                settled.decided[each.number] = (UNKNOWN, unnamed)
            else:
                settled.decided[each.number] = (OK, [])
        elif position < high and not keyed:
            reason = "The job was interrupted about here."
            settled.decided[each.number] = (UNKNOWN, [{"field": "", "reason": reason}])
    return settled


def one_of_each_name(kind: str, rows: Iterable[Sent]) -> list[Sent]:
    """The first of those that an error log would call the same."""
    first: dict[str, Sent] = {}
    for each in rows:
        names = _names(kind, each.row)
        first.setdefault(names[0] if names else f"#{each.number}", each)
    return list(first.values())


def _names(kind: str, row: Mapping[str, Any]) -> list[str]:
    """What the log may call a row, the likeliest first."""
    columns = [name for part in importing.KEYS.get(kind, ()) for name in part]
    return [
        str(row[name])
        for name in (*columns, *_NAMES)
        if isinstance(row.get(name), str | int) and row[name] != ""
    ]


def _blame(
    kind: str, sent: Sequence[Sent], errors: Mapping[str, Any]
) -> tuple[dict[str, list[int]], Reasons]:
    """Entry of the log -> positions of the rows it may mean; the reasons of those without any."""
    by_name: list[dict[str, list[int]]] = []
    for position, each in enumerate(sent):
        for rank, name in enumerate(_names(kind, each.row)):
            if rank == len(by_name):
                by_name.append({})
            by_name[rank].setdefault(name, []).append(position)
    blamed, unnamed = {}, list[dict[str, str]]()
    for entry, messages in errors.items():
        rows = next((names[entry] for names in by_name if entry in names), None)
        if rows is None and entry.isdecimal() and 0 < int(entry) <= len(sent):
            rows = [int(entry) - 1]
        if rows is None:
            unnamed += _flat(messages, f"an error of {entry[:60]}, which is no row of this job: ")
        else:
            blamed[entry] = rows
    return blamed, unnamed


def _reasons(blamed: Mapping[str, list[int]], errors: Mapping[str, Any]) -> dict[int, Reasons]:
    found: dict[int, Reasons] = {}
    for entry, rows in blamed.items():
        for row in rows:
            found.setdefault(row, []).extend(_flat(errors[entry]))
    return found


def _flat(messages: Any, before: str = "") -> Reasons:
    """`{"quantity": ["must be …"]}`, or whatever stands there in its place."""
    if not isinstance(messages, Mapping):
        return [{"field": "", "reason": f"{before}{messages}"}]
    return [
        {"field": "" if name == "base" else str(name), "reason": f"{before}{text}"}
        for name, texts in messages.items()
        for text in dict.fromkeys(map(str, texts if isinstance(texts, list) else [texts]))
    ]
