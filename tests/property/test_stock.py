"""No goods appear or vanish, whatever is ordered, cancelled, returned and moved about."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse

STRATEGIES = (
    "no_split",
    "split_shipments",
    "ship_from_primary",
    "ship_from_first_available_or_primary",
)
STOCK = (6, 5)

# What is done, to which of the orders or transfers there are, with how many pieces.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("order", "fulfil", "cancel", "refund", "call_off", "return", "transfer", "move_on")
        ),
        st.integers(0, 3),
        st.integers(1, 4),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Simulator(seed=1) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


class Goods:
    """One SKU: what customers have of it by our own count, and what is under way."""

    def __init__(self, shop: Shop, strategy: str) -> None:
        self.shop = shop
        self.warehouse = Warehouse(shop, strategy, locations=2)
        self.sku = self.warehouse.sku(*STOCK)
        self.sold: dict[str, int] = {}
        self.transfers: dict[str, int] = {}

    def lying(self) -> list[int]:
        return self.warehouse.stock(self.sku)

    def under_way(self) -> int:
        return sum(
            quantity
            for each, quantity in self.transfers.items()
            if self.warehouse.attributes("stock_transfers", each)["status"] == "in_transit"
        )

    def did(self, kind: str, identifier: str, *triggers: str) -> bool:
        """Whether all of it was taken; what was refused stops the rest."""
        return all(
            self.shop.patch(kind, identifier, **{trigger: True}).status_code == 200
            for trigger in triggers
        )

    def order(self, _: int, quantity: int) -> None:
        order = self.warehouse.order((self.sku, quantity))
        placed = self.did("orders", order, "_place")
        assert placed or max(self.lying()) < quantity or self.reserved()
        self.sold[order] = quantity if placed else 0

    def reserved(self) -> int:
        found = self.shop.get(f"skus/{self.sku['id']}/stock_reservations").json()["data"]
        return sum(each["attributes"]["quantity"] for each in found)

    def chosen(self, number: int) -> str | None:
        return sorted(self.sold)[number % len(self.sold)] if self.sold else None

    def fulfil(self, number: int, _: int) -> None:
        order = self.chosen(number)
        if order:
            self.did("orders", order, "_approve", "_capture")

    def cancel(self, number: int, _: int) -> None:
        order = self.chosen(number)
        if order and self.did("orders", order, "_cancel"):
            self.sold[order] = 0

    def refund(self, number: int, _: int) -> None:
        """Nothing here is ever shipped, so a refunded order gives all of it back."""
        order = self.chosen(number)
        if order and self.did("orders", order, "_refund"):
            self.sold[order] = 0

    def call_off(self, number: int, _: int) -> None:
        order = self.chosen(number)
        for shipment in self.warehouse.shipments(order) if order else ():
            lines = self.shop.get(f"shipments/{shipment['id']}/stock_line_items").json()["data"]
            before = sum(self.lying())
            if order and self.did("shipments", shipment["id"], "_cancel"):
                back = sum(self.lying()) - before
                assert 0 <= back <= sum(each["attributes"]["quantity"] for each in lines)
                self.sold[order] -= back

    def send_back(self, number: int, quantity: int) -> None:
        order = self.chosen(number)
        if order is None:
            return
        items = self.shop.get(f"orders/{order}/line_items").json()["data"]
        item = next(each for each in items if each["attributes"]["item_type"] == "skus")
        owner = {"type": "orders", "id": order}
        made = self.warehouse.make("returns", {}, order=owner)
        line = {
            "type": "return_line_items",
            "attributes": {"quantity": quantity},
            "relationships": {
                "return": {"data": {"type": "returns", "id": made["id"]}},
                "line_item": {"data": {"type": "line_items", "id": item["id"]}},
            },
        }
        if self.shop.post("return_line_items", line).status_code != 201:
            return
        before = sum(self.lying())
        self.did("returns", made["id"], "_request", "_approve", "_ship", "_receive", "_restock")
        self.sold[order] -= sum(self.lying()) - before

    def transfer(self, origin: int, quantity: int) -> None:
        ends = [self.warehouse.locations[(origin + each) % 2] for each in (0, 1)]
        made = self.warehouse.make(
            "stock_transfers",
            {"quantity": quantity},
            sku=self.sku,
            origin_stock_location=ends[0],
            destination_stock_location=ends[1],
        )
        self.did("stock_transfers", made["id"], "_upcoming", "_picking")
        self.transfers[made["id"]] = quantity

    def move_on(self, number: int, _: int) -> None:
        if self.transfers:
            chosen = sorted(self.transfers)[number % len(self.transfers)]
            steps = ("_in_transit", "_complete", "_cancel")
            self.did("stock_transfers", chosen, steps[number % len(steps)])


@settings(max_examples=50, deadline=None)
@given(strategy=st.sampled_from(STRATEGIES), steps=STEPS)
def test_goods_are_conserved(shop: Shop, strategy: str, steps: list[tuple[str, int, int]]) -> None:
    goods = Goods(shop, strategy)
    does: dict[str, Callable[[int, int], None]] = {
        "return": goods.send_back,
        **{
            name: getattr(goods, name)
            for name in ("order", "fulfil", "cancel", "refund", "call_off", "transfer", "move_on")
        },
    }
    for name, number, quantity in steps:
        does[name](number, quantity)
        lying = goods.lying()
        assert min(lying) >= 0
        assert goods.reserved() <= sum(lying)
        assert all(quantity >= 0 for quantity in goods.sold.values())
        assert sum(lying) + sum(goods.sold.values()) + goods.under_way() == sum(STOCK)
