"""The `sync` function, its streams narrowed to what this run has made, and the reading below it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector import streams
from connector.commerce_layer import changes
from connector.commerce_layer.changes import parse_time
from connector.commerce_layer.query import Query
from tests.contract.functions import Sync
from tests.contract.report import Report
from tests.contract.shop import Record, Shop, ids

Versions = set[tuple[str, str]]


@pytest.fixture
def mine(shop: Shop) -> str:
    """What the references of a case's own records begin with."""
    return f"{shop.new()}-sync"


@pytest.fixture
def own(mine: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stream of those records, and one of the crowd."""
    declared = streams.parse(f"""
[own]
resource = "customers"
filter = {{ reference_start = "{mine}" }}
include = ["customer_group"]

[crowd]
resource = "customers"
filter = {{ reference_start = "{shop.run}-crowd-" }}
include = ["customer_group"]
""")
    monkeypatch.setattr(streams, "find", declared.__getitem__)
    return "own"


def versions(details: list[dict[str, Any]]) -> Versions:
    return {(detail["change"]["id"], detail["change"]["updated_at"]) for detail in details}


def current(records: list[Record]) -> Versions:
    return {(record["id"], record["attributes"]["updated_at"]) for record in records}


def test_a_stream_begins_now_and_publishes_what_comes_then(
    sync: Sync, shop: Shop, own: str, mine: str
) -> None:
    assert sync(own)["published"] == 0
    made = [shop.create("customers", reference=f"{mine}-{number}") for number in range(2)]
    result = sync(own)
    assert (result["outcome"], result["published"]) == ("done", 2)
    assert versions(sync.published()) == current(made)


def test_the_next_run_goes_on_where_the_last_one_ended(
    sync: Sync, shop: Shop, own: str, mine: str
) -> None:
    first = sync(own)
    shop.create("customers", reference=mine)
    second, third = sync(own), sync(own)
    assert len(sync.published()) == 1
    assert third["published"] == 0
    assert first["bookmark"] <= second["bookmark"] <= third["bookmark"]


def test_a_change_is_published_as_a_version_of_its_own(
    sync: Sync, shop: Shop, own: str, mine: str
) -> None:
    sync(own)
    made = shop.create("customers", reference=mine)
    sync(own)
    changed = shop.client.update("customers", made["id"], {"metadata": {"step": 2}})["data"]
    sync(own)
    details = sync.published()
    assert versions(details) == current([made, changed])
    assert len({detail["id"] for detail in details}) == len(details) == 2
    newest = max(details, key=lambda detail: detail["change"]["updated_at"])
    assert newest["resource"]["metadata"] == {"step": 2}


def test_records_made_at_the_same_time_are_published_once_each(
    sync: Sync, crowd: list[Record], own: str, report: Report
) -> None:
    stamps = {record["attributes"]["updated_at"] for record in crowd}
    report.observed["30 records made at the same time have"] = f"{len(stamps)} stamps"
    result = sync("crowd", **{"from": "full"})
    details = sync.published()
    assert result["published"] == len(details) == 30
    assert versions(details) == current(crowd)
    assert sync("crowd")["published"] == 0


def test_an_event_tells_where_it_comes_from_and_carries_what_is_included(
    sync: Sync, shop: Shop, crowd: list[Record], own: str
) -> None:
    sync("crowd", **{"from": "full"})
    detail = sync.published()[0]
    assert detail["topic"] == "customers.changed"
    assert detail["organization"] == shop.client.claims()["organization"]["slug"]
    assert detail["mode"] == "test"
    assert detail["resource"]["customer_group"]["name"]


@pytest.fixture
def read(shop: Shop) -> Any:
    """Reads changes, page by page, as the function does."""

    def fetch(query: Query) -> tuple[Mapping[str, Any], str | None]:
        answer = shop.client.send("GET", "customers", query)
        return answer.document(), answer.headers.get("date")

    def pages(query: Query, since: datetime) -> Iterator[list[Record]]:
        for page in changes.read(fetch, query, since):
            yield page.document["data"]

    return pages


def test_changes_are_read_once_each_in_the_order_of_their_stamps(
    shop: Shop, crowd: list[Record], read: Any
) -> None:
    query = Query(filters={"reference_start": f"{shop.run}-crowd-"})
    met = [record for page in read(query, datetime.fromtimestamp(0, UTC)) for record in page]
    assert sorted(ids(met)) == sorted(ids(crowd))
    stamps = [record["attributes"]["updated_at"] for record in met]
    assert stamps == sorted(stamps)


def test_changes_are_read_from_a_millisecond_on_and_not_from_the_next(
    shop: Shop, mine: str, read: Any
) -> None:
    made = shop.create("customers", reference=mine)
    query, stamp = Query({"reference_eq": mine}), parse_time(made["attributes"]["updated_at"])
    assert [ids(page) for page in read(query, stamp)] == [[made["id"]]]
    assert [ids(page) for page in read(query, stamp + timedelta(milliseconds=1))] == [[]]


def test_who_changes_while_changes_are_read_is_met_as_changed(
    shop: Shop, crowd: list[Record], mine: str, read: Any
) -> None:
    """It is on the second page or later, which is asked for after the change."""
    oldest = min(record["attributes"]["updated_at"] for record in crowd)
    restless = shop.create("customers", reference=f"{shop.run}-crowd{mine}")
    query = Query(filters={"reference_start": f"{shop.run}-crowd"})
    met: list[Record] = []
    for position, page in enumerate(read(query, parse_time(oldest))):
        met += page
        if not position:
            changed = shop.client.update("customers", restless["id"], {"metadata": {"step": 2}})
    assert current([changed["data"]]) <= current(met)
    assert set(ids(crowd)) <= set(ids(met))
