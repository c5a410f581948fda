"""A coherent shop to look at, the same at every start."""

from random import Random
from typing import Any

from local.simulator.behaviour import triggers
from local.simulator.behaviour.ordering import line_items, totals
from local.simulator.clock import SECOND
from local.simulator.store import Record, Store

_PRODUCTS = ("T-Shirt", "Hoodie", "Cap", "Mug", "Tote Bag", "Notebook", "Sticker", "Bottle")
_COLOURS = ("White", "Black", "Navy", "Olive", "Red")
_FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Niklaus")
_LAST = ("Rossi", "Meyer", "Dubois", "Novak", "Larsen", "Silva", "Kowalski", "Jansen")
_CITIES = (("Milano", "20121", "IT"), ("Berlin", "10115", "DE"), ("Paris", "75001", "FR"))

# How far orders have come, weighted as in a shop that is alive.
_LIVES: tuple[tuple[tuple[str, ...], int], ...] = (
    ((), 2),
    (("_place",), 3),
    (("_place", "_approve"), 2),
    (("_place", "_approve", "_capture"), 4),
    (("_place", "_approve", "_capture", "_fulfill"), 4),
    (("_place", "_cancel"), 1),
    (("_place", "_approve", "_capture", "_refund"), 1),
)
# The orders came in during the week before the shop was made.
_WEEK = 7 * 24 * 3600 * SECOND


