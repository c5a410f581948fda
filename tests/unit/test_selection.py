"""Indexes answer what clients ask for: how many records a list looks at, not how long it takes."""

from typing import Any
from urllib.parse import quote

import pytest

from local.simulator import query
from local.simulator.clock import Clock
from local.simulator.selection import Page, select
from local.simulator.store import Record, Store

MANY, PAGE = 3_000, 25
HALF = "2026-01-01T00:25:00Z"  # of the stamps below


class Looked(dict[int, Record]):
    """Counts how often a record is looked up."""

    times = 0

    def __getitem__(self, number: int) -> Record:
        self.times += 1
        return super().__getitem__(number)

    def get(self, number: int, default: Any = None) -> Any:
        self.times += 1
        return super().get(number, default)


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(Clock())
    markets = [store.put("markets", {"code": code}) for code in ("europe", "usa")]
    for number in range(MANY):
        at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        values = {
            "status": ("draft", "placed", "approved")[number % 3],
            "guest": number % 2 == 0,
            "reference": None if number % 10 else f"erp-{number}",
            "placed_at": at,
        }
        links = {"market": markets[number % 2]}
        store.put("orders", values, links, created_at=at, updated_at=at)
    return store


def listed(store: Store, text: str) -> tuple[Page, int]:
    """The page, and the records that were looked at on the way, after indexes were made."""
    asked = query.parse("orders", quote(f"{text}&page[size]={PAGE}", safe="=&,"))
    select(store, "orders", asked)
    records, store.records = store.records, Looked(store.records)
    try:
        return select(store, "orders", asked), store.records.times
    finally:
        store.records = records


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", MANY),
        ("sort=-created_at", MANY),
        ("sort=placed_at", MANY),
        ("sort=-reference", MANY),
        ("filter[q][status_eq]=placed", MANY // 3),
        ("filter[q][status_in]=placed,approved", 2 * MANY // 3),
        ("filter[q][status_eq]=placed&sort=-created_at", MANY // 3),
        ("filter[q][guest_true]=true", MANY // 2),
        ("filter[q][guest_false]=1&sort=updated_at", MANY // 2),
        ("filter[q][reference_null]=true", 9 * MANY // 10),
        ("filter[q][reference_eq]=erp-20", 1),
        ("filter[q][market_code_eq]=europe", MANY // 2),
        ("filter[q][market_code_eq]=europe&sort=-placed_at", MANY // 2),
        (f"filter[q][updated_at_gteq]={HALF}&sort=updated_at,id", MANY // 2),
        (f"filter[q][placed_at_lt]={HALF}&sort=-placed_at", MANY // 2),
        (f"filter[q][placed_at_lt]={HALF}", MANY // 2),
        (f"filter[q][placed_at_gt]={HALF}&filter[q][placed_at_lteq]={HALF}&sort=placed_at", 0),
    ],
)
def test_an_index_answers(store: Store, text: str, count: int) -> None:
    page, looked = listed(store, text)
    assert (page.count, len(page.records)) == (count, min(count, PAGE))
    assert looked <= PAGE + 1


def test_of_several_conditions_the_narrowest_is_taken(store: Store) -> None:
    late = "2026-01-01T00:49:00Z"
    page, looked = listed(store, f"filter[q][status_eq]=placed&filter[q][placed_at_gteq]={late}")
    assert page.count == 20
    assert looked <= 60 + PAGE


def test_text_inside_a_value_takes_a_look_at_every_record(store: Store) -> None:
    """The counter does count."""
    _, looked = listed(store, "filter[q][reference_cont]=99")
    assert looked >= MANY
