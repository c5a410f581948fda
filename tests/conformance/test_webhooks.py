"""Webhooks by real requests: what is sent, when it is tried again, when it stops."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.simulator import Simulator
from local.simulator.webhooks.policy import RETRIES, THRESHOLD
from tests.conformance.receiver import Receiver, self_signed, signed
from tests.conformance.shop import Shop


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=3, webhook_retry_pause=0.0) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


Subscribe = Callable[..., dict[str, Any]]


@pytest.fixture
def subscribe(shop: Shop, receiver: Receiver) -> Subscribe:
    """A webhook for that topic which calls the receiver."""

    def make(topic: str, **attributes: Any) -> dict[str, Any]:
        values = {"topic": topic, "callback_url": f"{receiver.url}/hook", **attributes}
        return shop.create("webhooks", **values)

    return make


def state(shop: Shop, webhook: dict[str, Any]) -> tuple[str, int]:
    attributes = shop.get(f"webhooks/{webhook['id']}").json()["data"]["attributes"]
    return attributes["circuit_state"], attributes["circuit_failure_count"]


def callbacks(shop: Shop, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    """As the official command line asks for them; newest first."""
    asked = {"filter[q][webhook_id_eq]": webhook["id"], "sort": "-created_at", "page[size]": 25}
    found: list[dict[str, Any]] = shop.get("event_callbacks", **asked, **query).json()["data"]
    return [each["attributes"] | {"id": each["id"]} for each in found]


def test_the_signature_is_over_the_raw_body(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = subscribe("customers.create")
    shop.create("customers", metadata={"name": "Zoë / 日本"})
    shop.simulator.wait_until_idle()
    (delivery,) = receiver.received
    secret = webhook["attributes"]["shared_secret"]
    assert len(secret) == 32
    assert delivery.headers["X-CommerceLayer-Signature"] == signed(secret, delivery.body)
    altered = bytes([delivery.body[0] ^ 1]) + delivery.body[1:]
    assert delivery.headers["X-CommerceLayer-Signature"] != signed(secret, altered)
    assert delivery.topic == "customers.create"
    assert delivery.path == "/hook"
    assert delivery.headers["Content-Type"] == "application/json"


def test_a_new_secret_signs_from_then_on(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = subscribe("customers.create")
    answer = shop.patch("webhooks", webhook["id"], _regenerate_shared_secret=True)
    secret = answer.json()["data"]["attributes"]["shared_secret"]
    assert secret != webhook["attributes"]["shared_secret"]
    shop.create("customers")
    shop.simulator.wait_until_idle()
    (delivery,) = receiver.received
    assert delivery.headers["X-CommerceLayer-Signature"] == signed(secret, delivery.body)


def test_the_body_is_what_a_get_answers_with_relative_links(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    include = ["market.price_list", "customer"]
    subscribe("orders.create", include_resources=include)
    document = shop.document("orders", customer_email="a@example.com")
    market = {"type": "markets", "id": shop.ids("markets")[0]}
    document["relationships"]["market"] = {"data": market}
    order = shop.post("orders", document).json()["data"]
    shop.simulator.wait_until_idle()
    read = shop.get(f"orders/{order['id']}", include=",".join(include)).text
    assert {each["type"] for each in json.loads(read)["included"]} == {
        "markets",
        "price_lists",
        "customers",
    }
    assert receiver.received[0].document == json.loads(read.replace(shop.simulator.url, ""))
    assert shop.simulator.url.encode() not in receiver.received[0].body


def test_it_is_the_state_right_after_the_request(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    subscribe("customers.create")
    with httpx.Client(headers=shop.http.headers, verify=False) as other:  # noqa: S501 - no TLS

        def change_it() -> int:
            document = receiver.received[0].document["data"]
            body = {"data": {"type": "customers", "id": document["id"]}}
            body["data"]["attributes"] = {"reference": "later"}
            url = f"{shop.simulator.api_url}/customers/{document['id']}"
            assert other.patch(url, content=json.dumps(body)).status_code == 200
            return 500

        receiver.answers += [change_it, 500]
        shop.create("customers", reference="first")
        shop.simulator.wait_until_idle()
    assert len(receiver.received) == 3
    assert len({each.body for each in receiver.received}) == 1
    assert len({each.headers["X-CommerceLayer-Signature"] for each in receiver.received}) == 1
    assert receiver.received[0].document["data"]["attributes"]["reference"] == "first"


def test_of_a_deleted_record_only_type_and_id_are_left(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    subscribe("customers.destroy", include_resources=["customer_group"])
    customer = shop.create("customers")
    assert shop.http.delete(f"customers/{customer['id']}").status_code == 204
    shop.simulator.wait_until_idle()
    gone = {"type": "customers", "id": customer["id"], "attributes": None, "relationships": None}
    assert [each.document for each in receiver.received] == [{"data": gone}]


def test_tags_come_with_tagged(shop: Shop, receiver: Receiver, subscribe: Subscribe) -> None:
    subscribe("skus.tagged", include_resources=["shipping_category"])
    sku = shop.create("skus")
    tag = shop.create("tags", name="summer")
    shop.patch("skus", sku["id"], _add_tags="summer")
    shop.simulator.wait_until_idle()
    (delivery,) = receiver.received
    linkage = delivery.document["data"]["relationships"]["tags"]["data"]
    assert linkage == [{"type": "tags", "id": tag["id"]}]
    included = {each["type"] for each in delivery.document["included"]}
    assert included == {"shipping_categories", "tags"}


def test_every_webhook_of_the_topic_is_called_and_no_other(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    subscribe("customers.create", callback_url=f"{receiver.url}/one")
    subscribe("customers.create", callback_url=f"{receiver.url}/two")
    subscribe("customers.destroy", callback_url=f"{receiver.url}/three")
    disabled = subscribe("customers.create", callback_url=f"{receiver.url}/four")
    shop.patch("webhooks", disabled["id"], _disable=True)
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert sorted(each.path for each in receiver.received) == ["/one", "/two"]
    shop.patch("webhooks", disabled["id"], _enable=True)
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert Counter(each.path for each in receiver.received) == {"/one": 2, "/two": 2, "/four": 1}


def test_without_a_webhook_nothing_is_sent(shop: Shop) -> None:
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert shop.ids("event_callbacks") == []


def test_the_other_mode_hears_nothing(shop: Shop, receiver: Receiver, subscribe: Subscribe) -> None:
    subscribe("customers.create")
    live = Shop(shop.simulator, "demo-live-client")
    live.create("customers")
    shop.simulator.wait_until_idle()
    assert live.ids("webhooks") == []
    live.close()
    assert receiver.received == []


def test_it_is_tried_again_until_it_succeeds(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = subscribe("customers.create")
    receiver.answers += [500, 404, 204]
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert len(receiver.received) == 3
    found = callbacks(shop, webhook)
    assert [each["response_code"] for each in found] == ["204", "404", "500"]
    assert found[1]["response_message"] == "Not Found"
    assert {each["callback_url"] for each in found} == {f"{receiver.url}/hook"}
    assert all(each["payload"] == receiver.received[0].document for each in found)
    assert state(shop, webhook) == ("closed", 0)
    failed = callbacks(shop, webhook, **{"filter[q][response_code_not_eq]": "204"})
    assert [each["response_code"] for each in failed] == ["404", "500"]


def test_it_is_given_up_after_ten_retries(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = subscribe("customers.create")
    receiver.default = 503
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert len(receiver.received) == 1 + RETRIES
    assert state(shop, webhook) == ("closed", 11)
    updated = shop.get(f"webhooks/{webhook['id']}").json()["data"]["attributes"]["updated_at"]
    assert updated == webhook["attributes"]["updated_at"]


def test_thirty_failures_open_the_circuit_until_it_is_reset(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = subscribe("customers.create")
    receiver.default = 500
    for _ in range(4):
        customer = shop.create("customers")
        shop.simulator.wait_until_idle()
    assert len(receiver.received) == THRESHOLD
    assert state(shop, webhook) == ("open", THRESHOLD)
    assert shop.ids("webhooks", **{"filter[q][circuit_state_eq]": "open"}) == [webhook["id"]]
    # The event took place all the same.
    read = shop.get(f"customers/{customer['id']}", include="events").json()
    assert [each["attributes"]["name"] for each in read["included"]] == ["customers.create"]

    receiver.default = 200
    shop.patch("webhooks", webhook["id"], _reset_circuit=True)
    assert state(shop, webhook) == ("closed", 0)
    shop.simulator.wait_until_idle()
    assert len(receiver.received) == THRESHOLD
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert len(receiver.received) == THRESHOLD + 1


@pytest.mark.parametrize("how", ["disable", "delete"])
def test_nothing_is_tried_again_for_a_webhook_that_is_gone(
    shop: Shop, receiver: Receiver, subscribe: Subscribe, how: str
) -> None:
    webhook = subscribe("customers.create")
    url = f"{shop.simulator.api_url}/webhooks/{webhook['id']}"
    with httpx.Client(headers=shop.http.headers, verify=False) as other:  # noqa: S501 - no TLS

        def stop() -> int:
            if how == "delete":
                other.delete(url)
            else:
                document = {"type": "webhooks", "id": webhook["id"]}
                body = {"data": document | {"attributes": {"_disable": True}}}
                other.patch(url, content=json.dumps(body))
            return 500

        receiver.answers += [500, stop]
        receiver.default = 500
        shop.create("customers")
        shop.simulator.wait_until_idle()
    assert len(receiver.received) == 2
    # The attempts were made, whatever became of the webhook.
    codes = [
        each["attributes"]["response_code"] for each in shop.get("event_callbacks").json()["data"]
    ]
    assert codes == ["500", "500"]


def test_a_redirect_is_a_failure_and_not_followed(
    shop: Shop, receiver: Receiver, subscribe: Subscribe
) -> None:
    webhook = subscribe("customers.create")
    receiver.answers += [302, 307, 200]
    shop.create("customers")
    shop.simulator.wait_until_idle()
    assert {each.path for each in receiver.received} == {"/hook"}
    assert [each["response_code"] for each in callbacks(shop, webhook)] == ["200", "307", "302"]


def test_a_slow_receiver_has_failed_and_delays_no_answer(receiver: Receiver) -> None:
    released = threading.Event()

    def late() -> int:
        released.wait()
        return 200

    with Simulator(webhook_timeout=0.05, webhook_retry_pause=0.0) as simulator:
        shop = Shop(simulator)
        url = f"{receiver.url}/hook"
        webhook = shop.create("webhooks", topic="customers.create", callback_url=url)
        receiver.answers += [late, late]
        shop.create("customers")
        simulator.wait_until_idle()
        assert not released.is_set()
        found = callbacks(shop, webhook)
        assert [each["response_code"] for each in found] == ["200", None, None]
        assert [each["response_message"] for each in found] == ["OK", "Timeout", "Timeout"]
        released.set()
        shop.close()


def test_nobody_there_is_a_failure(shop: Shop, receiver: Receiver, subscribe: Subscribe) -> None:
    with Receiver() as gone:
        pass
    webhook = subscribe("customers.create", callback_url=gone.url)
    shop.create("customers")
    shop.simulator.wait_until_idle()
    found = callbacks(shop, webhook)
    assert [each["response_code"] for each in found] == [None] * 11
    assert all(each["response_message"] for each in found)


def test_the_simulator_stops_while_a_webhook_waits(receiver: Receiver) -> None:
    failed = threading.Event()

    def fail() -> int:
        failed.set()
        return 500

    receiver.default = fail
    with Simulator(webhook_retry_pause=3600.0) as simulator:
        shop = Shop(simulator)
        shop.create("webhooks", topic="customers.create", callback_url=receiver.url)
        shop.create("customers")
        assert failed.wait(10)
        shop.close()
    assert len(receiver.received) == 1


def test_each_move_is_told_once(shop: Shop, receiver: Receiver, subscribe: Subscribe) -> None:
    events = ["create", "purchase", "activate", "deactivate"]
    for event in events:
        subscribe(f"gift_cards.{event}")
    card = shop.create("gift_cards")
    for trigger in ("_purchase", "_activate", "_activate", "_deactivate"):
        assert shop.patch("gift_cards", card["id"], **{trigger: True}).status_code == 200
    shop.simulator.wait_until_idle()
    assert Counter(receiver.topics()) == Counter(f"gift_cards.{event}" for event in events)
    (activated,) = (each for each in receiver.received if each.topic == "gift_cards.activate")
    assert activated.document["data"]["attributes"]["status"] == "active"


@pytest.mark.parametrize(
    "include",
    [["nothing"], ["customer.nothing"], ["market.price_list.prices.sku"], "customer", [1]],
)
def test_includes_that_the_topic_does_not_have_are_refused(
    shop: Shop, subscribe: Subscribe, include: Any
) -> None:
    values = {"topic": "orders.place", "callback_url": "https://example.com/"}
    document = shop.document("webhooks")
    document["attributes"] |= values | {"include_resources": include}
    answer = shop.post("webhooks", document)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["source"]["pointer"] == "/data/attributes/include_resources"
    webhook = subscribe("orders.place", include_resources=["customer"])
    assert shop.patch("webhooks", webhook["id"], include_resources=include).status_code == 422
    assert shop.patch("webhooks", webhook["id"], topic="skus.tagged").status_code == 422
    kept = {"topic": "skus.tagged", "include_resources": ["prices.price_list"]}
    assert shop.patch("webhooks", webhook["id"], **kept).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("topic", "orders.update"),
        ("topic", "skus.create"),
        ("topic", "events.trigger"),
        ("topic", None),
        ("callback_url", "ftp://example.com/"),
        ("callback_url", None),
    ],
)
def test_a_webhook_needs_a_topic_that_exists_and_an_address(
    shop: Shop, subscribe: Subscribe, name: str, value: str | None
) -> None:
    document = shop.document("webhooks")
    document["attributes"] |= {"topic": "orders.place", "callback_url": "https://example.com/"}
    document["attributes"][name] = value
    answer = shop.post("webhooks", document)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["source"]["pointer"] == f"/data/attributes/{name}"
    webhook = subscribe("orders.place")
    assert shop.patch("webhooks", webhook["id"], **{name: value}).status_code == 422


def test_a_webhook_has_a_name(shop: Shop, subscribe: Subscribe) -> None:
    webhook = subscribe("orders.place")
    assert webhook["attributes"]["name"] == f"Webhook {webhook['id']}"
    assert subscribe("orders.place", name="mine")["attributes"]["name"] == "mine"


@pytest.mark.parametrize("flag", [False, True])
def test_an_import_is_muted_unless_the_organization_wants_it(
    shop: Shop, receiver: Receiver, subscribe: Subscribe, flag: bool
) -> None:
    store = shop.simulator.store
    store.change(store.all("organizations")[0], {"imports_trigger_webhooks": flag})
    subscribe("customers.create")
    subscribe("imports.complete")
    inputs = [{"email": f"customer-{number}@example.com"} for number in range(3)]
    shop.create("imports", resource_type="customers", inputs=inputs)
    shop.simulator.wait_until_idle()
    heard = {"imports.complete": 1} | ({"customers.create": 3} if flag else {})
    assert Counter(receiver.topics()) == heard


def test_https_needs_a_certificate_that_is_trusted(
    shop: Shop, subscribe: Subscribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Receiver(context) as secure:
        webhook = subscribe("customers.create", callback_url=secure.url)
        shop.create("customers")
        shop.simulator.wait_until_idle()
        assert secure.received == []
        assert {each["response_code"] for each in callbacks(shop, webhook)} == {None}

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Simulator(webhook_retry_pause=0.0) as trusting:
            other = Shop(trusting)
            other.create("webhooks", topic="customers.create", callback_url=secure.url)
            other.create("customers")
            trusting.wait_until_idle()
            other.close()
        assert len(secure.received) == 1
