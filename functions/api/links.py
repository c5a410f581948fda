"""Page links that lead back to this API instead of Commerce Layer."""

import json
import re
from collections.abc import Mapping
from typing import Any

from api.answer import dumps

# `https://demo.commercelayer.io/api/2026-05/skus?…` -> `skus?…`
UPSTREAM = re.compile(r"[^?#]*?/api/(?:\d{4}-\d{2}/)?")


def relink(links: Mapping[str, Any] | None, base: str) -> dict[str, Any]:
    """`base` is the address that stands for Commerce Layer's `/api`."""
    return {
        name: UPSTREAM.sub(lambda _: f"{base}/", link, count=1) if isinstance(link, str) else link
        for name, link in (links or {}).items()
    }


def relinked(document: str, base: str) -> str:
    """The document with its own `links` rewritten, every other character as it came.

    Walks over the members of the outermost object: what it skips is not encoded anew, where
    numbers and escapes might come out in another form. Raises ValueError or IndexError if the
    document is not a JSON object.
    """
    decoder = json.JSONDecoder()
    at = _after("{", document, 0)
    while document[at] != "}":
        name, end = decoder.raw_decode(document, at)
        start = _after(":", document, end)
        value, end = decoder.raw_decode(document, start)
        if name == "links":
            return document[:start] + dumps(relink(value, base)) + document[end:]
        at = _blanks(document, end)
        if document[at] == ",":
            at = _after(",", document, at)
    return document


def _after(sign: str, document: str, at: int) -> int:
    at = _blanks(document, at)
    if document[at] != sign:
        raise ValueError(f"{sign} expected")
    return _blanks(document, at + 1)


def _blanks(document: str, at: int) -> int:
    while document[at] in " \t\r\n":
        at += 1
    return at
