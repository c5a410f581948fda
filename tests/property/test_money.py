"""Amounts of every currency, in their three forms."""

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.behaviour import money

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
