"""The addresses of `event_stores`, which have a cursor where others have page numbers.

They can be reached from their resource or by id, not listed, filtered, sorted or included, and
are for integrations alone.
"""

from urllib.parse import parse_qsl, urlencode

from local.simulator import documents, query
from local.simulator.documents import Context
from local.simulator.errors import (
    access_denied,
    bad_request,
    filter_not_allowed,
    param_not_allowed,
    record_not_found,
)
from local.simulator.store import Record

TYPE = "event_stores"
_CURSOR = "page[after]"


def single(context: Context, application: Record, identifier: str, raw_query: str) -> bytes:
    """Raises ApiError."""
    _check(application)
    entry = context.store.history.get(identifier)
    if entry is None:
        raise record_not_found()
    return documents.single(context, entry, query.parse(TYPE, raw_query))


def page(context: Context, application: Record, record: Record, url: str, raw_query: str) -> bytes:
    """The changes of that record, oldest first. Raises ApiError."""
    _check(application)
    pairs = parse_qsl(raw_query, keep_blank_values=True)
    cursor = dict(pairs).get(_CURSOR)
    rest = [pair for pair in pairs if pair[0] != _CURSOR]
    asked = _parsed(rest)
    try:
        entries, more = context.store.history.after(record, cursor, asked.size)
    except ValueError:
        detail = f"{cursor} is not a valid value for after page parameter."
        raise bad_request("INVALID_PAGE_VALUE", "Invalid page value", detail) from None
    following = f"{url}?{urlencode([*rest, (_CURSOR, entries[-1].id)])}" if more else None
    return documents.uncounted(context, entries, asked, following)


def _parsed(pairs: list[tuple[str, str]]) -> query.Query:
    for name, value in pairs:
        if name.startswith("filter"):
            raise filter_not_allowed(name)
        if name == "sort":
            detail = f"{value} is not a valid sort criteria for {TYPE}"
            raise bad_request("INVALID_SORT_CRITERIA", "Invalid sort criteria", detail)
        if name == "page[number]":
            raise param_not_allowed(name)
    return query.parse(TYPE, urlencode(pairs))


def _check(application: Record) -> None:
    if application.get("kind") != "integration":
        raise access_denied()
