"""An order under any sequence of writes and triggers: its sums hold, and its states follow."""

from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from local.simulator import validation
from local.simulator.behaviour import deletion, triggers, writes
from local.simulator.behaviour.ordering import items
from local.simulator.behaviour.paying import payments
from local.simulator.clock import Clock
from local.simulator.errors import ApiError
from local.simulator.store import Record, Store

_EDGES = {
    ("draft", "pending"),
    ("pending", "draft"),
    ("pending", "placed"),
    ("placed", "editing"),
    ("editing", "placed"),
    ("placed", "approved"),
    *((state, "cancelled") for state in ("draft", "pending", "placed", "editing", "approved")),
}
_REACHED_ONCE = (
    "_pending",
    "_place",
    "_start_editing",
    "_stop_editing",
    "_approve",
    "_capture",
    "_refund",
    "_fulfill",
    "_cancel",
    "_approve_and_capture",
    "_authorize",
    "_archive",
    "_unarchive",
)
# After these little can happen.
_FINAL = {"_cancel", "_refund"}
_NEXT = {
    "pending": ["_place"],
    "placed": ["_start_editing", "_approve", "_approve_and_capture"],
    "editing": ["_stop_editing"],
    "approved": ["_capture", "_fulfill"],
}
_GROUPS = {
    "shipments": "shipping",
    "payment_methods": "payment_method",
    "adjustments": "adjustment",
    "gift_cards": "gift_card",
}
_STOCK, _GIFT = 50, 700


