"""Authorizations, captures, voids and refunds: in parts, too much, twice, and refused."""

from collections.abc import Iterator

import pytest

from local.simulator import Simulator
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    with Simulator() as simulator:
        shop = Shop(simulator)
        yield Checkout(shop)
        shop.close()


def only(checkout: Checkout, order: str, kind: str) -> str:
    (found,) = checkout.transactions(order, kind)
    return str(found["id"])


def told(checkout: Checkout) -> list[str]:
    """The topics that are announced from now on."""
    topics: list[str] = []
    environment = checkout.shop.simulator.environment()
    environment.listeners.append(lambda announcement: topics.append(announcement.topic))
    return topics


def test_an_order_is_captured_in_parts(checkout: Checkout) -> None:
    order = checkout.approved()
    authorization = only(checkout, order, "authorizations")
    left = checkout.fire("authorizations", authorization, "_capture", _capture_amount_cents=500)
    assert (left["capture_balance_cents"], left["void_balance_cents"]) == (1500, 1500)
    assert checkout.statuses(order) == ("approved", "partially_paid", "unfulfilled")
    left = checkout.fire("authorizations", authorization, "_capture")
    assert left["capture_balance_cents"] == 0
    assert checkout.statuses(order) == ("approved", "paid", "in_progress")
    captures = checkout.transactions(order, "captures")
    assert [each["attributes"]["amount_cents"] for each in captures] == [500, 1500]


def test_more_than_the_balance_is_refused(checkout: Checkout) -> None:
    order = checkout.approved()
    authorization = only(checkout, order, "authorizations")
    refused = checkout.shop.patch(
        "authorizations", authorization, _capture=True, _capture_amount_cents=2001
    )
    (error,) = refused.json()["errors"]
    assert refused.status_code == 422
    assert error["source"]["pointer"] == "/data/attributes/_capture_amount_cents"
    assert error["meta"] == {"error": "less_than_or_equal_to", "value": 2001, "count": 2000}
    assert checkout.transactions(order, "captures") == []


def test_an_amount_alone_is_that_of_the_next_capture(checkout: Checkout) -> None:
    order = checkout.approved()
    authorization = only(checkout, order, "authorizations")
    told = checkout.fire("authorizations", authorization, _capture_amount_cents=700)
    assert (told["capture_amount_cents"], told["capture_balance_cents"]) == (700, 2000)
    checkout.fire("authorizations", authorization, "_capture")
    (captured,) = checkout.transactions(order, "captures")
    assert captured["attributes"]["amount_cents"] == 700


def test_a_refund_in_parts_and_the_rest_of_it(checkout: Checkout) -> None:
    order = checkout.approved()
    checkout.fire("orders", order, "_capture")
    topics = told(checkout)
    capture = only(checkout, order, "captures")
    left = checkout.fire("captures", capture, "_refund", _refund_amount_cents=300)
    assert (left["refund_amount_cents"], left["refund_balance_cents"]) == (1700, 1700)
    assert checkout.statuses(order) == ("approved", "partially_refunded", "in_progress")
    checkout.fire("orders", order, "_refund")
    assert checkout.statuses(order) == ("cancelled", "refunded", "unfulfilled")
    refunds = [
        each["attributes"]["amount_cents"] for each in checkout.transactions(order, "refunds")
    ]
    assert refunds == [300, 1700]
    assert [topic for topic in topics if topic.startswith("orders.")] == [
        "orders.refund",
        "orders.cancel",
        "orders.cancel_fulfilling",
        "orders.refund",
    ]


def test_capturing_and_refunding_twice_does_it_once(checkout: Checkout) -> None:
    order = checkout.approved()
    for trigger, kind in (("_capture", "captures"), ("_refund", "refunds")):
        checkout.fire("orders", order, trigger)
        before = checkout.read("orders", order)
        topics = told(checkout)
        assert checkout.fire("orders", order, trigger) == before
        assert topics == []
        assert len(checkout.transactions(order, kind)) == 1


def test_a_void_cancels_a_placed_order(checkout: Checkout) -> None:
    order = checkout.placed()
    topics = told(checkout)
    authorization = only(checkout, order, "authorizations")
    assert checkout.fire("authorizations", authorization, "_void")["void_balance_cents"] == 0
    assert checkout.statuses(order) == ("cancelled", "voided", "unfulfilled")
    assert {"voids.create", "voids.succeeded", "orders.void", "orders.cancel"} <= set(topics)
    before = len(topics)
    checkout.fire("authorizations", authorization, "_void")
    assert len(topics) == before
    answer = checkout.shop.patch("authorizations", authorization, _capture=True)
    assert answer.status_code == 422


