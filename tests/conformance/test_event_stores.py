"""Who changed what: the pages of `event_stores`, which have a cursor and no numbers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=2) as running:
        yield running


def changes(shop: Shop, path: str) -> list[dict[str, Any]]:
    answer = shop.get(f"{path}/event_stores", **{"page[size]": "25"})
    assert answer.status_code == 200, answer.text
    return [each["attributes"] for each in answer.json()["data"]]


def test_every_change_is_told_with_what_was_before(shop: Shop) -> None:
    card = shop.create("gift_cards", reference="one")
    shop.patch("gift_cards", card["id"], reference="two", expires_at="2030-01-02T03:04:05.678Z")
    shop.patch("gift_cards", card["id"], _purchase=True)
    shop.patch("gift_cards", card["id"], reference="two")
    created, updated, purchased = changes(shop, f"gift_cards/{card['id']}")
    assert created["event"] == "create"
    assert created["payload"]["reference"] == [None, "one"]
    assert created["payload"]["status"] == [None, "draft"]
    assert updated["event"] == "update"
    assert updated["payload"] == {
        "reference": ["one", "two"],
        "expires_at": [None, "2030-01-02T03:04:05.678Z"],
    }
    assert purchased["payload"]["status"] == ["draft", "inactive"]
    for each in (created, updated, purchased):
        assert (each["resource_type"], each["resource_id"]) == ("gift_cards", card["id"])
        assert "ip_address" not in each


def test_it_tells_who_it_was(shop: Shop) -> None:
    card = shop.create("gift_cards")
    application = shop.get("application").json()["data"]
    known = {"id": application["id"], "kind": "integration", "public": False}
    assert changes(shop, f"gift_cards/{card['id']}")[0]["who"] == {"application": known}


def test_what_follows_from_a_request_is_told_of_the_other_record_too(shop: Shop) -> None:
    order = Checkout(shop).ready()
    item = shop.get(f"orders/{order}/line_items").json()["data"][0]
    quantity = item["attributes"]["quantity"]
    shop.patch("line_items", item["id"], quantity=quantity + 1)
    change = changes(shop, f"line_items/{item['id']}")[-1]
    assert change["payload"]["quantity"] == [quantity, quantity + 1]
    assert "subtotal_amount_cents" in changes(shop, f"orders/{order}")[-1]["payload"]


def test_a_relationship_is_told_by_id(shop: Shop) -> None:
    customer, group = shop.create("customers"), shop.create("customer_groups")
    links = {"customer_group": {"data": {"type": "customer_groups", "id": group["id"]}}}
    document = {"type": "customers", "id": customer["id"], "relationships": links}
    path = f"customers/{customer['id']}"
    assert shop.http.patch(path, content=json.dumps({"data": document})).status_code == 200
    assert changes(shop, path)[-1]["payload"] == {"customer_group_id": [None, group["id"]]}


def test_no_secret_is_told(shop: Shop) -> None:
    webhook = shop.create("webhooks", topic="orders.place", callback_url="https://example.com/")
    shop.patch("webhooks", webhook["id"], _regenerate_shared_secret=True)
    customer = shop.create("customers", password="very-secret-1")
    told = json.dumps(
        changes(shop, f"webhooks/{webhook['id']}") + changes(shop, f"customers/{customer['id']}")
    )
    assert "shared_secret" not in told
    assert "very-secret-1" not in told


def test_only_what_requests_change_is_told(shop: Shop) -> None:
    store = shop.simulator.store
    assert changes(shop, f"skus/{shop.ids('skus')[0]}") == []
    customer = store.put("customers", {"email": "a@example.com"})
    store.change(customer, {"reference": "x"})
    assert shop.patch("customers", customer.id, email="").status_code == 422
    assert changes(shop, f"customers/{customer.id}") == []


def test_a_deletion_can_still_be_retrieved(shop: Shop) -> None:
    card = shop.create("gift_cards", reference="gone")
    first = shop.get(f"gift_cards/{card['id']}/event_stores").json()["data"][0]
    assert shop.http.delete(f"gift_cards/{card['id']}").status_code == 204
    assert shop.get(f"gift_cards/{card['id']}/event_stores").status_code == 404
    assert shop.get(f"event_stores/{first['id']}").json()["data"] == first


def test_the_cursor_leads_through_all_of_them(shop: Shop) -> None:
    shop.simulator.clock.freeze()
    card = shop.create("gift_cards", reference="0")
    for number in range(1, 7):
        shop.patch("gift_cards", card["id"], reference=str(number))
    path = f"gift_cards/{card['id']}/event_stores"
    for size in (1, 3, 7, 25):
        url, seen = f"{path}?page[size]={size}&fields[event_stores]=event,payload", []
        while url:
            page = shop.http.get(url).json()
            assert set(page) == {"data", "links"}
            assert set(page["links"]) <= {"next"}
            assert len(page["data"]) <= size
            assert all(set(each["attributes"]) == {"event", "payload"} for each in page["data"])
            seen += page["data"]
            url = page["links"].get("next")
        assert [each["attributes"]["payload"]["reference"][1] for each in seen] == list("0123456")
        assert all(re.fullmatch(r"\d{13}-\d+", each["id"]) for each in seen)
        assert len({each["id"] for each in seen}) == 7
    assert len(shop.get(path).json()["data"]) == 7


def test_one_is_retrieved_by_its_id(shop: Shop) -> None:
    card = shop.create("gift_cards")
    (listed,) = shop.get(f"gift_cards/{card['id']}/event_stores").json()["data"]
    assert listed["links"]["self"] == f"{shop.simulator.api_url}/event_stores/{listed['id']}"
    assert shop.get(f"event_stores/{listed['id']}").json()["data"] == listed
    assert shop.get("event_stores/1755185525941-0").status_code == 404
    assert shop.get("event_stores").status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        {"filter[q][event_eq]": "create"},
        {"sort": "created_at"},
        {"include": "resource"},
        {"page[number]": "1"},
        {"page[size]": "26"},
        {"page[after]": "yesterday"},
    ],
    ids=lambda query: next(iter(query)),
)
def test_it_is_not_filtered_sorted_numbered_or_included(shop: Shop, query: dict[str, str]) -> None:
    path = f"skus/{shop.ids('skus')[0]}"
    assert shop.get(f"{path}/event_stores", **query).status_code == 400
    assert shop.get(path, include="event_stores").status_code == 400


def test_it_is_for_integrations(shop: Shop) -> None:
    card = shop.create("gift_cards")
    (entry,) = shop.ids(f"gift_cards/{card['id']}/event_stores")
    sales = Shop(shop.simulator, "demo-sales", f"market:id:{shop.ids('markets')[0]}")
    assert sales.get(f"event_stores/{entry}").status_code == 401
    assert sales.get(f"skus/{shop.ids('skus')[0]}/event_stores").status_code == 401
    sales.close()
    read_only = Shop(shop.simulator, "demo-read-only")
    assert read_only.get(f"event_stores/{entry}").status_code == 200
    read_only.close()


def test_no_more_is_kept_than_the_switch_says() -> None:
    with Simulator(changes_kept=3) as simulator:
        shop = Shop(simulator)
        cards = [shop.create("gift_cards")["id"] for _ in range(5)]
        kept = [len(changes(shop, f"gift_cards/{each}")) for each in cards]
        assert kept == [0, 0, 1, 1, 1]
        simulator.settings.change(changes_kept=0)
        shop.patch("gift_cards", cards[-1], reference="x")
        assert changes(shop, f"gift_cards/{cards[-1]}") == []
        shop.close()
