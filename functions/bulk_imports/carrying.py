"""One chunk of an import, carried on step by step until every row of it is decided.

    ready    -> sending    the wish is written down before the job is created
    sending  -> running    it was created; or it was found by its reference, if nobody knew that
    running  -> ready      it has ended, and what it decided is kept; the rest goes into another
    ready    -> done       nothing is left to send, and the report of the chunk is written

A creation that may have happened is looked for, for GRACE seconds: by then it has been done or
never will be. Rows with a natural key are then sent again. Without one they would make their
records twice, so that they are reported as unknown.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from bulk_imports.announcing import Announcer
from bulk_imports.files import Files
from bulk_imports.jobs import Job, Jobs
from bulk_imports.model import Import
from bulk_imports.settling import (
    NOT_ATTEMPTED,
    OK,
    UNKNOWN,
    Reasons,
    Sent,
    one_of_each_name,
    settle,
)
from connector.deadline import Deadline
from connector.errors import (
    CommerceLayerError,
    ConnectorError,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServerFault,
    UpstreamTimeout,
)
from connector.import_ledger import Ledger, Overtaken
from connector.job_slots import JobSlots

# Longer than a request of ours can be under way, and than the API's cache may show an old list.
GRACE = 120.0
# Jobs for one chunk. Rows that share a name, and of which some failed, need one for each of them.
MAX_PASSES = 30
# Refusals of a creation that is not for want of a free slot.
MAX_REFUSALS = 3
# Seconds that a creation may take: it must not be begun shortly before the end.
ROOM = 35.0
# Seconds of waiting.
SOON, BUSY, LONGEST = 2, 15, 60

Decided = dict[int, tuple[str, Reasons]]


@dataclass(frozen=True, slots=True)
class State:
    """Of a chunk, in the ledger. `passes` have been settled; `counts` come with the end."""

    name: str = "ready"
    passes: int = 0
    job: str | None = None
    sent_at: float = 0.0
    polls: int = 0
    refusals: int = 0
    one_each: bool = False
    announced: int = 0
    stopped: str = ""
    problem: str = ""
    counts: dict[str, int] | None = None

    def left(self, *, keyed: bool) -> str:
        """What is said of rows that nothing was decided of, should it stay like this.

        What an ended job left open may have been done, unless it was left open for being last.
        """
        sent = self.name in ("sending", "running") or (keyed and self.passes)
        return UNKNOWN if sent else NOT_ATTEMPTED


@dataclass(frozen=True, slots=True)
class Step:
    """What the state machine does next: `wait` so many seconds, or go on to the next chunk."""

    status: str
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Services:
    files: Files
    ledger: Ledger
    jobs: Jobs
    slots: JobSlots
    slot_limit: int
    deadline: Deadline
    announcer: Announcer
    finish: Callable[[Import, int, Decided], dict[str, int]]


def carry_on(services: Services, plan: Import, number: int) -> Step:
    """As far as it goes without waiting. Raises what somebody has to put right."""
    chunk = _Chunk(services, plan, number)
    try:
        while True:
            step = chunk.step()
            if step:
                return step
    except Overtaken:
        return Step("wait", BUSY)
    except ConnectorError as error:
        chunk.note(str(error))
        raise


class _Chunk:
    def __init__(self, services: Services, plan: Import, number: int) -> None:
        self._services, self._plan, self._number = services, plan, number
        state, self._version = services.ledger.chunk(plan.id, number)
        self._state = State(**state)

    def step(self) -> Step | None:
        """None to go on at once. Raises Overtaken."""
        match self._state.name:
            case "ready":
                return self._send()
            case "sending":
                return self._search()
            case "running":
                return self._look()
        return Step("done")

    def note(self, problem: str) -> None:
        """For the report, should nobody carry this chunk on any more."""
        with suppress(Overtaken):
            self._move(replace(self._state, problem=problem))

    def _send(self) -> Step | None:
        state, services = self._state, self._services
        rows = self._open() if not state.stopped else []
        if not rows:
            return self._finish()
        if state.passes >= MAX_PASSES:
            self._stop(f"It was not decided by {MAX_PASSES} jobs.")
            return None
        if not services.deadline.allows(ROOM):
            return Step("wait", 0)
        if not services.slots.take(self._holder, services.slot_limit):
            return Step("wait", BUSY)
        return self._start(rows)

    def _start(self, rows: list[Sent]) -> Step | None:
        """First that it is wished, then the wish: nobody forgets a job that may be there."""
        services = self._services
        sent_at = services.ledger.clock()
        self._move(replace(self._state, name="sending", sent_at=sent_at, job=None))
        try:
            job = services.jobs.start(
                self._plan.resource,
                [each.row for each in rows],
                self._reference,
                skip_errors=self._plan.options.skip_errors,
                metadata={
                    "import": self._plan.id,
                    "chunk": self._number,
                    "pass": self._state.passes,
                },
            )
        except (OutcomeUnknown, ServerFault, UpstreamTimeout):
            return Step("wait", SOON)  # it may have been created: `sending` stays
        except ConnectorError as error:
            self._move(replace(self._state, name="ready"))
            services.slots.release(self._holder)
            if isinstance(error, RequestRefused | InvalidRequest | NotFound):
                return self._refused(error)
            return _later(error)
        return self._runs(job)

    def _refused(self, error: CommerceLayerError | InvalidRequest) -> Step | None:
        """For want of a free slot, whoever has them: wait. Else the third time is the last."""
        try:
            full = self._services.jobs.full()
        except ConnectorError as fault:
            return _later(fault)
        if full:
            return Step("wait", BUSY)
        if self._state.refusals + 1 < MAX_REFUSALS:
            self._move(replace(self._state, refusals=self._state.refusals + 1))
            return Step("wait", SOON)
        self._stop(_said(error))
        return None

    def _search(self) -> Step | None:
        try:
            job = self._services.jobs.find(self._reference)
        except ConnectorError as error:
            return _later(error)
        if job:
            return self._runs(job)
        if self._services.ledger.clock() < self._state.sent_at + GRACE:
            return Step("wait", BUSY)
        if self._plan.keyed:
            self._move(replace(self._state, name="ready"))
            return None
        reason = [{"field": "", "reason": "Its job may have been created, and was not found."}]
        return self._keep({each.number: (UNKNOWN, reason) for each in self._open()})

    def _runs(self, job: Job) -> Step | None:
        self._move(replace(self._state, name="running", job=job.id, polls=0, refusals=0))
        return None if job.over else Step("wait", SOON)

    def _look(self) -> Step | None:
        state, services = self._state, self._services
        try:
            job = services.jobs.look(state.job or "")
        except NotFound:
            return self._gone()
        except ConnectorError as error:
            return _later(error)
        if not job.over:
            services.slots.take(self._holder, services.slot_limit)
            self._move(replace(state, polls=state.polls + 1))
            return Step("wait", self._estimate(job))
        rows = self._open()
        settled = settle(self._plan.resource, rows, job)
        decided = settled.decided
        if job.status == "interrupted" and not self._plan.options.skip_errors:
            reason = "The job was interrupted: too many of its rows had errors."
            left = (each.number for each in rows if each.number not in decided)
            decided |= dict.fromkeys(left, (NOT_ATTEMPTED, [{"field": "", "reason": reason}]))
        return self._keep(decided, one_each=state.one_each or settled.shared)

    def _gone(self) -> Step | None:
        """Somebody deleted the job. What it did nobody tells."""
        if self._plan.keyed:
            return self._keep({})
        reason = [{"field": "", "reason": "Its job was deleted before it could be read."}]
        return self._keep({each.number: (UNKNOWN, reason) for each in self._open()})

    def _keep(self, decided: Decided, *, one_each: bool = False) -> Step | None:
        """First the outcomes, then that they are there."""
        state = self._state
        key = self._outcomes(state.passes)
        self._services.files.put(key, json.dumps(decided).encode())
        self._services.slots.release(self._holder)
        self._move(
            replace(state, name="ready", passes=state.passes + 1, job=None, one_each=one_each)
        )
        return None

    def _stop(self, reason: str) -> None:
        """Nothing more is sent of this chunk."""
        self._move(replace(self._state, stopped=reason))

    def _finish(self) -> Step:
        decided = self._decided()
        if self._plan.options.events and (step := self._announce(decided)):
            return step
        if self._state.stopped:
            reasons = [{"field": "", "reason": self._state.stopped}]
            left = self._state.left(keyed=self._plan.keyed)
            for each in self._rows():
                decided.setdefault(each.number, (left, reasons))
        counts = self._services.finish(self._plan, self._number, decided)
        self._services.slots.release(self._holder)
        self._move(replace(self._state, name="done", counts=counts))
        return Step("done")

    def _announce(self, decided: Decided) -> Step | None:
        """Publish what was applied, batch by batch: imports mute Commerce Layer's webhooks."""
        services, key = self._services, self._plan.chunk_key("ids", self._number, "json")
        applied = [
            each for each in self._rows() if decided.get(each.number, (NOT_ATTEMPTED,))[0] == OK
        ]
        batches = services.announcer.batches(applied)
        ids: dict[str, str] = json.loads(services.files.get(key) or b"{}")
        position, step = self._state.announced, None
        while position < len(batches) and not step:
            try:
                services.deadline.require(ROOM, "A batch of events")
                ids |= services.announcer.publish(batches[position])
                position += 1
            except ConnectorError as error:
                step = _later(error)
        if position > self._state.announced:
            services.files.put(key, json.dumps(ids).encode())
            self._move(replace(self._state, announced=position))
        return step

    def _open(self) -> list[Sent]:
        """The rows of the next, or of the current job: the same however often it is asked."""
        decided = self._decided()
        rows = [each for each in self._rows() if each.number not in decided]
        return one_of_each_name(self._plan.resource, rows) if self._state.one_each else rows

    def _rows(self) -> Iterable[Sent]:
        key = self._plan.chunk_key("chunks", self._number)
        for number, _, _, row, reasons in self._services.files.lines(key):
            if not reasons:
                yield Sent(number, row)

    def _decided(self) -> Decided:
        return read_outcomes(self._services.files, self._plan, self._number, self._state.passes)

    def _outcomes(self, number: int) -> str:
        return outcomes_key(self._plan, self._number, number)

    def _move(self, state: State) -> None:
        ledger = self._services.ledger
        self._version = ledger.move(self._plan.id, self._number, asdict(state), self._version)
        self._state = state

    def _estimate(self, job: Job) -> int:
        """Seconds that it will still take at its pace; without one, longer from time to time."""
        done = job.processed + job.failed
        spent = self._services.ledger.clock() - self._state.sent_at
        if done <= 0 or spent <= 0:
            return int(min(LONGEST, SOON * 2 ** min(self._state.polls, 5)))
        return int(max(SOON, min(LONGEST, (job.size - done) * spent / done)))

    @property
    def _reference(self) -> str:
        return f"{self._plan.id}-{self._number:05d}-{self._state.passes:02d}"

    @property
    def _holder(self) -> str:
        return f"{self._plan.id}-{self._number:05d}"


