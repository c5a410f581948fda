"""What to ask of a list or a record: filters, includes, sparse fields, sort, page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from connector.errors import InvalidRequest

MAX_PAGE_SIZE = 25

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_SORT = re.compile(r"-?[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Query:
    """One question, as plain values; `encode` makes the query string.

        filters      {"updated_at_gteq": "2026-01-01T00:00:00Z"}: attribute and predicate -> value
        include      ("line_items", "line_items.item")
        fields       {"orders": ("number", "line_items")}: type -> what to send of it
        sort         ("-updated_at", "id")
        page_size    1 to 25; the API's own default is 10

    Raises InvalidRequest for a name or size that the API could not understand.
    """

    filters: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: tuple[str, ...] = ()
    page_size: int | None = None
    page_number: int | None = None

    def __post_init__(self) -> None:
        _check("filter", self.filters, _NAME)
        _check("include", self.include, _PATH)
        _check(
            "fields", (*self.fields, *(n for names in self.fields.values() for n in names)), _NAME
        )
        _check("sort", self.sort, _SORT)
        if self.page_size is not None and not 1 <= self.page_size <= MAX_PAGE_SIZE:
            raise InvalidRequest(
                f"page[size] is {self.page_size}: it must be 1 to {MAX_PAGE_SIZE}."
            )
        if self.page_number is not None and self.page_number < 1:
            raise InvalidRequest(f"page[number] is {self.page_number}: pages count from 1.")

    def encode(self) -> str:
        """`page%5Bnumber%5D=1&…`: form-encoded like the official clients', without a `?`."""
        pairs = [(f"filter[q][{name}]", value) for name, value in self.filters.items()]
        pairs += [(f"fields[{kind}]", ",".join(names)) for kind, names in self.fields.items()]
        if self.include:
            pairs.append(("include", ",".join(self.include)))
        if self.sort:
            pairs.append(("sort", ",".join(self.sort)))
        if self.page_size is not None:
            pairs.append(("page[size]", str(self.page_size)))
        if self.page_number is not None:
            pairs.append(("page[number]", str(self.page_number)))
        return urlencode(pairs)


def _check(
    what: str, names: Mapping[str, object] | tuple[str, ...], pattern: re.Pattern[str]
) -> None:
    for name in names:
        if not pattern.fullmatch(name):
            raise InvalidRequest(f"{what}: {name[:60]!r} is not a name.")
