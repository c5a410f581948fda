"""Lists: pages, counts, order, includes, sparse fields, and a scan of everything."""

from collections.abc import Iterator

import pytest

from connector.commerce_layer.query import Query
from tests.contract.goods import Goods
from tests.contract.shop import Record, Shop, ids


@pytest.fixture
def mine(shop: Shop, crowd: list[Record]) -> dict[str, str]:
    """The filter that finds the crowd and nobody else."""
    return {"reference_start": f"{shop.run}-crowd-"}


def test_a_page_tells_how_many_there_are_and_where_the_others_stand(
    shop: Shop, mine: dict[str, str]
) -> None:
    page = shop.client.list("customers", Query(filters=mine, page_size=25))
    assert len(page["data"]) == 25
    assert (page["meta"]["record_count"], page["meta"]["page_count"]) == (30, 2)
    assert {"first", "next", "last"} <= page["links"].keys()
    assert not page["links"].get("prev")


def test_the_last_page_has_the_rest_and_no_next(shop: Shop, mine: dict[str, str]) -> None:
    page = shop.client.list("customers", Query(filters=mine, page_size=25, page_number=2))
    assert len(page["data"]) == 5
    assert page["links"]["prev"]
    assert not page["links"].get("next")


def test_pages_have_ten_records_where_nothing_is_said(shop: Shop, mine: dict[str, str]) -> None:
    assert len(shop.client.list("customers", Query(filters=mine))["data"]) == 10


def test_a_page_of_one_counts_all(shop: Shop, mine: dict[str, str]) -> None:
    page = shop.client.list("customers", Query(filters=mine, page_size=1))
    assert len(page["data"]) == 1
    assert page["meta"]["record_count"] == page["meta"]["page_count"] == 30


def test_pages_in_one_order_have_every_record_once(
    shop: Shop, mine: dict[str, str], crowd: list[Record]
) -> None:
    pages = [
        shop.client.list("customers", Query(mine, sort=("id",), page_size=20, page_number=number))
        for number in (1, 2)
    ]
    found = [identifier for page in pages for identifier in ids(page["data"])]
    assert sorted(found) == sorted(ids(crowd))


def test_a_link_to_the_next_page_leads_there(
    shop: Shop, mine: dict[str, str], crowd: list[Record]
) -> None:
    first = shop.client.list("customers", Query(mine, sort=("reference",), page_size=20))
    query = first["links"]["next"].partition("?")[2]
    second = shop.client.send("GET", "customers", query).document()
    assert ids(second["data"]) == ids(crowd[20:])


def test_a_list_without_records_is_empty(shop: Shop) -> None:
    page = shop.client.list("customers", Query(filters={"reference_eq": shop.new()}))
    assert page["data"] == []
    assert page["meta"]["record_count"] == 0


@pytest.mark.parametrize(("sort", "backwards"), [("reference", False), ("-reference", True)])
def test_a_list_is_sorted_either_way(
    shop: Shop, mine: dict[str, str], crowd: list[Record], sort: str, backwards: bool
) -> None:
    page = shop.client.list("customers", Query(mine, sort=(sort,), page_size=25))
    expected = crowd[::-1] if backwards else crowd
    assert ids(page["data"]) == ids(expected[:25])


def test_the_second_key_sorts_what_is_equal_by_the_first(
    shop: Shop, mine: dict[str, str], crowd: list[Record]
) -> None:
    page = shop.client.list("customers", Query(mine, sort=("status", "-reference"), page_size=25))
    assert ids(page["data"]) == ids(crowd[:4:-1])


def test_stamps_sort_as_they_read(shop: Shop, mine: dict[str, str]) -> None:
    page = shop.client.list("customers", Query(mine, sort=("-updated_at", "id"), page_size=25))
    stamps = [record["attributes"]["updated_at"] for record in page["data"]]
    assert stamps == sorted(stamps, reverse=True)


def test_a_scan_meets_every_record_once(
    shop: Shop, mine: dict[str, str], crowd: list[Record]
) -> None:
    assert sorted(ids(list(shop.client.scan("customers", Query(mine))))) == sorted(ids(crowd))


def test_a_scan_misses_nobody_while_records_come_and_go(shop: Shop, crowd: list[Record]) -> None:
    going = [shop.create("customers", reference=f"{shop.run}-crowded-{n}") for n in range(2)]
    mine = {"reference_start": f"{shop.run}-crowd"}

    def scanned() -> Iterator[str]:
        for position, record in enumerate(shop.client.scan("customers", Query(mine))):
            if position == 24:  # the first page has been read
                shop.client.delete("customers", going[0]["id"])
                shop.create("customers", reference=f"{shop.run}-crowded-late")
            yield record["id"]

    met = list(scanned())
    assert len(met) == len(set(met))
    assert set(ids(crowd)) | {going[1]["id"]} <= set(met)


def test_only_the_fields_that_are_asked_for_are_told(
    shop: Shop, mine: dict[str, str], crowd: list[Record]
) -> None:
    query = Query(mine, fields={"customers": ("email", "reference")}, sort=("reference",))
    record = shop.client.list("customers", query)["data"][0]
    assert record["attributes"] == {
        name: crowd[0]["attributes"][name] for name in ("email", "reference")
    }
    assert not record.get("relationships")


def test_included_records_come_once_and_are_linked(
    shop: Shop, mine: dict[str, str], crowd: list[Record]
) -> None:
    page = shop.client.list("customers", Query(mine, include=("customer_group",), page_size=25))
    (group,) = page["included"]
    assert group["type"] == "customer_groups"
    linked = {record["relationships"]["customer_group"]["data"]["id"] for record in page["data"]}
    assert linked == {group["id"]}


def test_includes_reach_through_three_relationships(shop: Shop, goods: Goods) -> None:
    path = "sku_list_items.sku.shipping_category"
    found = shop.client.retrieve("sku_lists", goods.sku_list["id"], Query(include=(path,)))
    included = {(each["type"], each["id"]) for each in found["included"]}
    expected = [*goods.list_items, goods.sku, goods.other_sku, goods.category]
    assert included == {(each["type"], each["id"]) for each in expected}


def test_a_to_one_that_is_empty_is_included_as_null(shop: Shop, goods: Goods) -> None:
    found = shop.client.retrieve("sku_lists", goods.sku_list["id"], Query(include=("customer",)))
    assert found["data"]["relationships"]["customer"]["data"] is None


def test_related_records_are_a_list_with_filter_sort_and_page(shop: Shop, goods: Goods) -> None:
    about = ("sku_lists", goods.sku_list["id"], "sku_list_items")
    first, second = goods.list_items
    by_quantity = shop.client.related(*about, Query(sort=("-quantity",), page_size=1))
    assert ids(by_quantity["data"]) == [second["id"]]
    assert by_quantity["meta"]["record_count"] == 2
    small = shop.client.related(*about, Query(filters={"quantity_lt": "10"}))
    assert ids(small["data"]) == [first["id"]]
