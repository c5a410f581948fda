"""The records that a job's `filters` mean: predicates as in a query, without `filter[q]`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from local.simulator import query
from local.simulator.selection import select
from local.simulator.store import Record, Store

_ALL = 1 << 60


def parse(kind: str, filters: Mapping[str, Any] | None) -> query.Query:
    """Raises ApiError 400 as the query of a list does."""
    pairs = [(f"filter[q][{name}]", _text(value)) for name, value in (filters or {}).items()]
    return replace(query.parse(kind, urlencode(pairs)), size=_ALL)


def count(store: Store, kind: str, filters: Mapping[str, Any] | None) -> int:
    return select(store, kind, replace(parse(kind, filters), size=1)).count


def find(store: Store, kind: str, filters: Mapping[str, Any] | None) -> list[Record]:
    """In the order of their ids."""
    return select(store, kind, parse(kind, filters)).records


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value)
