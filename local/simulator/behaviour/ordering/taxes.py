"""Taxes of a market with a manual tax calculator: the first of its rules that fits the address.

Markets without a calculator, and those with an external one, have none.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from local.simulator.behaviour.ordering import items
from local.simulator.store import Record, Store

# Types of line items -> the flag that makes them taxable, on the order or the rule.
_FLAGS = {
    "shipments": "freight_taxable",
    "payment_methods": "payment_method_taxable",
    "adjustments": "adjustment_taxable",
    "gift_cards": "gift_card_taxable",
}
_FIELDS = ("country_code", "state_code", "zip_code")


def apply(store: Store, order: Record, lines: list[Record]) -> None:
    """Write the tax of every line item, and the rate of the order."""
    rule = rule_for(store, order)
    rate = (rule.get("tax_rate") or 0.0) if rule else 0.0
    if (order.get("tax_rate") or 0.0) != rate:
        store.change(order, {"tax_rate": rate})
    for line in lines:
        due = rate if rule and _is_taxable(order, rule, line) else 0.0
        values = {"tax_rate": due, "tax_amount_cents": _tax(order, line, due)}
        if any((line.get(name) or 0) != value for name, value in values.items()):
            store.change(line, values, updated_at=line.updated_at)


def rule_for(store: Store, order: Record) -> Record | None:
    market = store.one(order, "market")
    calculator = store.one(market, "tax_calculator") if market else None
    if calculator is None or calculator.type != "manual_tax_calculators":
        return None
    address = store.one(order, "shipping_address") or store.one(order, "billing_address")
    rules = store.related(calculator, "tax_rules")
    return next((each for each in rules if address and _fits(each, address)), None)


def _fits(rule: Record, address: Record) -> bool:
    return all(
        _matches(rule.get(f"{name}_regex"), address.get(name), lambda found: found)
        and _matches(rule.get(f"not_{name}_regex"), address.get(name), lambda found: not found)
        for name in _FIELDS
    )


def _matches(pattern: str | None, value: str | None, wanted: Callable[[bool], bool]) -> bool:
    """A rule without a pattern fits every address, one whose pattern is no regex fits none."""
    if not pattern:
        return True
    try:
        return wanted(re.search(pattern, value or "") is not None)
    except re.error:
        return False


def _is_taxable(order: Record, rule: Record, line: Record) -> bool:
    kind = line.get("item_type")
    if kind in items.PROMOTIONS or (line.get("total_amount_cents") or 0) <= 0:
        return False
    flag = _FLAGS.get(kind)
    return flag is None or bool(order.get(flag) or rule.get(flag))


def _tax(order: Record, line: Record, rate: float) -> int:
    """On the price less its discount: part of it, or on top of it."""
    if not rate:
        return 0
    base = Decimal(line.get("total_amount_cents") + (line.get("discount_cents") or 0))
    factor = Decimal(str(rate))
    tax = base * factor / (1 + factor) if order.get("tax_included") else base * factor
    return int(tax.quantize(Decimal(1), ROUND_HALF_UP))
