"""Cleanups: delete what their filters mean, as a client would one by one."""

import pytest

from local.simulator import Simulator
from tests.conformance.jobs import announced, ask, refusal, run, start, state
from tests.conformance.shop import Shop


def codes(shop: Shop, start_with: str = "") -> list[str]:
    found = shop.simulator.store.all("skus")
    return [each.get("code") for each in found if each.get("code").startswith(start_with)]


def make(shop: Shop, *names: str) -> None:
    for name in names:
        shop.simulator.store.put("skus", {"code": name, "name": name})


def lock(shop: Shop, code: str) -> None:
    """What is needed elsewhere cannot be deleted."""
    store = shop.simulator.store
    store.put("stock_transfers", {"quantity": 1}, {"sku": store.find("skus", "code", code)})


def test_a_cleanup_advances_record_by_record(shop: Shop) -> None:
    make(shop, "A1", "A2", "B1")
    shop.simulator.hold_jobs()
    topics = announced(shop.simulator)
    answer = ask(shop, "cleanups", "skus", filters={"code_start": "A"})
    created = answer.json()["data"]
    assert (answer.status_code, created["attributes"]["status"]) == (201, "pending")
    assert created["attributes"]["records_count"] == 2
    seen = []
    for _ in range(3):
        shop.simulator.step_jobs()
        now = state(shop, "cleanups", created["id"])
        seen.append((now["status"], now["processed_count"], codes(shop, "A")))
    assert seen == [
        ("in_progress", 0, ["A1", "A2"]),
        ("in_progress", 1, ["A2"]),
        ("completed", 2, []),
    ]
    assert codes(shop, "B") == ["B1"]
    assert topics == ["cleanups.create", "cleanups.start", "cleanups.complete"]


def test_dependents_go_along(shop: Shop) -> None:
    store = shop.simulator.store
    sku = store.find("skus", "code", "SKU-00001")
    assert sku
    gone = [*store.related(sku, "prices"), *store.related(sku, "stock_items")]
    assert len(gone) > 1
    done = run(shop, "cleanups", "skus", filters={"code_eq": "SKU-00001"})
    assert (done["status"], done["processed_count"]) == ("completed", 1)
    assert not [each for each in gone if each.number in store.records]


def test_what_is_locked_is_an_error(shop: Shop) -> None:
    make(shop, *(f"A{number}" for number in range(10)))
    lock(shop, "A3")
    done = run(shop, "cleanups", "skus", filters={"code_start": "A"})
    assert (done["status"], done["processed_count"], done["errors_count"]) == ("completed", 9, 1)
    assert list(done["errors_log"]) == ["A3"]
    assert codes(shop, "A") == ["A3"]


def test_more_than_ten_percent_of_errors_interrupt(shop: Shop) -> None:
    make(shop, *(f"A{number}" for number in range(9)))
    lock(shop, "A3")
    done = run(shop, "cleanups", "skus", filters={"code_start": "A"})
    assert (done["status"], done["processed_count"], done["errors_count"]) == ("interrupted", 3, 1)
    assert codes(shop, "A") == ["A3", "A4", "A5", "A6", "A7", "A8"]


def test_an_interrupted_cleanup_leaves_the_rest(shop: Shop) -> None:
    make(shop, "A1", "A2")
    shop.simulator.hold_jobs()
    running = start(shop, "cleanups", "skus", filters={"code_start": "A"})
    shop.simulator.step_jobs()
    shop.simulator.step_jobs()
    shop.patch("cleanups", running, _interrupt=True)
    shop.simulator.release_jobs()
    shop.simulator.wait_until_idle()
    assert state(shop, "cleanups", running)["status"] == "interrupted"
    assert codes(shop, "A") == ["A2"]


@pytest.mark.parametrize("filters", [None, {}])
def test_without_filters_everything_of_the_type_goes(shop: Shop, filters: None) -> None:
    assert len(shop.ids("prices")) > 0
    done = run(shop, "cleanups", "prices", filters=filters)
    assert done["processed_count"] == done["records_count"] > 0
    assert shop.ids("prices") == []
    assert codes(shop)


def test_promotions_are_cleaned_up_by_their_base_type(shop: Shop) -> None:
    store = shop.simulator.store
    store.put("flex_promotions", {"name": "a"})
    store.put("fixed_price_promotions", {"name": "b"})
    kept = store.put("percentage_discount_promotions", {"name": "c"})
    done = run(shop, "cleanups", "promotions", filters={"name_in": "a,b"})
    assert done["processed_count"] == 2
    assert [each.number for each in store.all("promotions")] == [kept.number]


def test_a_window_of_ids_as_the_official_tools_send_it(shop: Shop) -> None:
    make(shop, "A1", "A2", "A3")
    last = shop.ids("skus", sort="id", **{"filter[q][code_start]": "A"})[1]
    done = run(shop, "cleanups", "skus", filters={"code_start": "A", "id_lteq": last})
    assert (done["records_count"], codes(shop, "A")) == (2, ["A3"])


@pytest.mark.parametrize("kind", ["orders", "customers", "flex_promotions", "nonsense"])
def test_other_types_are_refused(shop: Shop, kind: str) -> None:
    pointer, meta = refusal(ask(shop, "cleanups", kind))
    assert (pointer, meta["error"]) == ("/data/attributes/resource_type", "inclusion")


def test_unknown_filters_are_refused_and_nothing_goes(shop: Shop) -> None:
    before = codes(shop)
    pointer, meta = refusal(ask(shop, "cleanups", "skus", filters={"nonsense_eq": "x"}))
    assert (pointer, meta["error"]) == ("/data/attributes/filters", "invalid")
    assert codes(shop) == before


def test_no_more_records_than_the_switch_allows() -> None:
    with Simulator(cleanup_limit=2) as simulator:
        shop = Shop(simulator)
        make(shop, "A", "B", "C")
        assert refusal(ask(shop, "cleanups", "skus")) == (
            "/data/attributes/records_count",
            {"error": "less_than_or_equal_to", "value": 3, "count": 2},
        )
        assert codes(shop) == ["A", "B", "C"]
        assert run(shop, "cleanups", "skus", filters={"code_in": "A,B"})["status"] == "completed"
        shop.close()
