"""Amounts of every currency, in their three forms."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.behaviour import money
from local.simulator.behaviour.ordering import line_items, totals
from local.simulator.clock import Clock
from local.simulator.documents import Context, single
from local.simulator.query import parse
from local.simulator.store import Record, Store

CODES = st.sampled_from(sorted(money.currencies()))
CENTS = st.integers(-(10**12), 10**12)


@given(CENTS, CODES)
def test_a_formatted_amount_says_how_many_cents_there_are(cents: int, code: str) -> None:
    style = money.currencies()[code]
    number = money.formatted(cents, code).replace(style.symbol, "", 1).strip().lstrip("-")
    whole, _, decimals = number.partition(style.point) if style.digits else (number, "", "")
    units = int(whole.replace(style.thousands, ""))
    parts = int(decimals or 0) * style.subunits // 10**style.digits
    assert units * style.subunits + parts == abs(cents)
    assert len(decimals) == style.digits
    assert money.formatted(cents, code).startswith("-") == (cents < 0)


@given(CENTS, CODES)
def test_the_symbol_stands_where_the_currency_has_it(cents: int, code: str) -> None:
    style = money.currencies()[code]
    text = money.formatted(abs(cents), code)
    if style.symbol_first:
        assert text.startswith(style.symbol)
    else:
        assert text.endswith(f" {style.symbol}")


@given(CENTS, CODES)
def test_a_float_is_the_cents_over_the_subunits(cents: int, code: str) -> None:
    assert round(cents / money.subunits(code) * money.subunits(code)) == cents


def test_the_separators_of_a_currency_differ() -> None:
    for code, style in money.currencies().items():
        assert len(code) == 3
        assert style.thousands != style.point


@settings(max_examples=60, deadline=None)
@given(CODES, st.lists(st.tuples(st.integers(1, 20), st.integers(0, 10**7)), max_size=5))
def test_every_amount_of_an_order_agrees_in_its_three_forms(
    code: str, bought: list[tuple[int, int]]
) -> None:
    store = Store(Clock())
    price_list = store.put("price_lists", {"currency_code": code})
    market = store.put("markets", {}, {"price_list": price_list})
    order = store.put("orders", {}, {"market": market})
    items = [
        store.put(
            "line_items", {"quantity": quantity, "unit_amount_cents": cents}, {"order": order}
        )
        for quantity, cents in bought
    ]
    for item in items:
        line_items.total(store, item)
    totals.refresh(store, order)
    price = store.put("prices", {"amount_cents": 7}, {"price_list": price_list})
    assert order.get("total_amount_cents") == sum(quantity * cents for quantity, cents in bought)
    for record in (order, price, *items):
        assert_agreeing(printed(store, record), code)


def printed(store: Store, record: Record) -> dict[str, Any]:
    context = Context(store, "http://shop/api", "test", "organization", "resource")
    attributes: dict[str, Any] = json.loads(single(context, record, parse(record.type, "")))[
        "data"
    ]["attributes"]
    return attributes


def assert_agreeing(attributes: dict[str, Any], code: str) -> None:
    assert attributes["currency_code"] == code
    stems = [name.removesuffix("_cents") for name in attributes if name.endswith("_cents")]
    assert stems
    for stem in stems:
        cents = attributes[f"{stem}_cents"]
        if cents is not None:
            assert attributes[f"formatted_{stem}"] == money.formatted(cents, code)
            floated = attributes.get(f"{stem}_float", cents / money.subunits(code))
            assert round(floated * money.subunits(code)) == cents
