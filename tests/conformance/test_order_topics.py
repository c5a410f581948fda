"""What webhooks hear of an order's life: each thing once."""

from collections import Counter
from collections.abc import Iterator

import pytest

from local.simulator import Simulator
from local.simulator.topics import TOPICS
from tests.conformance.checkout import Checkout
from tests.conformance.receiver import Receiver
from tests.conformance.shop import Shop

KINDS = ("orders", "customers", "authorizations", "captures", "refunds")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Simulator(webhook_retry_pause=0.0) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


@pytest.fixture
def receiver(shop: Shop) -> Iterator[Receiver]:
    """Hears every topic around orders."""
    with Receiver() as receiver:
        for topic in sorted(TOPICS):
            if topic.startswith(KINDS):
                shop.create("webhooks", topic=topic, callback_url=receiver.url)
        yield receiver


def heard(shop: Shop, receiver: Receiver) -> Counter[str]:
    """Since the last time."""
    shop.simulator.wait_until_idle()
    topics = Counter(receiver.topics())
    receiver.received.clear()
    return topics


def test_from_placed_to_refunded(shop: Shop, receiver: Receiver) -> None:
    checkout = Checkout(shop)
    order = checkout.ready()
    assert heard(shop, receiver)["orders.pending"] == 1
    moves = {
        "_place": ["orders.place", "orders.authorize", "customers.acquired"],
        "_approve": ["orders.approve"],
        "_capture": ["orders.pay", "orders.start_fulfilling"],
        "_refund": ["orders.refund", "orders.cancel", "orders.cancel_fulfilling"],
    }
    made = {"_place": "authorizations", "_capture": "captures", "_refund": "refunds"}
    for trigger, topics in moves.items():
        kind = made.get(trigger)
        told = [*topics, f"{kind}.create", f"{kind}.succeeded"] if kind else topics
        checkout.fire("orders", order, trigger)
        assert heard(shop, receiver) == Counter(told), trigger
        if trigger != "_refund":
            checkout.fire("orders", order, trigger)
            assert heard(shop, receiver) == Counter(), f"{trigger} once more"


def test_each_body_shows_the_state_after_the_whole_request(shop: Shop, receiver: Receiver) -> None:
    order = Checkout(shop).placed()
    shop.simulator.wait_until_idle()
    (placed,) = (each for each in receiver.received if each.topic == "orders.place")
    read = shop.get(f"orders/{order}").text.replace(shop.simulator.url, "").encode()
    assert placed.body == read
    attributes = placed.document["data"]["attributes"]
    assert (attributes["status"], attributes["payment_status"]) == ("placed", "authorized")
