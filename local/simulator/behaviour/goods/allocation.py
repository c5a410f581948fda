"""Which stock location serves what of an order: the strategies of inventory models.

no_split                               all from the first location that has all
split_shipments                        each item from the first locations that have it
ship_from_primary                      from the first location; what it lacks is brought there
ship_from_first_available_or_primary   from the first that has all, else as ship_from_primary
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from local.simulator.behaviour.goods import stock
from local.simulator.behaviour.ordering import bundles
from local.simulator.store import Record, Store

_LOCATIONS = 2

# Those that start at the first location even where a later one has all.
_FROM_THE_FIRST = {"split_shipments", "ship_from_primary"}
_FROM_SEVERAL = _FROM_THE_FIRST | {"ship_from_first_available_or_primary"}


@dataclass(frozen=True, slots=True)
class Need:
    """So much of a SKU, for a line item that sells it alone or in a bundle."""

    line_item: Record
    sku: Record
    quantity: int


@dataclass(frozen=True, slots=True)
class Part:
    """A need, or a piece of one, that one stock item serves; shipped from `place`."""

    need: Need
    quantity: int
    place: Record  # an inventory stock location
    source: Record  # the stock location that has it
    item: Record | None


@dataclass(slots=True)
class Allocation:
    """`lacking` are the line items that there is not enough stock for."""

    parts: list[Part] = field(default_factory=list)
    lacking: list[Record] = field(default_factory=list)


def allocate(store: Store, order: Record) -> Allocation:
    """Without a market there is no inventory to look at, and nothing is lacking."""
    market = store.one(order, "market")
    model = store.one(market, "inventory_model") if market else None
    if model is None:
        return Allocation()
    needed = needs(store, order)
    places = _places(store, model)
    if not places:
        return Allocation([], [each.line_item for each in needed if stock.tracked(each.sku)])
    return _Allocator(store, order, places).allocate(str(model.get("strategy")), needed)


def needs(store: Store, order: Record) -> list[Need]:
    return [each for line in store.related(order, "line_items") for each in needs_of(store, line)]


def needs_of(store: Store, line: Record) -> Iterator[Need]:
    quantity = line.get("quantity") or 0
    item = store.one(line, "item")
    if item is None or not quantity:
        return
    if item.type == "skus":
        yield Need(line, item, quantity)
    for each in bundles.contents(store, item) if item.type == "bundles" else ():
        sku = store.one(each, "sku")
        if sku:
            yield Need(line, sku, quantity * (each.get("quantity") or 1))


def _places(store: Store, model: Record) -> list[Record]:
    places = [
        place
        for place in store.related(model, "inventory_stock_locations")
        if store.one(place, "stock_location")
    ]
    places.sort(key=lambda place: (place.get("priority") or 0, place.number))
    return places[: model.get("stock_locations_cutoff") or _LOCATIONS]


class _Allocator:
    """Keeps count of what is left while one need after the other is served."""

    def __init__(self, store: Store, order: Record, places: list[Record]) -> None:
        self.store = store
        self.order = order
        self.places = places
        self.left: dict[Record, int] = {}

    def allocate(self, strategy: str, needed: list[Need]) -> Allocation:
        complete = next((place for place in self.places if self._has_all(place, needed)), None)
        if complete and strategy not in _FROM_THE_FIRST:
            sources = [complete]
        else:
            sources = self.places if strategy in _FROM_SEVERAL else self.places[:1]
        allocation = Allocation()
        for need in needed:
            missing = need.quantity
            for place in sources:
                quantity = self._take(need.sku, missing, place)
                missing -= quantity
                if quantity:
                    ships = place if strategy == "split_shipments" else sources[0]
                    allocation.parts.append(self._part(need, quantity, ships, place))
            if missing:
                allocation.lacking.append(need.line_item)
                allocation.parts.append(self._part(need, missing, sources[0], sources[0]))
        return allocation

    def _take(self, sku: Record, missing: int, place: Record) -> int:
        """How much of what is missing comes from there."""
        if not stock.tracked(sku):
            return missing
        quantity = min(missing, self._left(sku, place))
        item = self._item(sku, place)
        if quantity <= 0 or item is None:
            return 0
        self.left[item] -= quantity
        return quantity

    def _part(self, need: Need, quantity: int, place: Record, source: Record) -> Part:
        location = self.store.records[source.links["stock_location"]]
        return Part(need, quantity, place, location, self._item(need.sku, source))

    def _has_all(self, place: Record, needed: list[Need]) -> bool:
        sums: dict[Record, int] = {}
        for need in needed:
            if stock.tracked(need.sku):
                sums[need.sku] = sums.get(need.sku, 0) + need.quantity
        return all(self._left(sku, place) >= quantity for sku, quantity in sums.items())

    def _left(self, sku: Record, place: Record) -> int:
        item = self._item(sku, place)
        if item is None:
            return 0
        if item not in self.left:
            self.left[item] = stock.available(self.store, item, self.order)
        return self.left[item]

    def _item(self, sku: Record, place: Record) -> Record | None:
        return stock.item_at(self.store, sku, self.store.one(place, "stock_location"))
