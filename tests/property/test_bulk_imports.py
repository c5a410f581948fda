"""One chunk of an import under every schedule of faults.

Whatever breaks, and whoever comes twice: a row without a natural key is made once at most, and
what the report says of a row is what happened to it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_imports.carrying import Decided, Services, carry_on
from bulk_imports.jobs import Job
from bulk_imports.model import Import, Options, Source
from bulk_imports.settling import FAILED, NOT_ATTEMPTED, OK, UNKNOWN
from connector.deadline import Deadline
from connector.errors import (
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)
from connector.import_ledger import Overtaken
from tests.property.aws_model import Killed

KEYED, KEYLESS = "stock_items", "addresses"
# Seconds after which a request is carried out that nobody got an answer to.
LATE = {"late": 60.0, "very late": 3600.0}

# What goes wrong with one call. "twice": the same task comes once more, right then.
faults = st.sampled_from(
    [
        None, None, None, None, "killed before", "killed after", "lost before", "lost after",
        "late", "very late", "429", "500 before", "500 after", "unreachable", "full",
        "twice before", "twice after", "interrupt",
    ]
)  # fmt: skip
schedules = st.lists(faults, max_size=25)


@dataclass
class Running:
    """A job of Commerce Layer."""

    id: str
    reference: str
    rows: Sequence[Mapping[str, Any]]
    begins: float
    position: int = 0
    failed: int = 0
    status: str = "pending"
    errors: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    """Commerce Layer, the table, the bucket and the clock. Every call takes the next fault."""

    kind: str
    rows: list[dict[str, Any]]
    schedule: list[str | None]
    now: float = 1_000_000.0
    jobs: list[Running] = field(default_factory=list)
    effects: Counter[int] = field(default_factory=Counter)
    state: tuple[dict[str, Any], int] = field(default_factory=lambda: ({}, 0))
    files: dict[str, Any] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)
    reported: Decided | None = None
    depth: int = 0

    def call(self, effect: Callable[[], Any], *, writes: bool = True) -> Any:
        fault = self.schedule.pop(0) if self.schedule else None
        if fault == "killed before":
            raise Killed
        if fault == "twice before":
            self.once_more()
        result = effect()
        if fault == "killed after":
            raise Killed
        if fault == "twice after":
            self.once_more()
        return result

    def once_more(self) -> None:
        """The same task, in another container, while this one is at it."""
        if self.depth < 2:
            self.depth += 1
            try:
                carry_on(self.services(), self.plan, 1)
            except Killed:
                pass
            finally:
                self.depth -= 1

    # --- Commerce Layer -------------------------------------------------------------------------

    def start(
        self,
        kind: str,
        rows: Sequence[Mapping[str, Any]],
        reference: str,
        *,
        skip_errors: bool,
        metadata: Mapping[str, Any],
    ) -> Job:
        fault = self.schedule[0] if self.schedule else None
        refused: dict[str | None, Exception] = {
            "lost before": OutcomeUnknown("lost"),
            "500 before": ServerFault("500", status=500),
            "429": RateLimited("429", retry_after=3.0),
            "unreachable": Unreachable("gone"),
            "full": RequestRefused("422", status=422),
        }
        if fault in refused:
            self.schedule.pop(0)
            raise refused[fault]

        def create() -> Running:
            begins = self.now + LATE.get(fault or "", 0.0)
            job = Running(f"j{len(self.jobs)}", reference, rows, begins)
            self.jobs.append(job)
            return job

        job = self.call(create)
        if fault == "lost after" or fault in LATE:
            raise OutcomeUnknown("lost")
        if fault == "500 after":
            raise ServerFault("500", status=500)
        return self.seen(job)

    def find(self, reference: str) -> Job | None:
        self.question()
        there = [job for job in self.jobs if job.reference == reference and job.begins <= self.now]
        return self.seen(there[-1]) if there else None

    def look(self, job_id: str) -> Job:
        self.question()
        return self.seen(next(job for job in self.jobs if job.id == job_id))

    def full(self) -> bool:
        self.question()
        return True

    def question(self) -> None:
        fault = self.schedule[0] if self.schedule else None
        if fault in ("lost before", "lost after", *LATE, "500 before", "500 after"):
            self.schedule.pop(0)
            raise UpstreamTimeout("no answer")
        if fault == "interrupt":
            for job in self.jobs:
                if job.status in ("pending", "in_progress"):
                    job.status = "interrupted"
        self.call(lambda: None)

    def pass_time(self, seconds: float) -> None:
        """Jobs do three rows a turn; those that begin late begin."""
        self.now += seconds
        for job in self.jobs:
            if job.begins > self.now or job.status in ("completed", "interrupted"):
                continue
            job.status = "in_progress"
            for row in job.rows[job.position : job.position + 3]:
                self.apply(job, row)
            if job.position >= len(job.rows):
                job.status = "completed"

    def apply(self, job: Running, row: Mapping[str, Any]) -> None:
        job.position += 1
        if row["bad"]:
            job.failed += 1
            name = str(row.get("sku_code") or job.position)
            logged = job.errors.setdefault(name, {"quantity": []})
            logged["quantity"].append("is wrong")
        else:
            self.effects[row["number"]] += 1

    @staticmethod
    def seen(job: Running) -> Job:
        done = job.position - job.failed
        return Job(job.id, job.status, len(job.rows), done, job.failed, dict(job.errors))

    # --- The table, the bucket, the slots -------------------------------------------------------

    def clock(self) -> float:
        return self.now

    def chunk(self, import_id: str, number: int) -> tuple[dict[str, Any], int]:
        return self.state

    def move(self, import_id: str, number: int, state: Mapping[str, Any], version: int) -> int:
        def write() -> int:
            if self.state[1] != version:
                raise Overtaken
            self.state = (dict(state), version + 1)
            return version + 1

        moved: int = self.call(write)
        return moved

    def take(self, holder: str, limit: int) -> bool:
        self.slots.add(holder)
        return True

    def release(self, holder: str) -> None:
        self.slots.discard(holder)

    def put(self, key: str, body: bytes) -> None:
        self.call(lambda: self.files.update({key: body}))

    def get(self, key: str) -> bytes | None:
        return self.files.get(key)

    def lines(self, key: str) -> list[Any]:
        return [[row["number"], row["number"] + 1, "", row, []] for row in self.rows]

    def finish(self, plan: Import, number: int, decided: Decided) -> dict[str, int]:
        def write() -> dict[str, int]:
            self.reported = dict(decided)
            return {}

        written: dict[str, int] = self.call(write)
        return written

    # --- The tasks ------------------------------------------------------------------------------

    @property
    def plan(self) -> Import:
        source = Source("bucket", "imports/default/x/y.csv", "etag", 1)
        return Import("0" * 32, "default", self.kind, source, options=Options(), chunks=1)

    def services(self) -> Services:
        deadline = Deadline.after(1000.0, lambda: 0.0)
        parts: Any = self
        return Services(parts, parts, parts, parts, 5, deadline, parts, parts.finish)

    def carry(self) -> bool:
        """What the state machine does: again after a failure, else as long as it is told."""
        try:
            step = carry_on(self.services(), self.plan, 1)
        except Killed:
            self.pass_time(5.0)
            return False
        self.pass_time(step.seconds)
        return step.status == "done"


def world(kind: str, bad: list[bool], names: list[int], schedule: list[str | None]) -> World:
    rows = []
    for number, each in enumerate(bad):
        row: dict[str, Any] = {"number": number, "bad": each, "quantity": 1}
        if kind == KEYED:
            # Few names, so that some rows share the one that the log knows them by.
            row |= {"sku_code": f"S{names[number % len(names)]}", "stock_location_id": f"L{number}"}
        rows.append(row)
    return World(kind, rows, list(schedule))


def run(each: World) -> Decided:
    for _ in range(600):
        if each.carry():
            assert each.reported is not None
            return each.reported
    raise AssertionError("it does not come to its end")


bads = st.lists(st.booleans(), min_size=1, max_size=12)
same = st.lists(st.integers(0, 8), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(bads, schedules)
def test_a_row_without_a_key_is_made_once_at_most_and_told_truly(
    bad: list[bool], schedule: list[str | None]
) -> None:
    each = world(KEYLESS, bad, [0], schedule)
    decided = run(each)
    for _ in bad:
        each.pass_time(LATE["very late"])
    assert max(each.effects.values(), default=0) <= 1
    for row in each.rows:
        status, _ = decided.get(row["number"], (NOT_ATTEMPTED, []))
        happened = each.effects[row["number"]]
        if status == OK:
            assert happened == 1, row
        elif status in (FAILED, NOT_ATTEMPTED):
            assert happened == 0, row
        else:
            assert status == UNKNOWN
    assert not each.slots


@settings(max_examples=300, deadline=None)
@given(bads, same, schedules)
def test_a_row_with_a_key_is_applied_and_told_truly(
    bad: list[bool], names: list[int], schedule: list[str | None]
) -> None:
    each = world(KEYED, bad, names, schedule)
    decided = run(each)
    for row in each.rows:
        status, reasons = decided.get(row["number"], (NOT_ATTEMPTED, []))
        happened = each.effects[row["number"]]
        if status == OK:
            assert happened >= 1, row
            assert not row["bad"]
        elif status == FAILED:
            assert row["bad"]
            assert reasons
        else:
            assert not happened or status == UNKNOWN, row
    assert not each.slots


@given(bads, same)
def test_without_faults_every_row_is_decided(bad: list[bool], names: list[int]) -> None:
    for kind in (KEYED, KEYLESS):
        each = world(kind, bad, names, [])
        decided = run(each)
        statuses = [decided[row["number"]][0] for row in each.rows]
        assert statuses == [FAILED if row["bad"] else OK for row in each.rows]
