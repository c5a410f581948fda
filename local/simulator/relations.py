"""How the catalog's relationships hang together.

The store keeps the to-one side. A to-many relationship is read from the other side wherever one
exists (`orders.line_items` are the line items whose `order` it is); the rest (`tags`) is stored
as a list.
"""

from functools import cache

from connector.commerce_layer import catalog

# Where the two sides do not find each other by name.
_INVERSES = {
    ("orders", "order_factories"): "source_order",
    ("orders", "order_copies"): "source_order",
    ("orders", "recurring_order_copies"): "source_order",
    ("stock_locations", "stock_transfers"): "origin_stock_location",
}


# Where no side points at the other: the type, its attribute, and our own that has the same value.
BY_VALUE = {("events", "webhooks"): ("webhooks", "topic", "name")}


@cache
def base_of(kind: str) -> str:
    """`promotions` for `flex_promotions`; the type itself where it has no base."""
    for name in catalog.types():
        if kind in catalog.resource(name).variants:
            return name
    return kind


@cache
def concrete(kind: str) -> tuple[str, ...]:
    """The types whose records stand in a list of `kind`: its variants, or itself."""
    return catalog.resource(kind).variants or (kind,)


@cache
def allowed_types(kind: str, relationship: str) -> frozenset[str]:
    """What may stand there, with the variants of every base type."""
    types = catalog.resource(kind).relationships[relationship].types
    return frozenset(name for base in types for name in (base, *concrete(base)))


@cache
def inverse(kind: str, relationship: str) -> tuple[tuple[str, str], ...]:
    """The (type, to-one relationship) pairs that point back; empty if nothing does."""
    pairs = []
    for source in sorted(allowed_types(kind, relationship)):
        names = [
            each.name
            for each in catalog.resource(source).relationships.values()
            if not each.many and kind in allowed_types(source, each.name)
        ]
        wanted = (_INVERSES.get((kind, relationship)), _singular(kind), _singular(base_of(kind)))
        matching = [name for name in names if name in wanted] or names
        if len(matching) == 1:
            pairs.append((source, matching[0]))
    return tuple(pairs)


def _singular(plural: str) -> str:
    if plural.endswith("ies"):
        return plural[:-3] + "y"
    if plural.endswith("sses"):
        return plural[:-2]
    return plural[:-1]
