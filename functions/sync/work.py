"""What one run works with and what it counts; shared by reading, replaying and looking for
deletions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from connector.commerce_layer.changes import Fetch, print_time
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.event_bus import EventBus, Source, envelope
from connector.streams import Stream
from connector.table import Lease, Table

# Seconds that must be left to begin a page: reading, publishing, marking, advancing.
PAGE_SECONDS = 10.0
# Of each run, for each of the two jobs beside reading changes. They go on with the next run, so
# that changes never wait longer than this for a job of hours.
SLICE_SECONDS = 60.0


@dataclass(slots=True)
class Result:
    """Counts of one run. `complete` is False if its time was up, or it was paused; the next run
    goes on.

    late_arrivals   those of `published` that only the settle sweep found
    replayed        published again because somebody asked for it
    deleted         events on records that are gone
    refused         records that seem to be gone, too many to believe it
    """

    published: int = 0
    duplicates: int = 0
    late_arrivals: int = 0
    replayed: int = 0
    deleted: int = 0
    refused: int = 0
    requests: int = 0
    bookmark: str | None = None
    complete: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    fetch: Fetch
    table: Table
    bus: EventBus
    deadline: Deadline


@dataclass(slots=True)
class Work:
    """One run of one stream, under its lease."""

    stream: Stream
    source: Source
    services: Services
    lease: Lease
    result: Result = field(default_factory=Result)

    def fetch(self, query: Query) -> tuple[Mapping[str, Any], str | None]:
        """One list request, counted. Raises DeadlineExceeded if no time is left for a page."""
        self.services.deadline.require(PAGE_SECONDS, "A page of the stream")
        self.result.requests += 1
        return self.services.fetch(query)

    def slice(self) -> Deadline:
        """Ends with the run, or earlier."""
        clock = self.services.deadline.clock
        end = min(self.services.deadline.at - PAGE_SECONDS, clock() + SLICE_SECONDS)
        return Deadline(end, clock)

    def publish(
        self,
        records: Mapping[str, Mapping[str, Any]],
        topic: str,
        origin: str | None = None,
        causes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Put records, by their event ids, onto the bus; `causes` are command_ids by them."""
        source = replace(self.source, origin=origin) if origin else self.source
        received_at = print_time(datetime.now(UTC))
        self.services.bus.publish(
            envelope(source, topic, event_id, record, received_at)
            | {"caused_by": causes.get(event_id)}
            for event_id, record in records.items()
        )
