"""Starts the jobs that clients create, carries them on between requests, and ends them."""

import asyncio
import logging
import time
from functools import partial
from typing import Any

from local.simulator.background import Background
from local.simulator.environment import Environment
from local.simulator.faults import RUN, Faults
from local.simulator.jobs import admission
from local.simulator.jobs.cleanups import Cleanup
from local.simulator.jobs.exports import Export
from local.simulator.jobs.imports import Import
from local.simulator.jobs.pace import Pace
from local.simulator.jobs.tables import CLEANUPS, EXPORTS, IMPORTS, KINDS
from local.simulator.jobs.work import Work
from local.simulator.settings import Settings
from local.simulator.store import Announcement, Record
from local.simulator.validation import Change

_WORK: dict[str, type[Import | Export | Cleanup]] = {
    IMPORTS: Import,
    EXPORTS: Export,
    CLEANUPS: Cleanup,
}
_log = logging.getLogger(__name__)


def _startable(environment: Environment, record: Record, event: str) -> bool:
    """Not so if it is gone already, or was put into the store by a test, without a type."""
    there = record.number in environment.store.records and record.get("resource_type")
    return event in ("create", "start") and bool(there)


class Jobs:
    """Of every environment. To be used in the server's thread."""

    def __init__(self, settings: Settings, background: Background, faults: Faults) -> None:
        self.pace = Pace(settings)
        self._settings, self._background, self._faults = settings, background, faults
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def attend(self, environment: Environment) -> None:
        environment.listeners.append(partial(self._heard, environment))

    def admit(self, environment: Environment, kind: str, change: Change) -> None:
        """Raises ApiError 422 for a job that may not be created."""
        if kind in KINDS:
            organization, store = environment.organization, environment.store
            admission.check(store, organization, self._settings, kind, change)

    def _heard(self, environment: Environment, announcement: Announcement) -> None:
        kind, _, event = announcement.topic.partition(".")
        record = announcement.record
        if kind not in KINDS:
            return
        if event in ("interrupt", "destroy"):
            task = self._tasks.pop(record.number, None)
            if task:
                task.cancel()
        elif record.number not in self._tasks and _startable(environment, record, event):
            task = self._background.spawn(self._run(environment, record))
            self._tasks[record.number] = task

    async def _run(self, environment: Environment, record: Record) -> None:
        try:
            with self.pace.job():
                await self._carry_out(environment, record)
        except Exception:
            _log.exception("%s %s", record.type, record.id)
            self._end(environment, record, "interrupted")
            raise
        finally:
            if self._tasks.get(record.number) is asyncio.current_task():
                del self._tasks[record.number]

    async def _carry_out(self, environment: Environment, record: Record) -> None:
        await self.pace.rest(0)
        work: Work | None = self._begin(environment, record)
        spent = 0.0
        while work:
            # Its size may be changed by the switch while the job rests.
            await self.pace.rest(self.pace.slice(), spent)
            began = time.perf_counter()
            if self._broken(record):
                self._end(
                    environment, record, "failed", errors_log={"RuntimeError": "query timeout"}
                )
                return
            work = self._advance(environment, work, self.pace.slice())
            spent = time.perf_counter() - began

    def _begin(self, environment: Environment, record: Record) -> Work:
        store = environment.store
        with store.lock:
            work = _WORK[record.type](store, record, environment.organization)
            values: dict[str, Any] = {"status": "in_progress", "started_at": store.clock.now()}
            if record.type == IMPORTS:
                values["attachment_url"] = f"{IMPORTS}/{record.id}"
            started = record.get("status") == "in_progress"  # by its trigger, which announced it
            store.change(record, values | {"interrupted_at": None} | work.progress())
            if not started:
                store.announce(record, "start")
        environment.settle()
        return work

    def _broken(self, record: Record) -> bool:
        """A fault asked for with `kind="query_timeout"`."""
        if record.type != EXPORTS:
            return False
        return self._faults.pick(RUN, f"/api/{EXPORTS}/{record.id}") is not None

    def _advance(self, environment: Environment, work: Work, records: int) -> Work | None:
        """The next records. None when that was all."""
        store, record = environment.store, work.record
        with store.lock:
            muted, store.muted = store.muted, work.mutes
            try:
                for _ in range(records):
                    if work.over or work.hopeless:
                        break
                    work.step()
                if work.over and not work.hopeless:
                    work.finish()
            finally:
                store.muted = muted
            if not (work.over or work.hopeless):
                store.change(record, work.progress())
        environment.settle()
        if work.hopeless:
            self._end(environment, record, "interrupted", **work.progress())
        elif work.over:
            self._end(environment, record, "completed", **work.progress())
        else:
            return work
        return None

    def _end(self, environment: Environment, record: Record, status: str, **values: Any) -> None:
        store = environment.store
        # Before its end is announced, which would cancel it.
        self._tasks.pop(record.number, None)
        with store.lock:
            if record.number not in store.records:
                return
            now = store.clock.now()
            if status != "failed":
                values[f"{status}_at"] = now
            if status == "completed" and record.type == EXPORTS:
                values |= {
                    "attachment_url": f"{EXPORTS}/{record.id}",
                    "estimated_completion_at": now,
                }
            store.change(record, values | {"status": status})
            event = {"completed": "complete", "interrupted": "interrupt"}.get(status)
            if event:
                store.announce(record, event)
        environment.settle()
