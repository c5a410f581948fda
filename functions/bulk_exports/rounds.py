"""One round of an export: look at all jobs at once, fetch what is ready, start what may be.

    waiting  -> starting   a slot is taken, and the wish written down before the job is created
    starting -> running    it was created; or it was found by its reference, if nobody knew that
    running  -> done       its file is in the bucket
             -> split      it failed, or holds more than a job takes: its halves are waiting
             -> waiting    it was interrupted, is gone, or its file is no good: another job
             -> missing    all of that in vain; the manifest tells

A round can be cut off anywhere. What it has written down is never done again; a job that it may
have started is looked for by its reference first. Twice the same job is no harm but its slot.
"""

from dataclasses import dataclass
from typing import Any

from bulk_exports.counting import Counter
from bulk_exports.download import Broken, Expired, fetch, unpack
from bulk_exports.files import Files
from bulk_exports.jobs import Empty, Full, Job, Jobs, TooMany
from bulk_exports.model import (
    DONE,
    IN_FLIGHT,
    MISSING,
    RUNNING,
    SPLIT,
    STARTING,
    WAITING,
    Export,
    Plan,
    Refused,
    Window,
    windows,
)
from bulk_exports.rows import rows
from connector.deadline import Deadline
from connector.errors import (
    CommerceLayerError,
    DeadlineExceeded,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RequestRefused,
    ServerFault,
    Unreachable,
)
from connector.job_slots import JobSlots
from connector.ledger import Ledger

PART = "window"
# Jobs for one window that end in no file, before it is given up; fresh addresses for one file.
MOST_TRIES, MOST_ADDRESSES = 3, 3
# A creation whose outcome is unknown is looked for so long before it is sent again.
GRACE = 20.0
# Seconds that must be left to begin a download, and a creation.
ROOM_TO_FETCH, ROOM_TO_START = 90.0, 35.0
# Seconds to wait: at least and at most; after a refusal for want of a slot or of rate.
SOON, LONGEST, BUSY = 2, 60, 15


@dataclass(frozen=True, slots=True)
class Services:
    """`simulated`: Commerce Layer is on this machine, and so are its files."""

    ledger: Ledger
    jobs: Jobs
    counter: Counter
    slots: JobSlots
    slot_limit: int
    files: Files
    deadline: Deadline
    simulated: bool


def load(ledger: Ledger, export: Export, plan: Plan) -> list[Window]:
    return windows(plan, ledger.parts(export.id, PART))