class Life(RuleBasedStateMachine):
    """One order in one shop, with taxes, a promotion, a coupon, a gift card and a gateway."""

    @initialize(included=st.booleans(), auto_capture=st.booleans(), waits=st.booleans())
    def open(self, included: bool, auto_capture: bool, waits: bool) -> None:
        put = self._open_store()
        prices = put("price_lists", {"currency_code": "EUR", "tax_included": included})
        taxes = put("manual_tax_calculators")
        put("tax_rules", {"tax_rate": 0.22, "freight_taxable": True}, manual_tax_calculator=taxes)
        model = put("inventory_models", {"strategy": "no_split"})
        place = put("stock_locations")
        put("inventory_stock_locations", stock_location=place, inventory_model=model)
        market = put("markets", price_list=prices, inventory_model=model, tax_calculator=taxes)
        self.skus = [self._sku(prices, place, cents) for cents in (333, 1000, 2499)]
        self.skus[2].attributes["do_not_ship"] = True
        self.method = put("shipping_methods", {"price_amount_cents": 700})
        self._promotions()
        self.card = put(
            "gift_cards",
            {"code": "GIFT-0001", "currency_code": "EUR", "balance_cents": _GIFT,
             "status": "active"},
        )  # fmt: skip
        payment = put(
            "payment_methods",
            {"auto_capture": auto_capture, "require_capture": not waits, "price_amount_cents": 50},
            market=market,
        )
        address = put("addresses", {"country_code": "IT"})
        self.order = put(
            "orders",
            {},
            market=market,
            customer=put("customers", {"email": "ada@example.com"}),
            shipping_address=address,
            billing_address=address,
            payment_method=payment,
        )
        self.source = put("wire_transfers", order=self.order)
        self.store.change(self.order, {}, {"payment_source": self.source})
        self.status = self.order.get("status")
        self.add(1, 2)

    def _open_store(self) -> Any:
        self.store = Store(Clock())

        def put(kind: str, attributes: Mapping[str, Any] | None = None, **links: Any) -> Record:
            return self.store.put(kind, attributes, links)

        return put

    def _sku(self, prices: Record, place: Record, cents: int) -> Record:
        sku = self.store.put("skus", {"code": f"SKU-{cents}", "name": f"At {cents}"})
        links = {"sku": sku, "price_list": prices}
        price = self.store.put("prices", {"amount_cents": cents}, links)
        tier = {"up_to": 2, "price_amount_cents": cents - 33}
        self.store.put("price_volume_tiers", tier, {"price": price})
        links = {"sku": sku, "stock_location": place}
        self.store.put("stock_items", {"quantity": _STOCK}, links)
        return sku

    def _promotions(self) -> None:
        put = self.store.put
        put("percentage_discount_promotions", {"percentage": 7, "name": "Seven"})
        fixed = put("fixed_amount_promotions", {"fixed_amount_cents": 450, "name": "Fixed"})
        rule_ = put("coupon_codes_promotion_rules", {}, {"promotion": fixed})
        put("coupons", {"code": "SUMMER-26"}, {"promotion_rule": rule_})

    # What clients do.

    @rule(number=st.integers(0, 2), quantity=st.integers(1, 6))
    def add(self, number: int, quantity: int) -> None:
        links = {"order": self.order, "item": self.skus[number]}
        self._write("line_items", {"quantity": quantity}, links)
        self._choose_shipping()

    @rule(data=st.data(), quantity=st.integers(0, 6))
    def change_quantity(self, data: st.DataObject, quantity: int) -> None:
        bought = items.sold(self.store, self.order)
        if bought:
            line = data.draw(st.sampled_from(bought))
            self._write("line_items", {"quantity": quantity}, record=line)

    @rule(data=st.data())
    def take_out(self, data: st.DataObject) -> None:
        bought = items.sold(self.store, self.order)
        if bought:
            line = data.draw(st.sampled_from(bought))
            self._attempt(lambda: deletion.delete(self.store, line))

    @rule(
        code=st.sampled_from(
            [{"coupon_code": "SUMMER-26"}, {"coupon_code": None}, {"gift_card_code": "GIFT-0001"},
             {"gift_card_code": None}, {"coupon_code": "NO-SUCH-CODE"}]
        )
    )  # fmt: skip
    def use_code(self, code: dict[str, Any]) -> None:
        self._write("orders", code, record=self.order)

    @rule(kinds=st.sampled_from(["", "authorizations", "captures", "voids,refunds"]))
    def tell_gateway(self, kinds: str) -> None:
        self.store.change(self.source, {"metadata": {"simulate_failure": kinds}})

    @rule(data=st.data())
    def proceed(self, data: st.DataObject) -> None:
        """Something that may well succeed, so that lives get on."""
        state = self.order.get("status")
        if state in _NEXT:
            self._choose_shipping()
            self.fire_order(data.draw(st.sampled_from(_NEXT[state])))

    @rule(
        trigger=st.sampled_from([*_REACHED_ONCE, "_refresh", "_refresh_prices"]),
        dice=st.integers(1, 6),
    )
    def fire(self, trigger: str, dice: int) -> None:
        if trigger not in _FINAL or dice == 6:
            self.fire_order(trigger)

    def fire_order(self, trigger: str) -> None:
        if not self._fire(self.order, {trigger: True}) or trigger not in _REACHED_ONCE:
            return
        before = self._all()
        self.store.take_announced()
        assert self._fire(self.order, {trigger: True})
        assert self._all() == before
        assert self.store.take_announced() == []

    @rule(amount=st.integers(1, 3000))
    def authorize_part(self, amount: int) -> None:
        self._fire(self.order, {"_authorize": True, "_authorization_amount_cents": amount})

    @precondition(lambda self: self.store.related(self.order, "transactions"))
    @rule(
        data=st.data(),
        amount=st.none() | st.integers(1, 3000),
        verb=st.sampled_from(["_capture", "_refund", "_void", "_cancel", "_forward"]),
        dice=st.integers(1, 6),
    )
    def fire_transaction(
        self, data: st.DataObject, amount: int | None, verb: str, dice: int
    ) -> None:
        if (verb == "_void" or (verb == "_refund" and not amount)) and dice < 6:
            return
        found = self.store.related(self.order, "transactions")
        given = {verb: True} | ({f"{verb}_amount_cents": amount} if amount else {})
        self._fire(data.draw(st.sampled_from(found)), given)

    # How they do it: as the operations of the API, without HTTP.

    def _write(
        self,
        kind: str,
        attributes: dict[str, Any],
        links: Mapping[str, Record] | None = None,
        record: Record | None = None,
    ) -> None:
        linkage = {
            name: {"data": {"type": each.type, "id": each.id}}
            for name, each in (links or {}).items()
        }
        document = {"attributes": attributes, "relationships": linkage}

        def write() -> None:
            change = validation.change(self.store, kind, document, record)
            if record:
                writes.update(self.store, record, change)
            else:
                writes.create(self.store, kind, change)

        self._attempt(write)

    def _fire(self, record: Record, given: dict[str, Any]) -> bool:
        def act() -> None:
            for effect in triggers.plan(self.store, record, given):
                effect()

        return self._attempt(act)

    def _attempt(self, act: Any) -> bool:
        """Whether it was not refused. What is refused has changed nothing, but for the gateway."""
        before = self._all()
        try:
            act()
        except ApiError as refusal:
            errors = refusal.errors
        else:
            return True
        assert all(each["status"] in ("422", "423") for each in errors)
        if errors[0]["meta"]["error"] != "payment_failed":
            assert self._all() == before
        return False

    def _choose_shipping(self) -> None:
        for shipment in self.store.related(self.order, "shipments"):
            if not shipment.links.get("shipping_method"):
                self.store.change(shipment, {}, {"shipping_method": self.method})
        self._fire(self.order, {"_refresh": True})

    def _all(self) -> dict[int, Any]:
        return {
            number: (dict(each.attributes), dict(each.links), each.updated_at)
            for number, each in self.store.records.items()
        }

    # What is always so.

    @invariant()
    def the_sums_hold(self) -> None:
        order, amounts, tax = self.order.get, dict.fromkeys(_GROUPS.values(), 0), 0
        amounts |= {"subtotal": 0, "discount": 0}
        shares = 0
        for line in self.store.related(self.order, "line_items"):
            kind = line.get("item_type")
            sold = items.is_sold(line)
            group = "subtotal" if sold else _GROUPS.get(kind, "discount")
            amounts[group] += line.get("total_amount_cents")
            tax += line.get("tax_amount_cents")
            shares += line.get("discount_cents")
        for name, amount in amounts.items():
            assert order(f"{name}_amount_cents") == amount, name
        total = sum(amounts.values())
        assert order("total_amount_cents") == total
        assert order("total_tax_amount_cents") == tax
        added = 0 if order("tax_included") else tax
        assert order("total_amount_with_taxes_cents") == total + added >= 0
        assert order("total_taxable_amount_cents") + tax == total + added
        assert order("discount_amount_cents") == shares <= 0

    @invariant()
    def no_more_moves_than_there_is(self) -> None:
        known = payments.sums(self.store, self.order)
        assert known.refunded <= known.captured <= known.authorized
        assert known.captured + known.voided <= known.authorized
        for each in self.store.related(self.order, "authorizations"):
            if each.get("succeeded"):
                spent = self._spent(each, "captures", "voids")
                assert each.get("capture_balance_cents") == each.get("amount_cents") - spent >= 0
        for each in self.store.related(self.order, "captures"):
            if each.get("succeeded"):
                left = each.get("amount_cents") - self._spent(each, "refunds")
                assert each.get("refund_balance_cents") == left >= 0

    def _spent(self, record: Record, *names: str) -> int:
        return sum(
            each.get("amount_cents")
            for name in names
            for each in self.store.related(record, name)
            if each.get("succeeded")
        )

    @invariant()
    def states_follow(self) -> None:
        status, paid = self.order.get("status"), self.order.get("payment_status")
        assert status == self.status or (self.status, status) in _EDGES
        self.status = status
        if status in ("placed", "approved", "editing"):
            assert self.order.get("placed_at")
            assert paid not in ("unpaid", "voided", "refunded", "partially_authorized")
        if paid == "paid":
            assert payments.sums(self.store, self.order).kept
        if self.order.get("fulfillment_status") in ("in_progress", "fulfilled"):
            assert self.order.get("approved_at")

    @invariant()
    def nothing_is_lost(self) -> None:
        held = sum(
            line.get("taken") or 0
            for item in self.store.related(self.order, "line_items")
            for line in self.store.related(item, "stock_line_items")
        )
        there = sum(each.get("quantity") for each in self.store.all("stock_items"))
        assert there + held == 3 * _STOCK
        status = self.order.get("status")
        charged = self.order.get("placed_at") and status != "cancelled"
        if status != "editing":
            used = self.order.get("gift_card_amount_cents") if charged else 0
            assert self.card.get("balance_cents") == _GIFT + used


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