def outcomes_key(plan: Import, number: int, of_pass: int) -> str:
    return plan.work("outcomes", f"{number:05d}-{of_pass:02d}.json")


def read_outcomes(files: Files, plan: Import, number: int, passes: int) -> Decided:
    """What the jobs so far have decided of a chunk."""
    decided: Decided = {}
    for each in range(passes):
        kept = json.loads(files.get(outcomes_key(plan, number, each)) or b"{}")
        decided |= {int(row): (status, reasons) for row, (status, reasons) in kept.items()}
    return decided


def _later(error: ConnectorError) -> Step:
    """A question that got no answer is asked again; a credential that is refused is not."""
    if error.retryable:
        return Step("wait", _pause(error))
    raise error


def _pause(error: ConnectorError) -> int:
    asked = error.retry_after if isinstance(error, RateLimited) else 0.0
    return round(min(LONGEST, max(SOON, asked)))


def _said(error: CommerceLayerError | InvalidRequest) -> str:
    """Commerce Layer's own words: they are of our job, not of a row's data."""
    errors: Any = error.errors if isinstance(error, CommerceLayerError) else []
    details = [str(each.get("detail") or each.get("title") or "") for each in errors]
    return f"Commerce Layer refused the job: {'; '.join(filter(None, details)) or error}"
