"""Orders as a customer leaves them, made through the API: everything is there to place them."""

from dataclasses import dataclass, field
from typing import Any

from tests.conformance.shop import Shop


@dataclass
class Checkout:
    """A market of its own, and what is needed around an order in it."""

    shop: Shop
    tax_included: bool = True
    market: dict[str, Any] = field(init=False)
    price_list: str = field(init=False)
    location: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        price_list = self.shop.create(
            "price_lists", currency_code="EUR", tax_included=self.tax_included
        )
        self.price_list = price_list["id"]
        document = self.shop.document("markets")
        document["relationships"]["price_list"] = {"data": pair(price_list)}
        self.market = self.made("markets", document)
        self.location = self.shop.create("stock_locations")
        model = document["relationships"]["inventory_model"]["data"]
        self.make(
            "inventory_stock_locations",
            ("stock_location", self.location),
            ("inventory_model", model),
        )

    def made(self, kind: str, document: dict[str, Any]) -> dict[str, Any]:
        answer = self.shop.post(kind, document)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()["data"]
        return created

    def make(self, kind: str, *links: tuple[str, Any], **attributes: Any) -> dict[str, Any]:
        """With these relationships, and whatever else the type cannot be without."""
        document = self.shop.document(kind, **attributes)
        for name, other in links:
            document["relationships"][name] = {"data": pair(other)}
        return self.made(kind, document)

    def sku(self, cents: int = 1000, **attributes: Any) -> dict[str, Any]:
        sku = self.shop.create("skus", **attributes)
        price_list = {"type": "price_lists", "id": self.price_list}
        self.make("prices", ("sku", sku), ("price_list", price_list), amount_cents=cents)
        self.make("stock_items", ("sku", sku), ("stock_location", self.location), quantity=1000)
        return sku

    def order(self, **attributes: Any) -> dict[str, Any]:
        """A draft of somebody new, with both addresses."""
        address = self.shop.create("addresses", country_code="IT", business=False)
        email = f"somebody-{address['id']}@example.com"
        links = {"market": self.market, "billing_address": address, "shipping_address": address}
        return self.made(
            "orders",
            {
                "type": "orders",
                "attributes": {"customer_email": email} | attributes,
                "relationships": {name: {"data": pair(other)} for name, other in links.items()},
            },
        )

    def add(self, order: Any, item: Any, quantity: int = 1, **attributes: Any) -> dict[str, Any]:
        """At the price of the item, unless it is given."""
        return self.made(
            "line_items",
            {
                "type": "line_items",
                "attributes": {"quantity": quantity} | attributes,
                "relationships": {"order": {"data": pair(order)}, "item": {"data": pair(item)}},
            },
        )

    def pay(self, order: Any, method: Any = None, **metadata: Any) -> dict[str, Any]:
        """A wire transfer; `simulate_failure` in its metadata makes transactions fail."""
        method = method or self.method()
        self.link("orders", order["id"], payment_method=method)
        return self.make("wire_transfers", ("order", order), metadata=metadata)

    def method(self, **attributes: Any) -> dict[str, Any]:
        gateway = self.shop.create("manual_gateways")
        attributes = {"currency_code": "EUR", "price_amount_cents": 0} | attributes
        return self.make(
            "payment_methods",
            ("payment_gateway", gateway),
            ("market", self.market),
            payment_source_type="wire_transfers",
            **attributes,
        )

    def ready(self, *, cents: int = 1000, quantity: int = 2, **metadata: Any) -> str:
        """The id of an order that can be placed."""
        order = self.order()
        self.add(order, self.sku(cents), quantity)
        self.pay(order, **metadata)
        self.ship(order["id"])
        return str(order["id"])

    def ship(self, order: str) -> None:
        """A shipping method for every shipment that the order has."""
        for shipment in self.shop.ids(f"orders/{order}/shipments"):
            method = self.shop.create("shipping_methods", price_amount_cents=0, scheme="flat")
            self.link("shipments", shipment, shipping_method=method)

    def placed(self, **given: Any) -> str:
        order = self.ready(**given)
        self.fire("orders", order, "_place")
        return order

    def approved(self, **given: Any) -> str:
        order = self.placed(**given)
        self.fire("orders", order, "_approve")
        return order

    def fire(self, kind: str, identifier: str, *names: str, **values: Any) -> dict[str, Any]:
        """Triggers that are not refused."""
        answer = self.shop.patch(kind, identifier, **dict.fromkeys(names, True), **values)
        assert answer.status_code == 200, answer.text
        attributes: dict[str, Any] = answer.json()["data"]["attributes"]
        return attributes

    def link(self, kind: str, identifier: str, **others: Any) -> None:
        relationships = {name: {"data": other and pair(other)} for name, other in others.items()}
        document = {"type": kind, "id": identifier, "relationships": relationships}
        answer = self.shop.http.patch(f"{kind}/{identifier}", json={"data": document})
        assert answer.status_code == 200, answer.text

    def read(self, kind: str, identifier: str) -> dict[str, Any]:
        attributes: dict[str, Any] = self.shop.get(f"{kind}/{identifier}").json()["data"][
            "attributes"
        ]
        return attributes

    def statuses(self, order: str) -> tuple[str, str, str]:
        read = self.read("orders", order)
        return read["status"], read["payment_status"], read["fulfillment_status"]

    def transactions(self, order: str, kind: str = "transactions") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.shop.get(f"orders/{order}/{kind}").json()["data"]
        return found


def pair(record: Any) -> dict[str, str]:
    return {"type": record["type"], "id": record["id"]}
