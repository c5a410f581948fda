"""One run of one stream: what changed goes onto the bus, and only then the bookmark moves.

Two marks say how far a stream is. Everything stamped before `bookmark` has been read. Everything
stamped before `settled` has been read again, or for the first time, at least `settle` after its
stamp, so that no commit can land there any more that the promise covers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connector.commerce_layer import changes
from connector.commerce_layer.changes import Fetch, Page, parse_time, print_time
from connector.commerce_layer.documents import flatten
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.errors import DeadlineExceeded, PublishFailed, StreamChanged
from connector.event_bus import EventBus, Source, envelope, version_id
from connector.streams import Beginning, Stream
from connector.table import Lease, Table

# Seconds that must be left to begin a page: reading, publishing, marking, advancing.
PAGE_SECONDS = 10.0
# Marks are asked for again after `overlap` and `settle`; the rest is for a schedule switched off.
SEEN_SECONDS = 7 * 24 * 3600.0


@dataclass(slots=True)
class Result:
    """Counts of one run. `complete` is False if its time was up; the next run goes on.

    `late_arrivals` are those of `published` that only the settle sweep found.
    """

    published: int = 0
    duplicates: int = 0
    late_arrivals: int = 0
    requests: int = 0
    bookmark: str | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What a run works with."""

    fetch: Fetch
    table: Table
    bus: EventBus
    deadline: Deadline


def run(
    stream: Stream, source: Source, services: Services, begin: Beginning | None = None
) -> Result:
    """`begin` resets the stream to that time first.

    Raises StreamBusy, LeaseLost, StreamChanged, PublishFailed, TableBusy, and what reading raises.
    """
    with services.table.lease(f"{source.instance}#{stream.name}") as lease:
        return _Run(stream, source, services, lease).go(begin)


class _Run:
    def __init__(self, stream: Stream, source: Source, services: Services, lease: Lease) -> None:
        self._stream, self._source, self._lease = stream, source, lease
        self._services = services
        self._result = Result()

    def go(self, begin: Beginning | None) -> Result:
        try:
            self._place(begin)
            self._read()
            self._result.complete = True
        except DeadlineExceeded:
            if not self._result.requests:
                raise  # The function's timeout is too short for any page: somebody has to know.
        self._result.bookmark = self._lease.bookmark
        return self._result

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
        beginning = begin or self._stream.first
        if beginning == "now":
            _, date = self._fetch(Query(page_size=1, page_number=1))
            beginning = changes.server_time(date)
        self._lease.reset(print_time(beginning), fingerprint)

    def _read(self) -> None:
        bookmark, settled = self._marks()
        since = bookmark - self._stream.overlap
        for page in changes.read(self._fetch, self._stream.query, since):
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
        for page in changes.read(self._fetch, self._stream.query, settled, until):
            self._result.late_arrivals += self._publish(page)
            self._advance(bookmark, max(settled, page.read_until))

    def _publish(self, page: Page) -> int:
        """Put what is new of a page onto the bus, then mark it as seen. How much that is."""
        by = f"{self._lease.stream}#{self._lease.generation}"
        records = {
            self._event_id(record): record
            for record in flatten(page.document, self._stream.query.include)["data"]
        }
        seen = self._services.table.seen(records, by)
        new = {event_id: records[event_id] for event_id in records if event_id not in seen}
        try:
            self._services.bus.publish(self._details(new))
        except PublishFailed as failure:
            self._services.table.mark(failure.published, by, SEEN_SECONDS)
            self._result.published += len(failure.published)
            raise
        self._services.table.mark(new, by, SEEN_SECONDS)
        self._result.published += len(new)
        self._result.duplicates += len(seen)
        return len(new)

    def _details(self, records: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
        topic = f"{self._stream.resource}.changed"
        received_at = print_time(datetime.now(UTC))
        for event_id, record in records.items():
            yield envelope(self._source, topic, event_id, record, received_at)

    def _event_id(self, record: Mapping[str, Any]) -> str:
        source = self._source
        return version_id(
            source.instance, self._stream.name, record["type"], record["id"], record["updated_at"]
        )

    def _fetch(self, query: Query) -> tuple[Mapping[str, Any], str | None]:
        self._services.deadline.require(PAGE_SECONDS, "A page of the stream")
        self._result.requests += 1
        return self._services.fetch(query)

    def _marks(self) -> tuple[datetime, datetime]:
        bookmark, settled = self._lease.bookmark, self._lease.settled
        if bookmark is None or settled is None:
            raise AssertionError("a stream that was placed has both marks")
        return parse_time(bookmark), parse_time(settled)

    def _advance(self, bookmark: datetime, settled: datetime) -> None:
        self._lease.advance(print_time(bookmark), print_time(settled))
