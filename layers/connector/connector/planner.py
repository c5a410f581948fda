"""The write planner: a batch of writes becomes single requests and import jobs.

Pure. Whichever spends fewer requests, as long as every row keeps what it was promised. An import
job makes or updates records, without most of Commerce Layer's webhooks, in an order of its own: it
can carry an upsert, and a creation that cannot meet an existing record, and nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from connector.commerce_layer import importing

Action = Literal["create", "update", "upsert", "delete", "trigger"]

CHUNK_SIZE = 2_000

# Requests. A record that is meant by a key has to be found first; a job is created and asked
# after until it has ended, four times with the pauses that bulk_imports makes.
WRITE, LOOKUP = 1, 1
JOB = 1 + 4


@dataclass(frozen=True, slots=True)
class Write:
    """One row of a batch.

    row       as an import would take it (`importing.as_row`); None if it cannot be said so
    by_id     the record is meant by its id, so that a single write needs no look-up
    ordered   it has an `order_key`: it may turn out to be superseded
    webhooks  whoever hears Commerce Layer's webhooks is to hear of it
    """

    action: Action
    resource: str
    row: Mapping[str, Any] | None = None
    by_id: bool = False
    ordered: bool = False
    webhooks: bool = False

    @property
    def requests(self) -> int:
        """What it costs as a single write."""
        finds = self.action != "create" and not self.by_id
        return WRITE + LOOKUP if finds else WRITE


@dataclass(frozen=True, slots=True)
class Job:
    """One import job: the positions of its rows in the batch, in order."""

    resource: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every position of the batch stands in `singles` or in one of the jobs.

    `requests` is what the plan costs, `one_by_one` what single writes alone would; `reasons` tells
    why so many rows are single.
    """

    singles: tuple[int, ...]
    jobs: tuple[Job, ...]
    requests: int
    one_by_one: int
    reasons: Mapping[str, int] = field(default_factory=dict)

    def explain(self) -> str:
        """For people, in one or two sentences."""
        said = []
        if self.jobs:
            count = sum(len(job.rows) for job in self.jobs)
            said.append(
                f"{_count(count, 'row')} in {_count(len(self.jobs), 'import job')}: about"
                f" {self.requests:,} requests in all, instead of {self.one_by_one:,}."
            )
        if self.singles:
            why = ", ".join(f"{reason} ({count:,})" for reason, count in self.reasons.items())
            said.append(f"{_count(len(self.singles), 'row')} one by one: {why}.")
        return " ".join(said) or "Nothing to write."

    def summary(self) -> dict[str, Any]:
        """For results and logs: numbers and the text."""
        return {
            "rows": len(self.singles) + sum(len(job.rows) for job in self.jobs),
            "single_writes": len(self.singles),
            "import_jobs": len(self.jobs),
            "requests": self.requests,
            "requests_one_by_one": self.one_by_one,
            "explanation": self.explain(),
        }


def plan(writes: Sequence[Write], *, chunk_size: int = CHUNK_SIZE) -> Plan:
    """The cheapest way to carry out a batch that keeps every row's promise."""
    repeated = _repeated(writes)
    groups: dict[str, list[int]] = {}
    reasons: Counter[str] = Counter()
    singles = set()
    for position, write in enumerate(writes):
        reason = _must_be_single(write) or _alone(write, repeated)
        if reason is None:
            groups.setdefault(write.resource, []).append(position)
        else:
            reasons[reason] += 1
            singles.add(position)
    jobs, spent = [], 0
    for resource, positions in groups.items():
        cost, single = job_requests(len(positions), chunk_size), _cost(writes, positions)
        if cost < single:
            spent += cost
            jobs += [Job(resource, rows) for rows in _chunks(positions, chunk_size)]
        else:
            reasons["so few cost less so"] += len(positions)
            singles |= set(positions)
    return Plan(
        singles=tuple(sorted(singles)),
        jobs=tuple(jobs),
        requests=spent + _cost(writes, singles),
        one_by_one=_cost(writes, range(len(writes))),
        reasons=dict(reasons),
    )


def job_requests(rows: int, chunk_size: int = CHUNK_SIZE) -> int:
    """What that many rows are expected to cost as import jobs."""
    return ceil(rows / chunk_size) * JOB


def _must_be_single(write: Write) -> str | None:  # noqa: PLR0911 - one for each promise
    """The promise that an import would break, in words; None if it would break none."""
    if write.resource not in importing.TYPES:
        return f"{write.resource} cannot be imported"
    if write.action == "trigger" or any(name.startswith("_") for name in write.row or ()):
        return "triggers are fired one by one"
    if write.action in ("update", "delete"):
        return f"an import does not {write.action}"
    if write.webhooks:
        return "an import sends no webhooks"
    if write.ordered:
        return "an import knows no order_key"
    if write.row is None:
        return "an import has no form for it"
    known = importing.identity(write.resource, write.row) is not None
    if write.action == "create" and known:
        return "an import would update what is there already"
    if write.action == "upsert" and (not known or write.by_id):
        return "an import would not find the record"
    return None


def _repeated(writes: Sequence[Write]) -> set[tuple[str, importing.Identity]]:
    """Records that several rows mean: their writes must not overtake each other."""
    seen = Counter(each for write in writes if (each := _identity(write)))
    return {each for each, count in seen.items() if count > 1}


def _alone(write: Write, repeated: set[tuple[str, importing.Identity]]) -> str | None:
    return "several rows of one record keep their order" if _identity(write) in repeated else None


def _identity(write: Write) -> tuple[str, importing.Identity] | None:
    known = write.row and importing.identity(write.resource, write.row)
    return (write.resource, known) if known else None


def _cost(writes: Sequence[Write], positions: Iterable[int]) -> int:
    return sum(writes[position].requests for position in positions)


def _chunks(positions: list[int], size: int) -> list[tuple[int, ...]]:
    return [tuple(positions[at : at + size]) for at in range(0, len(positions), size)]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
