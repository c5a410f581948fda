"""`Idempotency-Key`: a write that is sent again is not done again, whatever became of the first."""

from typing import Any

import pytest

from connector import aws, writes
from connector.attempts import Attempts, digest
from connector.settings import settings
from local.simulator import Simulator
from tests.component.http_api import Result, event, invoke
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop
from tests.conftest import LambdaContext, create_table

CUSTOMERS = "/instances/default/api/customers"
ADA = {"email": "ada@example.com", "reference": "crm-1"}
ROLE = {"accountId": "123456789012", "userId": "AROAEXAMPLE:first-session"}


@pytest.fixture
def api(api: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    monkeypatch.setenv("TABLE", "table")
    settings.cache_clear()
    aws.forget()
    create_table(aws.client("dynamodb"), "table")
    return api


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent a moment ago is not under way any more."""
    monkeypatch.setattr(writes, "SETTLE_SECONDS", 0.0)


def send(
    method: str, path: str, body: Any = None, key: str = "k-1", iam: dict[str, str] = ROLE
) -> Result:
    sent = event(method, path, body=body, headers={"Idempotency-Key": key})
    sent["requestContext"]["authorizer"] = {"iam": iam}
    return invoke(sent)


def asked(api: Simulator, method: str, path: str = "/api/") -> int:
    return len(api.requests.matching(method, path))


def test_a_record_is_created_once(api: Simulator) -> None:
    first, again = send("POST", CUSTOMERS, ADA), send("POST", CUSTOMERS, ADA)
    assert (first.status, again.status) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert asked(api, "POST") == 1


def test_a_repeat_shows_the_record_as_it_is_now(api: Simulator) -> None:
    record = send("POST", CUSTOMERS, ADA).json()["id"]
    api.store.update("customers", record, {"reference": "crm-2"})
    assert send("POST", CUSTOMERS, ADA).json()["reference"] == "crm-2"
    api.store.delete("customers", record)
    gone = send("POST", CUSTOMERS, ADA)
    assert (gone.status, gone.json()) == (201, {"id": record, "type": "customers"})


def test_another_request_under_the_same_key_is_refused(api: Simulator) -> None:
    send("POST", CUSTOMERS, ADA)
    other = send("POST", CUSTOMERS, {**ADA, "reference": "crm-9"})
    assert (other.status, other.json()["category"]) == (422, "key-reused")
    assert asked(api, "POST") == 1


def test_the_order_of_names_in_the_body_does_not_matter(api: Simulator) -> None:
    send("POST", CUSTOMERS, ADA)
    assert send("POST", CUSTOMERS, dict(reversed(ADA.items()))).status == 201
    assert asked(api, "POST") == 1


def test_a_key_belongs_to_its_caller_and_its_path(api: Simulator) -> None:
    record = send("POST", CUSTOMERS, ADA).json()["id"]
    stranger = {"accountId": "123456789012", "userId": "AROAOTHER:first-session"}
    assert send("POST", CUSTOMERS, ADA, iam=stranger).status == 422, "the e-mail address is taken"
    session = {**ROLE, "userId": "AROAEXAMPLE:second-session"}
    assert send("POST", CUSTOMERS, ADA, iam=session).json()["id"] == record
    assert send("PATCH", f"{CUSTOMERS}/{record}", {"reference": "crm-1"}).status == 200


def test_a_refusal_is_told_again_without_asking(api: Simulator) -> None:
    body = {"email": "no address"}
    first, again = send("POST", CUSTOMERS, body), send("POST", CUSTOMERS, body)
    assert (first.status, again.status) == (422, 422)
    assert again.json()["errors"][0]["source"] == first.json()["errors"][0]["source"]
    assert asked(api, "POST") == 1


def test_what_was_refused_for_want_of_a_limit_may_come_again(api: Simulator) -> None:
    api.faults.add("429", method="POST", path="/api/customers")
    limited = invoke_in_a_hurry("POST", CUSTOMERS, ADA)
    assert limited.status == 429
    api.faults.clear()
    assert send("POST", CUSTOMERS, ADA).status == 201


def invoke_in_a_hurry(method: str, path: str, body: Any) -> Result:
    sent = event(method, path, body=body, headers={"Idempotency-Key": "k-1"})
    sent["requestContext"]["authorizer"] = {"iam": ROLE}
    return invoke(sent, LambdaContext(remaining_ms=2_500))


def test_a_lost_answer_is_read_back_and_not_sent_again(api: Simulator, settled: None) -> None:
    api.faults.add("reset_after", method="POST", path="/api/customers", times=1)
    lost = send("POST", CUSTOMERS, ADA)
    assert (lost.status, lost.json()["outcome"]) == (504, "unknown")
    again = send("POST", CUSTOMERS, ADA)
    assert (again.status, again.json()["email"]) == (201, "ada@example.com")
    assert asked(api, "POST", "/api/customers") == 1


def test_before_it_has_settled_nobody_reads_it_back(api: Simulator) -> None:
    api.faults.add("reset_after", method="POST", path="/api/customers", times=1)
    send("POST", CUSTOMERS, ADA)
    api.requests.clear()
    again = send("POST", CUSTOMERS, ADA)
    assert (again.status, again.json()["outcome"]) == (504, "unknown")
    assert 1 < int(again.headers["retry-after"]) <= 60
    assert not api.requests.matching("GET", "/api/customers")


def test_what_is_proved_undone_is_done(api: Simulator, settled: None) -> None:
    api.faults.add("reset", method="POST", path="/api/customers", times=1)
    assert send("POST", CUSTOMERS, ADA).status == 504
    assert send("POST", CUSTOMERS, ADA).status == 201


def test_what_nothing_can_find_stays_unknown(api: Simulator, settled: None) -> None:
    body = {"country_code": "IT", "first_name": "Ada", "last_name": "L", "line_1": "Via 1",
            "city": "Roma", "zip_code": "00100", "state_code": "RM", "phone": "1"}  # fmt: skip
    api.faults.add("reset_after", method="POST", path="/api/addresses", times=1)
    addresses = "/instances/default/api/addresses"
    for _ in range(3):
        assert send("POST", addresses, body).json()["outcome"] == "unknown"
    assert asked(api, "POST", "/api/addresses") == 1


def test_deleting_twice_is_deleting_once(api: Simulator, settled: None) -> None:
    record = send("POST", CUSTOMERS, ADA).json()["id"]
    path = f"{CUSTOMERS}/{record}"
    api.faults.add("reset_after", method="DELETE", path="/api/customers/*", times=1)
    assert [send("DELETE", path).status for _ in range(3)] == [504, 204, 204]
    assert asked(api, "DELETE") == 1


@pytest.mark.parametrize("fault", ["reset_after", "reset", "500", "502", "truncate"])
def test_a_capture_in_part_is_done_once(
    api: Simulator, settled: None, fault: str, request: pytest.FixtureRequest
) -> None:
    shop = Shop(api)
    request.addfinalizer(shop.close)
    checkout = Checkout(shop)
    order = checkout.approved(cents=1000, quantity=2)
    (authorization,) = checkout.transactions(order, "authorizations")
    path = f"/instances/default/api/authorizations/{authorization['id']}/triggers/capture"
    body = {"attributes": {"_capture_amount_cents": 500}}
    api.faults.add(fault, method="PATCH", path="/api/authorizations/*", times=1)
    assert send("POST", path, body).json()["outcome"] == "unknown"
    assert [send("POST", path, body).status for _ in range(2)] == [200, 200]
    (capture,) = checkout.transactions(order, "captures")
    assert capture["attributes"]["amount_cents"] == 500


def test_who_comes_while_it_is_done_is_told_to_wait(api: Simulator) -> None:
    attempts = Attempts(aws.client("dynamodb"), "table", "api", keep=60)
    key = digest("iam 123456789012 AROAEXAMPLE", "POST", "default/customers", "k-1")
    attempts.begin(key, digest("", {"data": {"type": "customers", "attributes": ADA}}), 20)
    busy = send("POST", CUSTOMERS, ADA)
    assert (busy.status, busy.json()["category"]) == (409, "attempt-busy")
    assert busy.json()["retryable"] is True
    assert 1 <= int(busy.headers["retry-after"]) <= 20


@pytest.mark.parametrize("key", ["", " ", "ä", "k" * 256])
def test_a_key_that_is_none(api: Simulator, key: str) -> None:
    assert send("POST", CUSTOMERS, ADA, key=key).status == 400
    assert asked(api, "POST") == 0


def test_reading_takes_no_notice_of_the_key(api: Simulator) -> None:
    assert send("GET", CUSTOMERS).status == 200
    assert aws.client("dynamodb").scan(TableName="table")["Count"] == 0


def test_the_table_keeps_no_customer_data(api: Simulator) -> None:
    send("POST", CUSTOMERS, ADA)
    send("POST", CUSTOMERS, {"email": "no address"}, key="k-2")
    items = aws.client("dynamodb").scan(TableName="table")["Items"]
    assert len(items) == 2
    assert "ada" not in str(items)
    assert "no address" not in str(items)
    assert all(len(str(item)) < 1500 for item in items)