def test_an_authorization_of_a_pending_order_can_be_cancelled(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.fire("orders", order, "_authorize")
    assert checkout.statuses(order) == ("pending", "authorized", "unfulfilled")
    checkout.fire("authorizations", only(checkout, order, "authorizations"), "_cancel")
    assert checkout.statuses(order) == ("pending", "unpaid", "unfulfilled")
    checkout.fire("orders", order, "_place")
    assert checkout.statuses(order) == ("placed", "authorized", "unfulfilled")
    assert len(checkout.transactions(order, "authorizations")) == 2


def test_placing_authorizes_only_what_is_not_authorized_yet(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.fire("orders", order, "_authorize", _authorization_amount_cents=600)
    assert checkout.statuses(order)[1] == "partially_authorized"
    too_much = checkout.shop.patch(
        "orders", order, _authorize=True, _authorization_amount_cents=1401
    )
    assert too_much.status_code == 422
    checkout.fire("orders", order, "_place")
    amounts = [e["attributes"]["amount_cents"] for e in checkout.transactions(order)]
    assert amounts == [600, 1400]


def test_a_transaction_says_what_it_belongs_to(checkout: Checkout) -> None:
    order = checkout.approved()
    checkout.fire("orders", order, "_capture")
    read = checkout.shop.get(
        f"orders/{order}", include="captures.reference_authorization,payment_source"
    ).json()
    types = sorted(each["type"] for each in read["included"])
    assert types == ["authorizations", "captures", "wire_transfers"]
    capture = next(each for each in read["included"] if each["type"] == "captures")["attributes"]
    number = read["data"]["attributes"]["number"]
    assert capture["number"] == f"{number}/T/002"
    assert capture["payment_method_type"] == "wire_transfers"
    assert capture["succeeded"] is True
    assert capture["token"]
    assert capture["gateway_transaction_id"]


def test_a_refused_authorization_leaves_the_order_pending(checkout: Checkout) -> None:
    order = checkout.ready(simulate_failure="authorizations")
    topics = told(checkout)
    refused = checkout.shop.patch("orders", order, _place=True)
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["meta"]["error"]) == (422, "payment_failed")
    assert checkout.statuses(order) == ("pending", "unpaid", "unfulfilled")
    (failed,) = checkout.transactions(order, "authorizations")
    assert failed["attributes"]["succeeded"] is False
    assert failed["attributes"]["error_code"] == "declined"
    assert topics == [
        "authorizations.create",
        "transactions.create",
        "authorizations.failed",
        "transactions.refused",
    ]


def test_a_stuck_transaction_is_forwarded_once(checkout: Checkout) -> None:
    order = checkout.approved(simulate_failure="captures")
    assert checkout.shop.patch("orders", order, _capture=True).status_code == 422
    assert checkout.statuses(order) == ("approved", "authorized", "unfulfilled")
    capture = only(checkout, order, "captures")
    assert checkout.fire("captures", capture, "_forward")["succeeded"] is True
    assert checkout.statuses(order) == ("approved", "paid", "in_progress")
    topics = told(checkout)
    checkout.fire("captures", capture, "_forward")
    assert topics == []


def test_what_others_have_replaced_is_not_forwarded(checkout: Checkout) -> None:
    order = checkout.approved(simulate_failure="captures")
    checkout.shop.patch("orders", order, _capture=True)
    source = checkout.shop.get(f"orders/{order}/payment_source").json()["data"]["id"]
    checkout.shop.patch("wire_transfers", source, metadata={})
    checkout.fire("orders", order, "_capture")
    failed = checkout.transactions(order, "captures")[0]["id"]
    assert checkout.shop.patch("captures", failed, _forward=True).status_code == 422


def test_a_payment_method_may_capture_at_once(checkout: Checkout) -> None:
    order = checkout.ready()
    method = checkout.method(auto_capture=True, auto_capture_max_amount_cents=2000)
    checkout.link("orders", order, payment_method=method)
    checkout.fire("orders", order, "_place")
    assert checkout.statuses(order) == ("placed", "paid", "unfulfilled")
    checkout.fire("orders", order, "_approve")
    assert checkout.statuses(order) == ("approved", "paid", "in_progress")


def test_a_payment_method_may_let_payment_wait(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.link("orders", order, payment_method=checkout.method(require_capture=False))
    checkout.fire("orders", order, "_place")
    checkout.fire("orders", order, "_approve")
    assert checkout.statuses(order) == ("approved", "authorized", "in_progress")


def test_a_payment_method_may_place_upon_authorization(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.link("orders", order, payment_method=checkout.method(auto_place=True))
    checkout.fire("orders", order, "_authorize")
    assert checkout.statuses(order) == ("placed", "authorized", "unfulfilled")


def test_cancelling_a_paid_order_refunds_it(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.link("orders", order, payment_method=checkout.method(auto_capture=True))
    checkout.fire("orders", order, "_place")
    checkout.fire("orders", order, "_cancel")
    assert checkout.statuses(order) == ("cancelled", "refunded", "unfulfilled")


def test_the_payment_source_of_an_authorization_can_be_restored(checkout: Checkout) -> None:
    order = checkout.ready()
    checkout.fire("orders", order, "_authorize")
    paid = checkout.shop.get(f"orders/{order}/payment_source").json()["data"]["id"]
    checkout.fire("orders", order, "_nullify_payment_source")
    assert checkout.shop.get(f"orders/{order}/payment_source").json()["data"] is None
    checkout.fire("orders", order, "_fix_payment_source")
    assert checkout.shop.get(f"orders/{order}/payment_source").json()["data"]["id"] == paid
    assert checkout.statuses(order) == ("placed", "authorized", "unfulfilled")
    assert checkout.shop.patch("orders", order, _nullify_payment_source=True).status_code == 422
