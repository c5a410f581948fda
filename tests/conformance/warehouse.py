"""A market with its stock locations, and orders that are ready to be placed in it."""

from typing import Any

from tests.conformance.shop import Shop

Link = dict[str, dict[str, str]]


def link(record: dict[str, Any]) -> Link:
    return {"data": {"type": record["type"], "id": record["id"]}}


class Warehouse:
    """`locations` are in the order of their priority."""

    def __init__(
        self, shop: Shop, strategy: str = "no_split", locations: int = 1, **model: Any
    ) -> None:
        self.shop = shop
        self.address = shop.create("addresses", country_code="IT")
        self.prices = shop.create("price_lists", currency_code="EUR")
        self.category = shop.create("shipping_categories")
        self.model = shop.create("inventory_models", strategy=strategy, **model)
        self.locations = [shop.create("stock_locations") for _ in range(locations)]
        self.places = [
            self.make(
                "inventory_stock_locations",
                {"priority": number, "on_hold": False},
                stock_location=location,
                inventory_model=self.model,
            )
            for number, location in enumerate(self.locations, 1)
        ]
        self.market = self.make(
            "markets",
            {"name": f"Market {self.model['id']}"},
            merchant=shop.create("merchants"),
            price_list=self.prices,
            inventory_model=self.model,
        )
        self.method = self.shipping_method(price_amount_cents=700)
        self.payment_method = self.make(
            "payment_methods",
            {"payment_source_type": "wire_transfers", "price_amount_cents": 0,
             "currency_code": "EUR", "name": "Wire"},
            payment_gateway=shop.create("manual_gateways"),
            market=self.market,
        )  # fmt: skip

    def make(self, kind: str, attributes: dict[str, Any], **links: Any) -> dict[str, Any]:
        """Exactly this, and nothing that the catalog would add."""
        document = {
            "type": kind,
            "attributes": attributes,
            "relationships": {name: link(record) for name, record in links.items()},
        }
        answer = self.shop.post(kind, document)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["data"]
        return made

    def shipping_method(self, **attributes: Any) -> dict[str, Any]:
        values = {"name": "Standard", "currency_code": "EUR", **attributes}
        return self.make("shipping_methods", values, market=self.market)

    def sku(self, *stock: int, category: Any = None, **attributes: Any) -> dict[str, Any]:
        """With so much of it in each location, and a price of ten euros."""
        sku = self.shop.create("skus", **attributes)
        self.shop.relate("skus", sku["id"], shipping_category=link(category or self.category))
        self.make("prices", {"amount_cents": 1000, "compare_at_amount_cents": 1200}, sku=sku,
                  price_list=self.prices)  # fmt: skip
        for quantity, location in zip(stock, self.locations, strict=False):
            self.make("stock_items", {"quantity": quantity}, sku=sku, stock_location=location)
        return sku

    def order(self, *lines: tuple[dict[str, Any], int]) -> str:
        """With so many of each SKU, a shipping method for each shipment, and a way to pay."""
        order = self.make(
            "orders",
            {"customer_email": f"{self.model['id'].lower()}@example.com"},
            market=self.market,
            billing_address=self.address,
            shipping_address=self.address,
        )
        for sku, quantity in lines:
            self.make("line_items", {"quantity": quantity}, order=order, item=sku)
        self.ship_by(order["id"], self.method)
        source = self.make("wire_transfers", {}, order=order)
        self.shop.relate(
            "orders",
            order["id"],
            payment_method=link(self.payment_method),
            payment_source=link(source),
        )
        return str(order["id"])

    def ship_by(self, order: str, method: dict[str, Any]) -> None:
        for shipment in self.shop.ids(f"orders/{order}/shipments"):
            answer = self.shop.relate("shipments", shipment, shipping_method=link(method))
            assert answer.status_code == 200, answer.text

    def do(self, kind: str, identifier: str, *triggers: str, **values: Any) -> dict[str, Any]:
        """One after the other; each must be taken."""
        done: dict[str, Any] = {}
        for trigger in triggers:
            answer = self.shop.patch(kind, identifier, **{trigger: True}, **values)
            assert answer.status_code == 200, (trigger, answer.text)
            done = answer.json()["data"]["attributes"]
        return done

    def refused(self, kind: str, identifier: str, trigger: str, **values: Any) -> dict[str, Any]:
        answer = self.shop.patch(kind, identifier, **{trigger: True}, **values)
        assert answer.status_code == 422, answer.text
        error: dict[str, Any] = answer.json()["errors"][0]
        return error

    def in_progress(self, *lines: tuple[dict[str, Any], int]) -> str:
        """An order that is paid and waits for its shipments."""
        order = self.order(*lines)
        self.do("orders", order, "_place", "_approve", "_capture")
        return order

    def stock(self, sku: dict[str, Any]) -> list[int]:
        """What lies in each location."""
        found = self.shop.get(f"skus/{sku['id']}/stock_items", include="stock_location").json()[
            "data"
        ]
        at = {
            each["relationships"]["stock_location"]["data"]["id"]: each["attributes"]["quantity"]
            for each in found
        }
        return [at.get(location["id"], 0) for location in self.locations]

    def shipments(self, order: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.shop.get(f"orders/{order}/shipments").json()["data"]
        return found

    def attributes(self, kind: str, identifier: str) -> dict[str, Any]:
        found: dict[str, Any] = self.shop.get(f"{kind}/{identifier}").json()["data"]["attributes"]
        return found
