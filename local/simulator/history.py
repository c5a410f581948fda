"""Who changed what: `GET /api/orders/{id}/event_stores`, and `/api/event_stores/{id}`.

Only what requests change is remembered, once a request and record, as far as --changes-kept goes.
Its pages have a cursor and no numbers.
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from connector.commerce_layer import catalog
from local.simulator import ids
from local.simulator.clock import Clock, printed
from local.simulator.table import Record

# Milliseconds, and a number for those of the same millisecond.
_Cursor = tuple[int, int]


@dataclass(slots=True)
class _Touched:
    """A record and what it held before the request: attributes, and to-one relationships."""

    record: Record
    event: str
    attributes: dict[str, Any]
    links: dict[str, Any]


class History:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._touched: dict[int, _Touched] | None = None
        self._entries: deque[tuple[int, Record]] = deque()
        self._by_record: defaultdict[int, list[Record]] = defaultdict(list)
        self._by_id: dict[str, Record] = {}
        self._last: _Cursor = (0, 0)

    @contextmanager
    def recording(self, who: dict[str, Any], kept: int) -> Iterator[None]:
        """While one request writes, with the lock of the store."""
        self._touched = {}
        try:
            yield
        finally:
            touched, self._touched = self._touched, None
            for each in touched.values():
                self._add(each, who)
            while len(self._entries) > kept:
                self._forget(*self._entries.popleft())

    def touch(self, record: Record, event: str) -> None:
        """Before a change or a deletion, after a creation."""
        if self._touched is None:
            return
        first = self._touched.get(record.number)
        if first is None:
            held = ({}, {}) if event == "create" else (dict(record.attributes), dict(record.links))
            self._touched[record.number] = _Touched(record, event, *held)
        elif event == "destroy" and first.event == "create":
            del self._touched[record.number]
        elif event == "destroy":
            first.event = event

    def get(self, identifier: str) -> Record | None:
        return self._by_id.get(identifier)

    def after(self, record: Record, cursor: str | None, size: int) -> tuple[list[Record], bool]:
        """The next ones, oldest first, and whether more follow. Raises ValueError."""
        entries = self._by_record.get(record.number, [])
        start = bisect_right(entries, _parsed(cursor), key=_cursor) if cursor else 0
        return entries[start : start + size], start + size < len(entries)

    def _add(self, touched: _Touched, who: dict[str, Any]) -> None:
        payload = dict(_differences(touched))
        if not payload:
            return
        record, now = touched.record, self._clock.now()
        last, number = self._last
        moment = max(now // 1000, last)
        self._last = (moment, number + 1 if moment == last else 0)
        values = {
            "resource_type": record.type,
            "resource_id": record.id,
            "event": touched.event,
            "payload": payload,
            "who": who,
            "metadata": {},
        }
        identifier = "{}-{}".format(*self._last)
        entry = Record("event_stores", 0, identifier, values, {}, now, now)
        self._entries.append((record.number, entry))
        self._by_record[record.number].append(entry)
        self._by_id[identifier] = entry

    def _forget(self, number: int, entry: Record) -> None:
        # The oldest of all is the oldest of its record.
        del self._by_record[number][0]
        if not self._by_record[number]:
            del self._by_record[number]
        del self._by_id[entry.id]


def _differences(touched: _Touched) -> Iterator[tuple[str, list[Any]]]:
    """Names with what they held before and hold now; relationships as `market_id`."""
    record, gone = touched.record, touched.event == "destroy"
    attributes = {} if gone else record.attributes
    links = {} if gone else record.links
    for name, is_stamp in _shown(record.type):
        before, now = touched.attributes.get(name), attributes.get(name)
        if before != now:
            yield name, [_printed(before), _printed(now)] if is_stamp else [before, now]
    for name in sorted(touched.links.keys() | links.keys()):
        pair = [touched.links.get(name), links.get(name)]
        if pair[0] != pair[1] and not any(isinstance(each, list) for each in pair):
            yield f"{name}_id", [None if each is None else ids.encode(each) for each in pair]


@cache
def _shown(kind: str) -> tuple[tuple[str, bool], ...]:
    """The attributes that anybody may see, and whether they are stamps."""
    return tuple(
        (each.name, each.type == "datetime")
        for each in catalog.resource(kind).attributes.values()
        if each.fetchable and not each.confidential
    )


def _printed(stamp: int | None) -> str | None:
    return None if stamp is None else printed(stamp)


def _cursor(entry: Record) -> _Cursor:
    return _parsed(entry.id)


def _parsed(identifier: str) -> _Cursor:
    moment, _, number = identifier.partition("-")
    return int(moment), int(number or 0)
