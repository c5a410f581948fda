"""The streams that streams.toml declares."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal

from connector.commerce_layer.changes import parse_time
from connector.commerce_layer.query import Query
from connector.errors import ConfigurationError, InvalidRequest

# Where a stream begins. "now" is a time of the server's clock, unknown until it is asked.
Beginning = datetime | Literal["now"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

KEYS = frozenset({"resource", "filter", "include", "overlap", "settle", "first", "deletions"})


@dataclass(frozen=True, slots=True)
class Stream:
    """What is read, and how carefully. docs/events.md tells what `settle` promises.

    `deletions`: how often deleted records are looked for; None is never.
    """

    name: str
    resource: str
    query: Query
    overlap: timedelta = timedelta(seconds=60)
    settle: timedelta = timedelta(minutes=15)
    first: Beginning = "now"
    deletions: timedelta | None = None

    @property
    def fingerprint(self) -> str:
        """Changes when the bookmark no longer fits; includes may come and go."""
        parts = json.dumps([self.resource, sorted(self.query.filters.items())])
        return hashlib.sha256(parts.encode()).hexdigest()


def find(name: str) -> Stream:
    """Raises InvalidRequest with the nearest names."""
    streams = _declared()
    if name not in streams:
        near = get_close_matches(name, streams, n=3) or sorted(streams)
        raise InvalidRequest(
            f"Unknown stream {name[:60]!r}. Did you mean {', '.join(near)}?", status=404
        )
    return streams[name]


def names() -> tuple[str, ...]:
    return tuple(_declared())


@cache
def _declared() -> Mapping[str, Stream]:
    return parse((Path(__file__).parent / "streams.toml").read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Stream]:
    """Raises ConfigurationError that names the stream and the key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"streams.toml is not TOML: {error}.") from None
    return {name: _stream(name, table) for name, table in tables.items()}


def beginning(text: str) -> Beginning:
    """`now`, `full` or an ISO date. Raises ValueError that says so."""
    if text == "now":
        return "now"
    if text == "full":
        return EPOCH
    try:
        return parse_time(text)
    except ValueError:
        raise ValueError(
            f'{text[:40]!r} is no beginning: use "now", "full" or an ISO date such as 2026-01-31.'
        ) from None


def _stream(name: str, table: Any) -> Stream:
    def check(condition: bool, key: str, must: str) -> None:
        if not condition:
            raise ConfigurationError(f"streams.toml, stream {name}: {key} {must}.")

    def number(key: str, default: int, least: int, unit: str = "seconds") -> timedelta:
        value = table.get(key, default)
        check(type(value) is int and value >= least, key, f"must be {unit}, at least {least}")
        return timedelta(**{unit: value})

    check(isinstance(table, Mapping), "it", f"must be a table, [{name}]")
    for key in table:
        check(key in KEYS, key, f"is not a key; there are {', '.join(sorted(KEYS))}")
    resource, filters = table.get("resource", name), table.get("filter", {})
    include, first = table.get("include", []), table.get("first", "now")
    check(_is_text(resource), "resource", "must be text")
    check(
        isinstance(filters, Mapping) and all(map(_is_text, filters.values())),
        "filter",
        'must be a table of texts, such as { status_eq = "placed" }',
    )
    for predicate in filters:
        ours = predicate.startswith(("updated_at_", "id_"))
        check(not ours, "filter", "must leave updated_at and id to the reading")
    check(isinstance(include, list) and all(map(_is_text, include)), "include", "must be a list")
    try:
        return Stream(
            name,
            resource,
            Query(filters=filters, include=tuple(include)),
            overlap=number("overlap", 60, least=1),
            settle=number("settle", 900, least=60),
            first=beginning(str(first)),
            deletions=number("deletions", 0, least=0, unit="hours") or None,
        )
    except (ValueError, InvalidRequest) as error:
        raise ConfigurationError(f"streams.toml, stream {name}: {error}") from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""