def shop(store: Store, size: int) -> None:
    """`size` SKUs (at most 1,000) and `size` orders, with all that stands around them."""
    random = Random(size)
    now = store.clock.now()
    base = _Base(store)
    # What the orders take is there in any case.
    base.stocked = 30 * -(-size // 1_000)
    skus = [base.sku(number, random) for number in range(1, min(size, 1_000) + 1)]
    customers = [base.customer(number, random) for number in range(1, max(size // 3, 1) + 1)]
    for number in range(size):
        at = now - _WEEK + _WEEK * number // size
        base.order(random, random.choice(customers), skus, at)


class _Base:
    """What every order of the shop refers to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stocked = 0
        put = store.put
        warehouse = put("addresses", _address(Random(0), company="Demo Warehouse"))
        self.merchant = put("merchants", {"name": "Demo Merchant"}, {"address": warehouse})
        self.price_list = put(
            "price_lists",
            {"name": "Europe", "code": "europe", "currency_code": "EUR", "tax_included": True},
        )
        self.model = put("inventory_models", {"name": "Europe", "strategy": "no_split"})
        self.location = put(
            "stock_locations", {"name": "Milano", "code": "milano"}, {"address": warehouse}
        )
        self.inventory_location = put(
            "inventory_stock_locations",
            {"priority": 1, "on_hold": False},
            {"stock_location": self.location, "inventory_model": self.model},
        )
        self.market = put(
            "markets",
            {"name": "Europe", "code": "europe"},
            {
                "merchant": self.merchant,
                "price_list": self.price_list,
                "inventory_model": self.model,
            },
        )
        self.category = put("shipping_categories", {"name": "Merchandise", "code": "merchandise"})
        self.zone = put("shipping_zones", {"name": "Europe", "country_code_regex": "IT|DE|FR"})
        self.method = put(
            "shipping_methods",
            {"name": "Standard", "price_amount_cents": 700, "currency_code": "EUR"},
            {"market": self.market, "shipping_zone": self.zone, "shipping_category": self.category},
        )
        gateway = put("manual_gateways", {"name": "Wire transfer"})
        self.payment = put(
            "payment_methods",
            {"payment_source_type": "wire_transfers", "price_amount_cents": 0, "name": "Wire"},
            {"payment_gateway": gateway, "market": self.market},
        )

    def sku(self, number: int, random: Random) -> Record:
        product, colour = random.choice(_PRODUCTS), random.choice(_COLOURS)
        sku = self.store.put(
            "skus",
            {"code": f"SKU-{number:05}", "name": f"{colour} {product}", "weight": 250.0,
             "unit_of_weight": "gr", "pieces_per_pack": 1},
            {"shipping_category": self.category},
        )  # fmt: skip
        cents = random.randrange(900, 9_900, 100)
        self.store.put(
            "prices",
            {"currency_code": "EUR", "amount_cents": cents, "compare_at_amount_cents": cents + 500,
             "sku_code": sku.get("code")},
            {"price_list": self.price_list, "sku": sku},
        )  # fmt: skip
        self.store.put(
            "stock_items",
            {"quantity": self.stocked + random.randrange(10, 200), "sku_code": sku.get("code")},
            {"stock_location": self.location, "sku": sku},
        )
        return sku

    def customer(self, number: int, random: Random) -> tuple[Record, Record]:
        """With the address that its orders go to."""
        address = self.store.put("addresses", _address(random))
        name = f"{address.get('first_name')}.{address.get('last_name')}".lower()
        customer = self.store.put("customers", {"email": f"{name}.{number}@example.com"})
        self.store.put(
            "customer_addresses",
            {"customer_email": customer.get("email")},
            {"customer": customer, "address": address},
        )
        return customer, address

    def order(
        self, random: Random, buyer: tuple[Record, Record], skus: list[Record], at: int
    ) -> Record:
        customer, address = buyer
        source = self.store.put("wire_transfers")
        order = self.store.put(
            "orders",
            {"currency_code": "EUR", "language_code": "en", "guest": False,
             "customer_email": customer.get("email"), "country_code": address.get("country_code")},
            {"market": self.market, "customer": customer, "shipping_address": address,
             "billing_address": address, "payment_method": self.payment,
             "payment_source": source},
            created_at=at,
            updated_at=at,
        )  # fmt: skip
        self.store.change(source, {}, {"order": order}, updated_at=at)
        for sku in random.sample(skus, min(random.randrange(1, 4), len(skus))):
            self._item(order, sku, random.randrange(1, 4), at)
        shipment = self.store.put(
            "shipments",
            {"currency_code": "EUR", "cost_amount_cents": 700},
            {"order": order, "shipping_category": self.category, "shipping_method": self.method,
             "inventory_stock_location": self.inventory_location, "shipping_address": address,
             "stock_location": self.location},
            created_at=at,
            updated_at=at,
        )  # fmt: skip
        totals.refresh(self.store, order)
        lives = random.choices(*zip(*_LIVES, strict=True))[0]
        for trigger in lives:
            for effect in triggers.plan(self.store, order, {trigger: True}):
                effect()
        if "_fulfill" in lives:
            self.store.change(shipment, {"status": "shipped", "shipped_at": at})
        self._backdate(order, at)
        return order

    def _item(self, order: Record, item: Record, quantity: int, at: int) -> None:
        line_item = self.store.put(
            "line_items",
            {"quantity": quantity, "currency_code": "EUR"},
            {"order": order, "item": item},
            created_at=at,
            updated_at=at,
        )
        values = line_items.filled(self.store, line_item, {"quantity": quantity})
        self.store.change(line_item, values, updated_at=at)
        line_items.total(self.store, line_item)

    def _backdate(self, order: Record, at: int) -> None:
        """The life of an old order is old as well."""
        stamps: dict[str, Any] = {
            name: at for name in order.attributes if name.endswith("_at") and order.get(name)
        }
        self.store.change(order, stamps, updated_at=at)
        for name in ("line_items", "shipments", "transactions"):
            for other in self.store.related(order, name):
                other.created_at = at
                self.store.change(other, {}, updated_at=at)


def _address(random: Random, **given: Any) -> dict[str, Any]:
    city, zip_code, country = random.choice(_CITIES)
    return {
        "first_name": random.choice(_FIRST),
        "last_name": random.choice(_LAST),
        "line_1": f"Via Demo {random.randrange(1, 99)}",
        "city": city,
        "zip_code": zip_code,
        "country_code": country,
        "phone": "+39 02 0000000",
        "business": "company" in given,
        **given,
    }
