"""Events and event callbacks: what is remembered of what webhooks were told, and for how long."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from tests.conformance.receiver import Receiver
from tests.conformance.shop import Shop

DAY = 24 * 3600


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(webhook_retry_pause=0.0) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def subscribed(shop: Shop, receiver: Receiver, topic: str = "customers.create") -> str:
    created = shop.create("webhooks", topic=topic, callback_url=f"{receiver.url}/hook")
    return str(created["id"])


def told(shop: Shop, **attributes: Any) -> tuple[str, str]:
    """A new customer, and the event of its creation."""
    customer = shop.create("customers", **attributes)
    shop.simulator.wait_until_idle()
    (event,) = shop.ids(f"customers/{customer['id']}/events")
    return customer["id"], event


def test_a_record_shows_its_events(shop: Shop) -> None:
    customer, event = told(shop)
    shop.patch("customers", customer, metadata={"a": 1})
    read = shop.get(f"customers/{customer}", include="events").json()
    linked = [each["id"] for each in read["data"]["relationships"]["events"]["data"]]
    assert linked == [each["id"] for each in read["included"]]
    names = [each["attributes"]["name"] for each in read["included"]]
    assert names == ["customers.create", "customers.metadata_update"]
    assert linked[0] == event
    assert shop.ids("events", **{"filter[q][name_eq]": "customers.create"}) == [event]
    assert shop.ids("customers", **{"filter[q][events_name_eq]": "customers.create"}) == [customer]


def test_an_event_knows_the_webhooks_of_its_topic(shop: Shop, receiver: Receiver) -> None:
    _, event = told(shop)
    assert shop.ids(f"events/{event}/webhooks") == []
    later = subscribed(shop, receiver)
    subscribed(shop, receiver, "customers.destroy")
    assert shop.ids(f"events/{event}/webhooks") == [later]
    read = shop.get(f"events/{event}", include="webhooks").json()
    assert [each["id"] for each in read["included"]] == [later]


def test_the_last_callbacks_are_the_newest_ten(shop: Shop, receiver: Receiver) -> None:
    webhook = subscribed(shop, receiver)
    receiver.default = 500
    _, event = told(shop)
    newest_first = shop.ids("event_callbacks", sort="-created_at", **{"page[size]": "25"})
    assert len(newest_first) == 11
    for path in (f"events/{event}", f"webhooks/{webhook}"):
        read = shop.get(path, include="last_event_callbacks").json()["data"]
        linkage = read["relationships"]["last_event_callbacks"]["data"]
        assert [each["id"] for each in linkage] == newest_first[:10]
        assert set(shop.ids(f"{path}/last_event_callbacks")) == set(newest_first[:10])


def test_a_callback_belongs_to_its_webhook(shop: Shop, receiver: Receiver) -> None:
    webhook = subscribed(shop, receiver)
    told(shop)
    (callback,) = shop.ids("event_callbacks")
    read = shop.get(f"event_callbacks/{callback}", include="webhook").json()
    assert read["data"]["relationships"]["webhook"]["data"]["id"] == webhook
    assert read["included"][0]["attributes"]["topic"] == "customers.create"
    assert "signature" not in read["data"]["attributes"]


def test_listening_as_the_command_line_does(shop: Shop, receiver: Receiver) -> None:
    """It asks every second for what is younger than the last callback that it saw."""
    webhook, other = subscribed(shop, receiver), subscribed(shop, receiver, "customers.destroy")
    clock = shop.simulator.clock
    clock.freeze()

    def poll(since: str, of: str = webhook) -> list[dict[str, Any]]:
        asked = {"filter[q][webhook_id_eq]": of, "filter[q][created_at_gt]": since}
        found = shop.get("event_callbacks", sort="-created_at", **asked, **{"page[number]": "1"})
        data: list[dict[str, Any]] = found.json()["data"]
        return data

    start = "2001-01-01T00:00:00.000Z"
    told(shop)
    clock.advance(1)
    told(shop)
    seen = poll(start)
    assert len(seen) == 2
    newest = seen[0]["attributes"]["created_at"]
    assert newest > seen[1]["attributes"]["created_at"]
    clock.advance(1)
    told(shop)
    (only,) = [each for each in poll(newest) if each["id"] not in {one["id"] for one in seen}]
    assert only["attributes"]["payload"] == receiver.received[-1].document
    assert poll(start, other) == []


def test_a_trigger_sends_the_present_state_again(shop: Shop, receiver: Receiver) -> None:
    subscribed(shop, receiver)
    customer, event = told(shop, reference="first")
    shop.patch("customers", customer, reference="second")
    later = subscribed(shop, receiver)
    assert shop.patch("events", event, _trigger=True).status_code == 200
    shop.simulator.wait_until_idle()
    sent = [each.document["data"]["attributes"]["reference"] for each in receiver.received]
    assert sent == ["first", "second", "second"]
    assert receiver.topics() == ["customers.create"] * 3
    # No new event; the callbacks of the second round are its own.
    assert shop.ids(f"customers/{customer}/events") == [event]
    assert len(shop.ids(f"events/{event}/last_event_callbacks")) == 3
    assert len(shop.ids("event_callbacks", **{"filter[q][webhook_id_eq]": later})) == 1


def test_a_trigger_after_the_record_is_gone_sends_type_and_id(
    shop: Shop, receiver: Receiver
) -> None:
    customer, event = told(shop)
    assert shop.http.delete(f"customers/{customer}").status_code == 204
    subscribed(shop, receiver)
    shop.patch("events", event, _trigger=True)
    shop.simulator.wait_until_idle()
    gone = {"type": "customers", "id": customer, "attributes": None, "relationships": None}
    assert [each.document["data"] for each in receiver.received] == [gone]


def test_a_trigger_passes_no_open_circuit(shop: Shop, receiver: Receiver) -> None:
    webhook = subscribed(shop, receiver)
    receiver.default = 500
    _, event = told(shop)
    for _ in range(4):
        shop.patch("events", event, _trigger=True)
        shop.simulator.wait_until_idle()
    assert len(receiver.received) == 30
    read = shop.get(f"webhooks/{webhook}").json()["data"]["attributes"]
    assert read["circuit_state"] == "open"


def test_callbacks_are_kept_for_a_month(shop: Shop, receiver: Receiver) -> None:
    webhook = subscribed(shop, receiver)
    _, event = told(shop)
    clock = shop.simulator.clock
    clock.freeze()
    for days, left in ((29, 1), (2, 0)):
        clock.advance(days * DAY)
        later = Shop(shop.simulator)
        assert len(later.ids("event_callbacks")) == left
        assert len(later.ids(f"events/{event}/last_event_callbacks")) == left
        assert len(later.ids(f"webhooks/{webhook}/last_event_callbacks")) == left
        later.close()


def test_no_more_is_kept_than_the_switch_says(receiver: Receiver) -> None:
    with Simulator(webhook_retry_pause=0.0, events_kept=3) as simulator:
        shop = Shop(simulator)
        subscribed(shop, receiver)
        customers = [shop.create("customers")["id"] for _ in range(5)]
        simulator.wait_until_idle()
        assert len(receiver.received) == 5
        assert len(shop.ids("events")) == 3
        assert len(shop.ids("event_callbacks")) == 3
        assert [len(shop.ids(f"customers/{each}/events")) for each in customers] == [0, 0, 1, 1, 1]
        simulator.settings.change(events_kept=0)
        shop.create("customers")
        simulator.wait_until_idle()
        assert len(receiver.received) == 6
        assert shop.ids("events") == shop.ids("event_callbacks") == []
        shop.close()
