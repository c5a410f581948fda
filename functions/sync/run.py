"""One run of one stream: what changed goes onto the bus, and only then the bookmark moves.

Two marks say how far a stream is. Everything stamped before `bookmark` has been read. Everything
stamped before `settled` has been read again, or for the first time, at least `settle` after its
stamp, so that no commit can land there any more that the promise covers.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from connector.commerce_layer import changes
from connector.commerce_layer.changes import Page, parse_time, print_time
from connector.commerce_layer.documents import flatten
from connector.commerce_layer.query import Query
from connector.echoes import echo_key
from connector.errors import DeadlineExceeded, PublishFailed, StreamChanged
from connector.event_bus import Source, change_of, version_id
from connector.streams import Beginning, Stream, beginning
from sync.deletions import Deletions
from sync.replay import carry_out
from sync.work import Result, Services, Work

# Marks are asked for again after `overlap` and `settle`; the rest is for a schedule switched off.
SEEN_SECONDS = 7 * 24 * 3600.0


def run(
    stream: Stream, source: Source, services: Services, begin: Beginning | None = None
) -> Result:
    """`begin` resets the stream to that time first. A paused stream is left as it is.

    Raises StreamBusy, LeaseLost, StreamChanged, PublishFailed, TableBusy, and what reading raises.
    """
    with services.table.lease(f"{source.instance}#{stream.name}") as lease:
        if lease.paused:
            return Result(bookmark=lease.bookmark, paused=True)
        work = Work(stream, source, services, lease)
        try:
            _Run(work).go(begin)
        except Exception as error:
            lease.report = _report(work, type(error).__name__)
            raise
        lease.report = _report(work)
        return work.result


def _report(work: Work, error: str | None = None) -> str:
    """Of a run, for those who ask how the stream is doing."""
    ended = datetime.fromtimestamp(work.services.table.clock(), UTC)
    work.lease.late_arrivals += work.result.late_arrivals
    return json.dumps({"ended_at": print_time(ended), "error": error, **asdict(work.result)})


class _Paused(Exception):
    """While the run was under way. What it has published, it has also noted."""


class _Run:
    def __init__(self, work: Work) -> None:
        self._work, self._stream, self._lease = work, work.stream, work.lease
        self._services, self._result = work.services, work.result
        self._deletions = Deletions(work)

    def go(self, begin: Beginning | None) -> None:
        try:
            self._place(begin or self._wished())
            self._read()
            self._result.complete = True
        except _Paused:
            pass
        except DeadlineExceeded:
            if not self._result.requests:
                raise  # The function's timeout is too short for any page: somebody has to know.
        self._result.bookmark = self._lease.bookmark
        if self._result.complete:
            carry_out(self._work)
            self._deletions.look()
        self._result.paused = self._lease.paused

    def _wished(self) -> Beginning | None:
        text = self._lease.notes.get("reset_from")
        return None if text is None else beginning(text)

    def _place(self, begin: Beginning | None) -> None:
        """Begin the stream where that has not happened, or is asked for."""
        fingerprint = self._stream.fingerprint
        if begin is None and self._lease.bookmark is not None:
            if self._lease.fingerprint != fingerprint:
                raise StreamChanged(
                    f"Stream {self._stream.name} has another resource or filter than its bookmark."
                    ' Send {"instance", "stream", "from": "now", "full" or a date} to reset it.'
                )
            return
        first = begin or self._stream.first
        if first == "now":
            _, date = self._work.fetch(Query(page_size=1, page_number=1))
            first = changes.server_time(date)
        self._lease.reset(print_time(first), fingerprint)

    def _read(self) -> None:
        bookmark, settled = self._marks()
        since = bookmark - self._stream.overlap
        for page in changes.read(self._work.fetch, self._stream.query, since):
            self._publish(page)
            horizon = page.start - self._stream.settle
            bookmark = max(bookmark, page.read_until)
            if settled >= since:  # nothing is left to sweep between the two
                settled = max(settled, min(page.read_until, horizon))
            self._advance(bookmark, settled)
        if settled < since:
            self._sweep(bookmark, settled, min(since, horizon))
            self._advance(bookmark, max(settled, horizon))

    def _sweep(self, bookmark: datetime, settled: datetime, until: datetime) -> None:
        """Read once more what had no time to settle when it was read first."""
        if until <= settled:
            return
        for page in changes.read(self._work.fetch, self._stream.query, settled, until):
            self._result.late_arrivals += self._publish(page)
            self._advance(bookmark, max(settled, page.read_until))

    def _publish(self, page: Page) -> int:
        """Put what is new of a page onto the bus, then mark it as seen. How much that is."""
        by = f"{self._lease.stream}#{self._lease.generation}"
        records = {
            self._event_id(record): record
            for record in flatten(page.document, self._stream.query.include)["data"]
        }
        instance = self._work.source.instance
        echoes = {
            event_id: echo_key(instance, change_of(each)) for event_id, each in records.items()
        }
        seen, echoed = self._services.table.seen_and(records, by, echoes.values())
        causes = {
            event_id: echoed[key["pk"]["S"]]["command_id"]["S"]
            for event_id, key in echoes.items()
            if key["pk"]["S"] in echoed
        }
        new = {event_id: records[event_id] for event_id in records if event_id not in seen}
        self._deletions.published(list(dict.fromkeys(r["id"] for r in new.values())))
        try:
            self._work.publish(new, f"{self._stream.resource}.changed", causes=causes)
        except PublishFailed as failure:
            self._services.table.mark(failure.published, by, SEEN_SECONDS)
            self._result.published += len(failure.published)
            raise
        self._services.table.mark(new, by, SEEN_SECONDS)
        self._result.published += len(new)
        self._result.duplicates += len(seen)
        return len(new)

    def _event_id(self, record: Mapping[str, Any]) -> str:
        instance, name = self._work.source.instance, self._stream.name
        return version_id(instance, name, record["type"], record["id"], record["updated_at"])

    def _marks(self) -> tuple[datetime, datetime]:
        bookmark, settled = self._lease.bookmark, self._lease.settled
        if bookmark is None or settled is None:
            raise AssertionError("a stream that was placed has both marks")
        return parse_time(bookmark), parse_time(settled)

    def _advance(self, bookmark: datetime, settled: datetime) -> None:
        self._lease.advance(print_time(bookmark), print_time(settled))
        if self._lease.paused:
            raise _Paused