class Round:
    def __init__(self, services: Services, export: Export, plan: Plan) -> None:
        self._services, self._export, self._plan = services, export, plan
        self._busy = False

    def go(self) -> int | None:
        """Seconds to wait before the next one; None when every window is decided.

        Raises Refused if no job will ever be taken, and what somebody has to put right.
        """
        try:
            self._look()
            self._start()
        except (DeadlineExceeded, RateLimited):
            self._busy = self._services.deadline.allows(ROOM_TO_FETCH)  # else: the time is up
            return BUSY if self._busy else 1
        left = [each for each in self._windows() if each.state in (WAITING, *IN_FLIGHT)]
        if not left:
            return None
        flying = [each.since for each in left if each.state in IN_FLIGHT]
        if not flying or self._busy:
            return BUSY if self._busy else SOON
        # The longer they take, the less often they are asked after.
        age = self._services.ledger.clock() - min(flying)
        return int(min(LONGEST, max(SOON, age / 2)))

    def _windows(self) -> list[Window]:
        return load(self._services.ledger, self._export, self._plan)

    # --- Jobs that were asked for ----------------------------------------------------------------

    def _look(self) -> None:
        flying = [each for each in self._windows() if each.state in IN_FLIGHT]
        if not flying:
            return
        found = self._services.jobs.find(map(self._export.reference, flying))
        for window in flying:
            self._settle(window, found.get(self._export.reference(window)))

    def _settle(self, window: Window, job: Job | None) -> None:
        if job is None:
            self._not_there(window)
        elif job.status == "completed":
            self._fetch(window, job)
        elif job.status == "failed":
            self._halve(window, job.reason or "its job failed")
        elif job.status == "interrupted":
            self._again(window, "its job was interrupted")
        else:
            self._services.slots.take(self._holder(window), self._services.slot_limit)
            if window.job != job.id:
                window.job = job.id
                self._move(window, RUNNING)

    def _not_there(self, window: Window) -> None:
        if window.state == RUNNING:
            self._again(window, "its job is gone")
        elif self._services.ledger.clock() - window.since > GRACE:
            self._ask_for(window)

    def _fetch(self, window: Window, job: Job) -> None:
        self._services.deadline.require(ROOM_TO_FETCH, "A part of an export")
        reason = ""
        for _ in range(MOST_ADDRESSES):
            try:
                window.part = self._copy(window, job)
            except Expired:
                reason = "the address of its file is not taken"
            except Broken as broken:
                reason = str(broken)
            else:
                window.reason = None
                self._end(window, DONE)
                return
            try:
                job = self._services.jobs.look(job.id)
            except NotFound:
                reason = "its job is gone"
                break
        self._again(window, reason)

    def _copy(self, window: Window, job: Job) -> dict[str, Any]:
        services, export = self._services, self._export
        packed = fetch(job.address or "", services.deadline, simulated=services.simulated)
        found = services.files.write_part(
            export.part_key(window),
            export.ids_key(window),
            rows(unpack(packed), export.order.format),
        )
        return {**found, "job": job.id, "job_count": job.count}

    # --- Jobs to ask for -------------------------------------------------------------------------

    def _start(self) -> None:
        for window in self._windows():
            if window.state != WAITING:
                continue
            if not self._services.slots.take(self._holder(window), self._services.slot_limit):
                return
            self._ask_for(window)
            if self._busy:
                return

    def _ask_for(self, window: Window) -> None:
        services = self._services
        services.deadline.require(ROOM_TO_START, "An export job")
        window.since, window.job = services.ledger.clock(), None
        self._move(window, STARTING)
        try:
            job = services.jobs.start(
                self._export.order, window.bounds, self._export.reference(window)
            )
        except Empty:
            window.part = None
            self._end(window, DONE)
        except TooMany as refusal:
            window.size = refusal.count
            self._halve(window, "it holds more than a job takes")
        except (Full, RateLimited, Unreachable):
            self._end(window, WAITING)
            self._busy = True
        except (OutcomeUnknown, ServerFault):
            self._busy = True  # it may be there: the next rounds look for it
        except (RequestRefused, PermissionDenied, NotFound) as refusal:
            self._end(window, WAITING)
            raise Refused("refused", _told(refusal)) from refusal
        else:
            window.job = job.id
            self._move(window, RUNNING)

    # --- What becomes of a window ----------------------------------------------------------------

    def _halve(self, window: Window, reason: str) -> None:
        window.reason = reason
        if window.size > self._plan.floor:
            window.middle = self._services.counter.middle(window.bounds, window.size)
        if window.middle is not None and window.middle != window.upto:
            self._end(window, SPLIT)
        else:
            self._again(window, reason)

    def _again(self, window: Window, reason: str) -> None:
        """By another job, with a reference of its own."""
        self._services.slots.release(self._holder(window))
        window.tries, window.job, window.reason = window.tries + 1, None, reason
        vain = window.tries - window.given_up >= MOST_TRIES
        self._move(window, MISSING if vain else WAITING)

    def _end(self, window: Window, state: str) -> None:
        self._move(window, state)
        self._services.slots.release(self._holder(window))

    def _move(self, window: Window, state: str) -> None:
        window.state = state
        window.version = self._services.ledger.move(
            self._export.id, PART, window.label, window.dump(), window.version
        )

    def _holder(self, window: Window) -> str:
        return f"{self._export.id}-{window.label}"


def _told(refusal: CommerceLayerError) -> str:
    """With what Commerce Layer says is wrong: names of ours, which the caller sent."""
    pointers = [(each.get("source") or {}).get("pointer") for each in refusal.errors[:5]]
    places = ", ".join(str(each) for each in pointers if each)
    return f"{refusal}{f' At {places}.' if places else ''}"
