"""Each family of filters, on five addresses that differ where it matters."""

import json
from string import ascii_uppercase

import pytest

from connector.commerce_layer.query import Query
from tests.contract.goods import Goods
from tests.contract.shop import Record, Shop, ids

FIVE: tuple[Record, ...] = (
    {"city": "London", "first_name": "Ada", "lat": 51.5, "metadata": {"erp": {"id": "42"}}},
    {"city": "New York", "first_name": "Grace", "lat": 40.75, "metadata": {"erp": {"id": "43"}}},
    {"city": "Berlin", "business": True, "company": "Zuse KG", "lat": 52.5, "notes": "by hand"},
    {"city": "London", "first_name": "Alan", "notes": "2nd floor", "state_code": "LDN"},
    {"city": "Rotterdam", "first_name": "Edsger", "metadata": {"vip": True}},
)
LETTERS = ascii_uppercase[: len(FIVE)]

# Filter, value, whom it finds: A to E stand for the five.
FOUND = [
    ("city_eq", "London", "AD"),
    ("city_not_eq", "London", "BCE"),
    ("city_in", "London,Berlin", "ACD"),
    ("city_not_in", "London,Berlin", "BE"),
    ("city_matches", "%on%", "AD"),
    ("city_does_not_match", "%on%", "BCE"),
    ("city_matches_any", "Ber%,Rot%", "CE"),
    ("city_cont", "ter", "E"),
    ("city_not_cont", "on", "BCE"),
    ("city_cont_any", "lin,York", "BC"),
    ("city_start", "Lon", "AD"),
    ("city_not_start", "Lon", "BCE"),
    ("city_end", "lin", "C"),
    ("notes_null", "true", "ABE"),
    ("notes_null", "false", "CD"),
    ("notes_not_null", "true", "CD"),
    ("notes_present", "true", "CD"),
    ("notes_blank", "true", "ABE"),
    ("notes_eq_or_null", "by hand", "ABCE"),
    ("business_true", "true", "C"),
    ("business_eq", "true", "C"),
    ("lat_gt", "51.5", "C"),
    ("lat_gteq", "51.5", "AC"),
    ("lat_lt", "51.5", "B"),
    ("lat_lteq", "51.5", "AB"),
    ("city_or_company_start", "Zus", "C"),
    ("first_name_or_city_eq", "Rotterdam", "E"),
    ("metadata_jcont", json.dumps({"vip": True}), "E"),
    ("metadata_jcont", json.dumps({"erp": {"id": "42"}}), "A"),
    ("metadata_jcont", json.dumps({"erp": {}}), "AB"),
]


@pytest.fixture(scope="module")
def five(shop: Shop) -> dict[str, Record]:
    """By letter; each reference ends with its letter."""
    return {
        letter: shop.create("addresses", reference=f"{shop.run}-five-{letter}", **attributes)
        for letter, attributes in zip(LETTERS, FIVE, strict=True)
    }


def found(shop: Shop, **filters: str) -> str:
    mine = {"reference_start": f"{shop.run}-five-", **filters}
    page = shop.client.list("addresses", Query(mine, sort=("reference",), page_size=25))
    return "".join(record["attributes"]["reference"][-1] for record in page["data"])


@pytest.mark.parametrize(("name", "value", "expected"), FOUND)
def test_a_filter_finds_those_whom_it_fits(
    shop: Shop, five: dict[str, Record], name: str, value: str, expected: str
) -> None:
    assert found(shop, **{name: value}) == expected


def test_filters_go_together(shop: Shop, five: dict[str, Record]) -> None:
    assert found(shop, city_eq="London", notes_null="true") == "A"


def test_ids_are_filtered_in_and_out(shop: Shop, five: dict[str, Record]) -> None:
    some = ",".join([five["B"]["id"], five["D"]["id"]])
    assert found(shop, id_in=some) == "BD"
    assert found(shop, id_not_in=some) == "ACE"


def test_id_gt_follows_the_order_of_ids(shop: Shop, five: dict[str, Record]) -> None:
    mine = {"reference_start": f"{shop.run}-five-"}
    ordered = ids(shop.client.list("addresses", Query(mine, sort=("id",)))["data"])
    after = Query({**mine, "id_gt": ordered[1]}, sort=("id",))
    assert ids(shop.client.list("addresses", after)["data"]) == ordered[2:]


def test_a_stamp_is_within_gteq_and_not_within_lt(shop: Shop, five: dict[str, Record]) -> None:
    stamp = five["C"]["attributes"]["updated_at"]
    later, earlier = found(shop, updated_at_gteq=stamp), found(shop, updated_at_lt=stamp)
    assert {"C", "D", "E"} <= set(later)
    assert set(later) | set(earlier) == set(LETTERS)
    assert not set(later) & set(earlier)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("prices", "sku_code_eq", "sku.code"),
        ("prices", "price_list_code_in", "price_list.code"),
        ("stock_items", "sku_code_in", "sku.code"),
        ("stock_items", "stock_location_name_eq", "location.name"),
        ("skus", "shipping_category_name_start", "category.name"),
        ("sku_list_items", "sku_list_reference_eq", "sku_list.reference"),
    ],
)
def test_a_record_is_found_by_what_it_belongs_to(
    shop: Shop, goods: Goods, kind: str, name: str, value: str
) -> None:
    end, _, attribute = value.partition(".")
    filters = {name: getattr(goods, end)["attributes"][attribute]}
    expected = {
        "prices": [goods.price],
        "stock_items": [goods.stock_item],
        "skus": [goods.sku, goods.other_sku],
        "sku_list_items": list(goods.list_items),
    }[kind]

    def ask() -> list[str]:
        return sorted(ids(shop.client.list(kind, Query(filters))["data"]))

    assert shop.eventually(ask, lambda found: len(found) >= len(expected)) == sorted(ids(expected))
