"""The records of a resource that changed, read in the order of their change, page by page.

The answer to a page is old when the next page is asked for: other clients keep writing. So:

- A record only ever moves to a later stamp. Reading upwards by `updated_at`, without an upper
  bound, meets it again; page numbers would skip whoever slides onto a page already read.
- The server keeps microseconds and prints milliseconds. `updated_at_gteq=T` is true for the whole
  of millisecond T, as we mean it; `_eq` and `_gt` would compare with its first microsecond.
  Inside a millisecond the order is by microseconds, not by id: what was read of it is left out
  by `id_not_in`, and `id_gt` goes with `sort=id` alone.
- A record left out by `id_not_in` may have moved meanwhile. Then its stamp is not before `start`,
  where this read ends and the next one begins.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from connector.commerce_layer.query import MAX_PAGE_SIZE, Query
from connector.errors import ServerFault

PAGE_SIZE = MAX_PAGE_SIZE
MILLISECOND = timedelta(milliseconds=1)

# One list request: the JSON:API document and the `Date` header of the answer.
Fetch = Callable[[Query], tuple[Mapping[str, Any], str | None]]


@dataclass(frozen=True, slots=True)
class Page:
    """`document` as the API answered it, up to 25 records.

    start        the server's clock when this read began, in whole seconds
    read_until   every record stamped before it has been read, this page included
    last         nothing is left to read
    """

    document: Mapping[str, Any]
    start: datetime
    read_until: datetime
    last: bool


def read(
    fetch: Fetch, query: Query, since: datetime, until: datetime | None = None
) -> Iterator[Page]:
    """Read what was stamped at `since` or later, up to `until` (exclusive) or else up to now.

    `query` gives filters and includes. A record may come twice within one read, never less than
    once. Raises ServerFault where an answer cannot be relied upon, and what `fetch` raises.
    """
    start: datetime | None = None
    position = since
    known: list[str] = []  # ids read at the millisecond `position`
    while True:
        document, date = fetch(_next_page(query, position, known, until))
        start = start or server_time(date)
        records = document["data"]
        full = len(records) >= PAGE_SIZE
        if full:
            stamp = changed_at(records[-1])
            if stamp < position:
                raise ServerFault("Commerce Layer did not sort the list by `updated_at`.")
            # Still the same millisecond? Then all of the page is of it, and it will be drained.
            known = [record["id"] for record in records if changed_at(record) == stamp]
            position = stamp
        last = not full or (until is None and position >= start)
        yield Page(document, start, (until or start) if last else position, last)
        if last:
            return
        if len(known) >= PAGE_SIZE:
            yield from _drain(fetch, query, position, start)
            position, known = position + MILLISECOND, []


def _next_page(query: Query, position: datetime, known: list[str], until: datetime | None) -> Query:
    filters = {"updated_at_gteq": print_time(position)}
    if until is not None:
        filters["updated_at_lt"] = print_time(until)
    if known:
        filters["id_not_in"] = ",".join(known)
    return _list(query, filters, "updated_at", "id")


def _list(query: Query, filters: Mapping[str, str], *sort: str) -> Query:
    return replace(
        query,
        filters={**query.filters, **filters},
        sort=sort,
        page_size=PAGE_SIZE,
        page_number=1,
    )


def _drain(fetch: Fetch, query: Query, millisecond: datetime, start: datetime) -> Iterator[Page]:
    """All records of one crowded millisecond, by id."""
    end = millisecond + MILLISECOND
    window = {"updated_at_gteq": print_time(millisecond), "updated_at_lt": print_time(end)}
    after: dict[str, str] = {}
    full = True
    while full:
        document, _ = fetch(_list(query, {**window, **after}, "id"))
        records = document["data"]
        full = len(records) >= PAGE_SIZE
        yield Page(document, start, millisecond if full else end, last=False)
        if full:
            after = {"id_gt": records[-1]["id"]}


def changed_at(record: Mapping[str, Any]) -> datetime:
    """The `updated_at` of a JSON:API record, cut to the millisecond."""
    return parse_time(record["attributes"]["updated_at"])


def server_time(date: str | None) -> datetime:
    """From the `Date` header. A second that is under way counts from its beginning."""
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        raise ServerFault("Commerce Layer's answer has no usable `Date` header.") from None


def parse_time(text: str) -> datetime:
    """ISO 8601 -> UTC, cut to the millisecond. Without a zone it is UTC. Raises ValueError."""
    time = datetime.fromisoformat(text)
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def print_time(time: datetime) -> str:
    """As Commerce Layer prints it: `2026-11-23T08:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
