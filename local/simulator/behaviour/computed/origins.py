"""Where every attribute that no client may write comes from.

A base type (`promotions`) has no records of its own: it is what its variants are.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute
from local.simulator import relations
from local.simulator.behaviour.computed import COMPUTED, RETRIEVED
from local.simulator.behaviour.kept import KEPT

CLASSES = ("derived", "written", "constant", "null")
_EVERYWHERE = "everywhere"
_OF_EVERY_RECORD = {"created_at", "updated_at", "type"}


def unwritable() -> Iterator[tuple[str, Attribute]]:
    """What clients may only read, by type; but for the stamps and the type of every record."""
    for kind in catalog.types():
        for attribute in catalog.resource(kind).attributes.values():
            written = (
                attribute.creatable or attribute.updatable or attribute.name in _OF_EVERY_RECORD
            )
            if not written:
                yield kind, attribute


def origin(kind: str, name: str) -> str | None:
    """Of the four classes the one of that attribute; None if nobody has thought of it."""
    if catalog.resource(kind).attributes[name].derived_money:
        return "derived"
    origins = {_origin(each, name) for each in relations.concrete(kind)} - {None}
    return origins.pop() if len(origins) == 1 else None


def _origin(kind: str, name: str) -> str | None:
    if any(name in table.get(kind, {}) for table in (COMPUTED, KEPT, RETRIEVED)):
        return "derived"
    for key in (kind, _EVERYWHERE):
        for each, names in declared().items():
            if name in names.get(key, ()):
                return each
    return None


@cache
def declared() -> dict[str, dict[str, list[str]]]:
    """Class -> type, or `everywhere` -> names."""
    text = (Path(__file__).parent / "attributes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
