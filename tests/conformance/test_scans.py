"""The ways in which a client reads everything, while others write."""

from datetime import datetime, timedelta
from random import Random
from urllib.parse import urlencode

import pytest

from local.simulator import ids
from local.simulator.clock import printed
from tests.conformance.shop import Shop


@pytest.mark.parametrize("seed", range(5))
def test_a_keyset_scan_sees_every_lasting_record_once(shop: Shop, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a reproducible schedule
    store = shop.simulator.store
    lasting = {store.put("tags", {"name": f"lasting-{n}"}).id for n in range(60)}
    doomed = [store.put("tags", {"name": f"doomed-{n}"}) for n in range(60)]
    random.shuffle(doomed)
    seen: list[str] = []
    query = {"sort": "id", "page[size]": "25", "page[number]": "1"}
    while page := shop.ids("tags", **query):
        seen += page
        query["filter[q][id_gt]"] = page[-1]
        # The last record of a page may be deleted before the next page asks for what follows it.
        for record in [each for each in doomed if each.id == page[-1]] + doomed[:4]:
            if record in doomed:
                doomed.remove(record)
                store.delete("tags", record.id)
        if len(seen) < 150:
            lasting |= {store.put("tags", {"name": f"new-{len(seen)}-{n}"}).id for n in range(3)}
    assert len(seen) == len(set(seen))
    assert lasting <= set(seen)


def test_ids_keep_creation_order_that_their_text_does_not(shop: Shop) -> None:
    made = [shop.simulator.store.put("tags").id for _ in range(25)]
    assert shop.ids("tags", **{"sort": "id", "page[size]": 25}) == made
    assert sorted(made) != made
    assert all(len(each) == 10 and each.isalpha() for each in made)
    assert [ids.encode(ids.decode(each) or 0) for each in made] == made


def test_reading_by_stamp_continues_after_the_ids_already_read(shop: Shop) -> None:
    store = shop.simulator.store
    now = store.clock.now()
    made = [store.put("tags", updated_at=now + n // 3 * 1000).id for n in range(60)]
    seen: list[str] = []
    stamp, at_stamp = printed(now - 1000), list[str]()
    while True:
        query = {
            "sort": "updated_at,id",
            "page[size]": "25",
            "filter[q][updated_at_gteq]": stamp,
            "filter[q][id_not_in]": ",".join(at_stamp),
        }
        data = shop.get("tags", **query).json()["data"]
        seen += [each["id"] for each in data]
        if len(data) < 25:
            break
        last = data[-1]["attributes"]["updated_at"]
        known = at_stamp if last == stamp else []
        at_stamp = known + [e["id"] for e in data if e["attributes"]["updated_at"] == last]
        stamp = last
    assert seen == made


def test_a_shared_millisecond_can_be_drained_by_id(shop: Shop) -> None:
    store = shop.simulator.store
    stamp = store.clock.now() // 1000 * 1000
    store.put("tags", updated_at=stamp + 1000)
    made = [store.put("tags", updated_at=stamp + n).id for n in reversed(range(60))]
    start = datetime.fromisoformat(printed(stamp))
    query = {
        "sort": "id",
        "page[size]": "25",
        "filter[q][updated_at_gteq]": start.isoformat(),
        "filter[q][updated_at_lt]": (start + timedelta(milliseconds=1)).isoformat(),
    }
    seen: list[str] = []
    while page := shop.ids("tags", **query):
        seen += page
        query["filter[q][id_gt]"] = page[-1]
    assert seen == made


def test_a_printed_stamp_is_not_the_stored_one(shop: Shop) -> None:
    record = shop.simulator.store.put("tags", updated_at="2026-01-01T00:00:00.123456Z")
    printed_stamp = shop.get(f"tags/{record.id}").json()["data"]["attributes"]["updated_at"]
    assert printed_stamp == "2026-01-01T00:00:00.123Z"
    for predicate, found in (("eq", []), ("gteq", [record.id]), ("lteq", []), ("gt", [record.id])):
        query = {f"filter[q][updated_at_{predicate}]": printed_stamp}
        query["filter[q][id_eq]"] = record.id
        assert shop.ids("tags", **query) == found, predicate


def test_a_late_commit_appears_behind_readers(shop: Shop) -> None:
    store = shop.simulator.store
    stamp = store.clock.now()
    store.put("tags", updated_at=stamp + 10_000)
    late = store.put("tags", updated_at=stamp)
    assert shop.ids("tags", sort="updated_at")[0] == late.id
    store.update("tags", late.id, {"name": "later"}, updated_at=stamp + 20_000)
    assert shop.ids("tags", sort="updated_at")[-1] == late.id


@pytest.mark.parametrize(
    "query",
    [
        {"filter[q][updated_at_gteq]": "2026-01-01T00:00:10Z", "sort": "updated_at,id"},
        {"filter[q][id_gt]": ids.encode(5_000), "sort": "id"},
        {"filter[q][code_eq]": "5000"},
    ],
    ids=lambda query: urlencode(query)[:30],
)
def test_what_clients_filter_by_is_not_searched_record_by_record(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    """Counts looks at records, which is steadier than time."""
    store = shop.simulator.store
    start = datetime.fromisoformat("2026-01-01T00:00:00Z").timestamp() * 1_000_000
    for number in range(10_000):
        store.put("skus", {"code": str(number)}, updated_at=int(start) + number * 1_000)
    shop.ids("skus", **query)  # an index by value is made once
    looks = 0
    kind = type(store.records[1])
    get = kind.get

    def counted(record: object, name: str) -> object:
        nonlocal looks
        looks += 1
        return get(record, name)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "get", counted)
    assert shop.ids("skus", **query)
    assert looks < 1_000
