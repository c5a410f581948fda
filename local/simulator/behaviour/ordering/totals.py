"""What an order costs: its line items brought up to date, and the sums of them."""

from local.simulator.behaviour.goods import shipment_strategy
from local.simulator.behaviour.ordering import automatic, discounts, gift_cards, items, taxes
from local.simulator.behaviour.ordering.automatic import Wanted
from local.simulator.behaviour.ordering.lifecycle import OPEN, move
from local.simulator.behaviour.paying import payments
from local.simulator.store import Record, Store

# Line items of these types count apart from the subtotal.
_GROUPS = {
    "shipments": "shipping",
    "payment_methods": "payment_method",
    "adjustments": "adjustment",
    "gift_cards": "gift_card",
}
_TAXED = ("subtotal", "shipping", "payment_method", "adjustment")


def changed(store: Store, order: Record) -> None:
    """After any change around an order, unless it wants to be asked first."""
    if order.get("autorefresh") is not False:
        refresh(store, order)


def refresh(store: Store, order: Record) -> None:
    """Of an order that is still open. Writes what differs."""
    if order.get("status") not in OPEN:
        return
    shipment_strategy.rebuild(store, order)
    discount = order.get("discount_amount_cents")
    lines = _summed(store, order)
    if order.get("discount_amount_cents") != discount:
        shipment_strategy.price(store, order)  # may be free over an amount, less the discount
        lines = _summed(store, order)
    _advance(store, order, lines)


def _summed(store: Store, order: Record) -> list[Record]:
    """The line items, brought up to date, and their sums written to the order."""
    lines = _paying(store, order, store.related(order, "line_items"))
    lines = discounts.apply(store, order, lines)
    taxes.apply(store, order, lines)
    due = _sums(order, lines)["total_amount_with_taxes_cents"]
    lines = gift_cards.apply(store, order, lines, due)
    values = _sums(order, lines)
    if any(order.get(name) != value for name, value in values.items()):
        store.change(order, values)
    return lines


def _paying(store: Store, order: Record, lines: list[Record]) -> list[Record]:
    """A payment method may have a price."""
    method = store.one(order, "payment_method")
    amount = (method.get("price_amount_cents") or 0) if method else 0
    wanted = [Wanted(method, amount, method.get("name"))] if method and amount else []
    return automatic.sync(store, order, lines, wanted, automatic.of({"payment_methods"}))


def _sums(order: Record, lines: list[Record]) -> dict[str, int]:
    amounts = dict.fromkeys(("subtotal", *_GROUPS.values(), "discount"), 0)
    tax = dict.fromkeys(amounts, 0)
    for line in lines:
        group = _group(line)
        amounts[group] += line.get("total_amount_cents") or 0
        tax[group] += line.get("tax_amount_cents") or 0
    included = bool(order.get("tax_included"))
    total, taxes_of_all = sum(amounts.values()), sum(tax.values())
    values = {f"{name}_amount_cents": amount for name, amount in amounts.items()}
    for name in _TAXED:
        values[f"{name}_tax_amount_cents"] = tax[name]
        values[f"{name}_taxable_amount_cents"] = amounts[name] - (tax[name] if included else 0)
    return values | {
        "total_tax_amount_cents": taxes_of_all,
        "total_amount_cents": total,
        "total_taxable_amount_cents": total - (taxes_of_all if included else 0),
        "total_amount_with_taxes_cents": total + (0 if included else taxes_of_all),
    }


def _group(line: Record) -> str:
    if items.is_sold(line):
        return "subtotal"
    kind = line.get("item_type")
    return "discount" if kind in items.PROMOTIONS else _GROUPS[kind]


def _advance(store: Store, order: Record, lines: list[Record]) -> None:
    """A draft with a customer and a purchase is pending; what costs nothing is free."""
    sold = [each for each in lines if items.is_sold(each)]
    values = {"fulfillment_status": _fulfillment(store, sold)}
    if order.get("status") == "draft" and sold and order.links.get("customer"):
        move(store, order, status="pending")
    if order.get("status") == "pending":
        values["payment_status"] = _payment(store, order)
    move(store, order, **values)


def _fulfillment(store: Store, sold: list[Record]) -> str:
    ships = not sold or any(items.ships(store, each) for each in sold)
    return "unfulfilled" if ships else "not_required"


def _payment(store: Store, order: Record) -> str:
    """Most orders are unpaid until they are placed, which needs no look at transactions."""
    if order.get("total_amount_with_taxes_cents") and order.get("payment_status") == "unpaid":
        return "unpaid"
    return payments.status(store, order)


def emptied(store: Store, order: Record) -> None:
    """After items were taken out: a pending order without a purchase is a draft again."""
    changed(store, order)
    if order.get("status") == "pending" and not items.sold(store, order):
        move(store, order, status="draft", payment_status="unpaid")
