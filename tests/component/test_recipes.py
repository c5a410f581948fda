"""Every recipe of docs/recipes, as it stands there, through the function."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from local.simulator import Simulator
from local.simulator.store import Store
from tests.component.commands_world import ROOT, Commands
from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse

RECIPES = {
    path.stem: json.loads(path.read_text()) for path in (ROOT / "docs/recipes").glob("*.json")
}
PAGE = (ROOT / "docs/recipes/README.md").read_text(encoding="utf-8")


@dataclass
class Shelf:
    """A shop with what the recipes speak of: order 1001, the SKU TEE-M, and so on."""

    commands: Commands
    warehouse: Warehouse

    @property
    def store(self) -> Store:
        return self.commands.simulator.store

    def order(self, *triggers: str) -> str:
        order = self.warehouse.order((self.sku, 3))
        self.warehouse.do("orders", order, *triggers)
        self.store.update("orders", order, {"number": "1001"})
        return order

    def __post_init__(self) -> None:
        store, warehouse = self.store, self.warehouse
        self.sku = warehouse.sku(10)
        store.update("skus", self.sku["id"], {"code": "TEE-M"})
        store.update("stock_locations", warehouse.locations[0]["id"], {"code": "MILAN"})
        store.update("price_lists", warehouse.prices["id"], {"code": "EUR"})
        store.update("shipping_categories", warehouse.category["id"], {"code": "MERCHANDISE"})
        warehouse.shop.create("packages", code="BOX-M")

    def cook(self, name: str) -> list[dict[str, Any]]:
        """The results, which must all be good."""
        self.commands.send(*RECIPES[name])
        events = self.commands.run()
        assert [each["command"]["reason"] for each in events] == [None] * len(RECIPES[name])
        return events

    def one(self, kind: str, **wanted: Any) -> Any:
        (found,) = [
            record
            for record in self.store.all(kind)
            if all(record.get(name) == value for name, value in wanted.items())
        ]
        return found


@pytest.fixture
def shelf(commands: Commands) -> Iterator[Shelf]:
    shop = Shop(commands.simulator)
    yield Shelf(commands, Warehouse(shop))
    shop.close()


def approve_an_order(shelf: Shelf) -> None:
    shelf.order("_place")
    shelf.cook("approve_an_order")
    assert shelf.one("orders", number="1001").get("status") == "approved"


def cancel_an_order(shelf: Shelf) -> None:
    shelf.order("_place")
    shelf.cook("cancel_an_order")
    assert shelf.one("orders", number="1001").get("status") == "cancelled"


def capture_in_part(shelf: Shelf) -> None:
    order = shelf.order("_place", "_approve")
    shelf.cook("capture_in_part")
    (capture,) = shelf.store.related(shelf.one("orders", number="1001"), "captures")
    assert capture.get("amount_cents") == 1500
    assert shelf.warehouse.attributes("orders", order)["payment_status"] == "partially_paid"


def refund_in_part(shelf: Shelf) -> None:
    shelf.order("_place", "_approve", "_capture")
    shelf.cook("refund_in_part")
    (refund,) = shelf.store.related(shelf.one("orders", number="1001"), "refunds")
    assert refund.get("amount_cents") == 500


def ship_an_order(shelf: Shelf) -> None:
    order = shelf.order("_place", "_approve", "_capture")
    (shipment,) = shelf.warehouse.shipments(order)
    shelf.warehouse.do("shipments", shipment["id"], "_picking", "_packing", "_ready_to_ship")
    shelf.cook("ship_an_order")
    shipped = shelf.store.get("shipments", shipment["id"])
    assert shipped
    assert shipped.get("status") == "shipped"
    (parcel,) = shelf.store.related(shipped, "parcels")
    assert parcel.get("tracking_number") == "1Z999AA10123456784"


def set_stock(shelf: Shelf) -> None:
    (event,) = shelf.cook("set_stock")
    item = shelf.store.get("stock_items", event["change"]["id"])
    assert item
    assert item.get("quantity") == 120
    assert shelf.warehouse.stock(shelf.sku) == [120]


def set_a_price(shelf: Shelf) -> None:
    (event,) = shelf.cook("set_a_price")
    assert event["resource"]["amount_cents"] == 1990
    sku = shelf.store.get("skus", shelf.sku["id"])
    assert sku
    assert [each.get("amount_cents") for each in shelf.store.related(sku, "prices")] == [1990]


def create_a_sku(shelf: Shelf) -> None:
    shelf.cook("create_a_sku")
    sku = shelf.one("skus", code="TEE-XL")
    category = shelf.store.one(sku, "shipping_category")
    assert category
    assert category.get("code") == "MERCHANDISE"


COOKS: dict[str, Callable[[Shelf], None]] = {
    cook.__name__: cook
    for cook in (
        approve_an_order, cancel_an_order, capture_in_part, refund_in_part, ship_an_order,
        set_stock, set_a_price, create_a_sku,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", COOKS)
def test_a_recipe_does_what_it_says(shelf: Shelf, name: str) -> None:
    COOKS[name](shelf)


@pytest.mark.parametrize("name", COOKS)
def test_a_recipe_that_is_sent_twice_is_done_once(shelf: Shelf, name: str) -> None:
    COOKS[name](shelf)
    requests = shelf.commands.simulator.requests
    requests.clear()
    shelf.cook(name)
    assert {each.method for each in requests.matching()} <= {"GET"}


def test_every_recipe_is_cooked_and_on_the_page() -> None:
    assert set(RECIPES) == set(COOKS)
    assert all(f"({name}.json)" in PAGE for name in RECIPES)


@pytest.mark.parametrize("name", COOKS)
def test_a_recipe_fits_the_schema(name: str) -> None:
    schema = json.loads((ROOT / "docs/commands/command.json").read_text(encoding="utf-8"))
    for command in RECIPES[name]:
        jsonschema.validate(command, schema)


def test_the_price_and_the_stock_of_a_new_sku(commands: Commands, simulator: Simulator) -> None:
    """The same recipes make what is not there yet."""
    store = simulator.store
    sku = store.put("skus", {"code": "TEE-M"})
    location, prices = (
        next(iter(store.all("stock_locations"))),
        next(iter(store.all("price_lists"))),
    )
    store.update("stock_locations", location.id, {"code": "MILAN"})
    store.update("price_lists", prices.id, {"code": "EUR"})
    commands.send(*RECIPES["set_stock"], *RECIPES["set_a_price"])
    assert [each["command"]["outcome"] for each in commands.run()] == ["done", "done"]
    assert [each.get("quantity") for each in store.related(sku, "stock_items")] == [120]
    assert [each.get("amount_cents") for each in store.related(sku, "prices")] == [1990]


SAMPLES = sorted((ROOT / "events/commands").glob("*.json"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_is_answered(commands: Commands, sample: Any) -> None:
    records = json.loads(sample.read_text(encoding="utf-8"))["Records"]
    commands.waiting = records
    assert len(commands.run()) == len(records)
    assert not commands.waiting
