"""What a token is for: the markets and stores that its scope names, by id or by code."""

from collections.abc import Mapping
from typing import Any

from local.simulator.store import Record, Store

# A new order is of the market and the store of the token, unless it says so itself.
_SET_BY_SCOPE = {"orders": {"market": "markets", "store": "stores"}}


def fill(store: Store, kind: str, data: Mapping[str, Any], scope: str) -> Mapping[str, Any]:
    """The document, with the relationships that the scope decides."""
    given = data.get("relationships", {})
    found = {}
    for name, other in _SET_BY_SCOPE.get(kind, {}).items():
        named = _named(store, name, other, scope)
        if name not in given and len(named) == 1:
            found[name] = {"data": {"type": other, "id": named[0].id}}
    return {**data, "relationships": {**given, **found}} if found else data


def _named(store: Store, name: str, kind: str, scope: str) -> list[Record]:
    """`market:code:europe store:id:xYZkjABcde`; `market:all` names none of them."""
    found = []
    for entry in scope.split():
        holder, _, key = entry.partition(":")
        attribute, _, value = key.partition(":")
        if holder == name and attribute in ("id", "code"):
            record = (
                store.get(kind, value) if attribute == "id" else store.find(kind, "code", value)
            )
            found += [record] if record else []
    return found
