"""Commerce Layer's lists, as far as reading changes depends on them: small, fast, in memory.

`tests/component/test_sync.py` holds it against the simulator. What matters:

- Stamps are kept in microseconds and printed, cut, in milliseconds; a filter compares its own
  value with the microseconds.
- The order of ids is the server's secret: it is not the order of their text.
- A write stamps the record when it begins and shows it when it commits, perhaps much later.
- The `Date` header has whole seconds.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from typing import Any

from connector.commerce_layer import changes
from connector.commerce_layer.query import Query

BEGINNING = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """One state of one record. `committed` is when others can see it."""

    number: int
    stamp: datetime
    committed: datetime
    serial: int

    @property
    def id(self) -> str:
        return f"{self.number:06d}"[::-1]

    @property
    def printed(self) -> str:
        return printed(self.stamp)

    @property
    def key(self) -> tuple[str, str]:
        """What tells two versions apart for a reader."""
        return self.id, self.printed


def printed(time: datetime) -> str:
    """Cut to milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


@dataclass
class Lists:
    """One resource. `now` is the server's clock; it stands still unless the test moves it."""

    now: datetime = BEGINNING
    size: int = 25
    visible: dict[int, Version] = field(default_factory=dict)
    under_way: list[Version] = field(default_factory=list)
    history: list[Version] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    kind: str = "orders"
    _serial: int = 0
    _sorted: list[Version] | None = None

    def write(
        self, number: int, *, stamp: datetime | None = None, commit_after: float = 0
    ) -> Version:
        """Create or change record `number`; stamped now, visible `commit_after` seconds later."""
        stamp = stamp or self.now
        self._serial += 1
        version = Version(
            number, stamp, max(self.now, stamp + timedelta(seconds=commit_after)), self._serial
        )
        self.under_way.append(version)
        self.history.append(version)
        self._commit()
        return version

    def delete(self, number: int) -> None:
        """It is gone, and so is what was on its way to it."""
        self.visible.pop(number, None)
        self.under_way = [v for v in self.under_way if v.number != number]
        self._sorted = None

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._commit()

    def _commit(self) -> None:
        due = sorted(
            (v for v in self.under_way if v.committed <= self.now),
            key=lambda v: (v.committed, v.serial),
        )
        for version in due:
            self.visible[version.number] = version
            self._sorted = None
            self.under_way.remove(version)

    def fetch(self, query: Query) -> tuple[Mapping[str, Any], str]:
        """One list request. What reading changes must never ask fails the test."""
        self.queries.append(query)
        assert query.page_number in (None, 1), "page numbers shift while records change"
        assert query.page_size is not None
        assert query.page_size <= 25
        size = min(query.page_size, self.size)
        found = list(islice(self._matching(query), size))
        data = [
            {"type": self.kind, "id": v.id, "attributes": {"updated_at": v.printed}} for v in found
        ]
        return {"data": data}, format_datetime(self.now.replace(microsecond=0), usegmt=True)

    def _matching(self, query: Query) -> Iterator[Version]:
        filters = dict(query.filters)
        since = parsed(filters.pop("updated_at_gteq", "0001-01-01T00:00:00.000Z"))
        until = parsed(filters.pop("updated_at_lt", "9999-01-01T00:00:00.000Z"))
        left_out = [i for i in filters.pop("id_not_in", "").split(",") if i]
        after = filters.pop("id_gt", None)
        only = filters.pop("id_in", None)
        if only is not None:
            assert len(only.split(",")) <= 25, "a longer list may not fit into a URL"
        assert not filters, f"not a filter of reading changes: {sorted(filters)}"
        assert len(left_out) <= 25, "a longer list may not fit into a URL"
        assert after is None or query.sort == ("id",), "id_gt goes with sort=id alone"
        if self._sorted is None:
            self._sorted = sorted(self.visible.values(), key=_stamp_and_id)
        found = self._sorted[
            bisect_left(self._sorted, (since, 0), key=_stamp_and_id) : bisect_left(
                self._sorted, (until, 0), key=_stamp_and_id
            )
        ]
        if query.sort == ("id",):
            found.sort(key=lambda version: version.number)
        else:
            assert query.sort == ("updated_at", "id") or query.page_size == 1
        for version in found:
            if only is not None and version.id not in only.split(","):
                continue
            if version.id not in left_out and (after is None or version.number > int(after[::-1])):
                yield version


def _stamp_and_id(version: Version) -> tuple[datetime, int]:
    return version.stamp, version.number


def read_all(
    lists: Lists, since: datetime, until: datetime | None = None
) -> Iterator[changes.Page]:
    return changes.read(lists.fetch, Query(), since, until)


def keys(page: changes.Page) -> set[tuple[str, str]]:
    return {(r["id"], r["attributes"]["updated_at"]) for r in page.document["data"]}
