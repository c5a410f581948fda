"""The steps of reading changes, one by one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from connector.commerce_layer import changes
from connector.commerce_layer.query import Query
from connector.errors import ServerFault
from tests.property.list_model import BEGINNING, Lists, keys, read_all

MILLISECOND = timedelta(milliseconds=1)


def filters(lists: Lists) -> list[dict[str, str]]:
    return [dict(query.filters) for query in lists.queries]


def test_a_page_goes_on_where_the_last_one_ended_without_what_was_read_there() -> None:
    lists = Lists()
    for number in range(30):
        lists.write(number, stamp=BEGINNING + timedelta(microseconds=100 * number))
    lists.pass_time(60)
    pages = list(read_all(lists, BEGINNING))
    # 0 to 2,400 µs on the first page: 5 records of it printed as millisecond 2.
    assert filters(lists)[1] == {
        "updated_at_gteq": "2026-03-01T12:00:00.002Z",
        "id_not_in": "020000,120000,220000,320000,420000",
    }
    assert [len(page.document["data"]) for page in pages] == [25, 5]
    assert [page.read_until for page in pages] == [BEGINNING + 2 * MILLISECOND, lists.now]


def test_a_millisecond_with_25_records_is_read_by_id_and_left_behind() -> None:
    lists = Lists()
    for number in range(200):
        lists.write(number, stamp=BEGINNING + timedelta(microseconds=number))
    lists.write(200, stamp=BEGINNING + MILLISECOND)
    lists.pass_time(60)
    pages = list(read_all(lists, BEGINNING))
    window = {
        "updated_at_gteq": "2026-03-01T12:00:00.000Z",
        "updated_at_lt": "2026-03-01T12:00:00.001Z",
    }
    assert filters(lists)[1:4] == [
        window,
        {**window, "id_gt": "420000"},
        {**window, "id_gt": "940000"},
    ]
    assert filters(lists)[-1] == {"updated_at_gteq": "2026-03-01T12:00:00.001Z"}
    assert {q.sort for q in lists.queries[1:-1]} == {("id",)}
    assert [page.read_until for page in pages[:-2]] == [BEGINNING] * 9
    assert pages[-2].read_until == BEGINNING + MILLISECOND
    assert len(set().union(*map(keys, pages))) == 201


def test_10_000_records_cost_401_requests_and_403_with_200_in_one_millisecond() -> None:
    lists, crowded = (Lists(now=BEGINNING + timedelta(seconds=60)) for _ in range(2))
    for number in range(10_000):
        lists.write(number, stamp=BEGINNING + number * MILLISECOND)
        shared = min(max(number - 4_990, 0), 199)
        crowded.write(number, stamp=BEGINNING + (number - shared) * MILLISECOND)
    for shop, requests in ((lists, 401), (crowded, 403)):
        assert len(set().union(*map(keys, read_all(shop, BEGINNING)))) == 10_000
        assert len(shop.queries) == requests


def test_a_read_ends_although_records_change_faster_than_it_reads() -> None:
    lists = Lists()
    for number in range(100):
        lists.write(number)
    lists.pass_time(60)

    def busy() -> Iterator[changes.Page]:
        for page in read_all(lists, BEGINNING):
            yield page
            for number in range(100):
                lists.pass_time(0.001)
                lists.write(number)

    pages = list(islice(busy(), 100))
    assert len(pages) <= 3
    assert pages[-1].last
    assert pages[-1].read_until == BEGINNING + timedelta(seconds=60)


def test_filters_and_includes_of_the_caller_stay_on_every_page() -> None:
    asked: list[Query] = []

    def fetch(query: Query) -> tuple[Mapping[str, Any], str]:
        asked.append(query)
        return {"data": []}, "Sun, 01 Mar 2026 12:00:00 GMT"

    query = Query(filters={"status_in": "placed,approved"}, include=("market", "customer"))
    list(changes.read(fetch, query, BEGINNING, BEGINNING + MILLISECOND))
    assert asked == [
        Query(
            filters={
                "status_in": "placed,approved",
                "updated_at_gteq": "2026-03-01T12:00:00.000Z",
                "updated_at_lt": "2026-03-01T12:00:00.001Z",
            },
            include=("market", "customer"),
            sort=("updated_at", "id"),
            page_size=25,
            page_number=1,
        )
    ]


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_usable_date_is_a_fault_of_the_server(date: str | None) -> None:
    with pytest.raises(ServerFault, match="`Date` header"):
        next(changes.read(lambda _: ({"data": []}, date), Query(), BEGINNING))


def test_a_list_that_is_not_sorted_is_a_fault_of_the_server() -> None:
    record = {"type": "orders", "id": "x", "attributes": {"updated_at": "2020-01-01T00:00:00Z"}}

    def fetch(_: Query) -> tuple[Mapping[str, Any], str]:
        return {"data": [record] * 25}, "Sun, 01 Mar 2026 12:00:00 GMT"

    with pytest.raises(ServerFault, match="sort"):
        next(changes.read(fetch, Query(), BEGINNING))


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-03-01T12:00:00.001Z", 1),
        ("2026-03-01T12:00:00.001999Z", 1),
        ("2026-03-01T13:00:00.001+01:00", 1),
        ("2026-03-01T12:00:00", 0),
    ],
)
def test_a_time_is_cut_to_its_millisecond_in_utc(text: str, milliseconds: int) -> None:
    time = changes.parse_time(text)
    assert time == BEGINNING + milliseconds * MILLISECOND
    assert changes.print_time(time) == f"2026-03-01T12:00:00.00{milliseconds}Z"


def test_the_date_header_is_read_as_utc() -> None:
    time = changes.server_time("Sun, 01 Mar 2026 12:00:00 GMT")
    assert time == datetime(2026, 3, 1, 12, tzinfo=UTC)
