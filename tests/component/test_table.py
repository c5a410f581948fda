"""The table against DynamoDB (moto): leases, bookmarks, marks."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from connector.errors import LeaseLost, StreamBusy, TableBusy
from connector.table import ATTEMPTS, LEASE_SECONDS, Table
from tests.conftest import create_table

ONE, TWO = "2026-03-01T12:00:00.000Z", "2026-03-01T12:05:00.000Z"


class Clock:
    now = 1_772_366_400.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(aws: None, clock: Clock) -> Iterator[Table]:
    client = boto3.client("dynamodb")
    create_table(client, "table")
    yield Table(client, "table", clock=clock, sleep=lambda _: None)
    client.close()


def test_a_new_stream_has_no_bookmark_until_it_is_reset(table: Table) -> None:
    with table.lease("default#orders") as lease:
        assert (lease.bookmark, lease.settled, lease.fingerprint) == (None, None, None)
        lease.reset(ONE, "f")
    with table.lease("default#orders") as lease:
        assert (lease.bookmark, lease.settled, lease.fingerprint) == (ONE, ONE, "f")
        assert lease.generation == 1


def test_bookmarks_move_and_stay(table: Table) -> None:
    with table.lease("default#orders") as lease:
        lease.reset(ONE, "f")
        lease.advance(TWO, ONE)
    with table.lease("default#orders") as lease:
        assert (lease.bookmark, lease.settled) == (TWO, ONE)


def test_a_second_run_is_busy_and_another_stream_is_not(table: Table) -> None:
    with table.lease("default#orders"):
        with pytest.raises(StreamBusy, match="default#orders"):
            table.lease("default#orders")
        with table.lease("default#skus"), table.lease("other#orders"):
            pass
    with table.lease("default#orders"):
        pass


def test_a_killed_run_blocks_its_stream_until_its_lease_ends(table: Table, clock: Clock) -> None:
    table.lease("default#orders")
    clock.now += LEASE_SECONDS
    with pytest.raises(StreamBusy):
        table.lease("default#orders")
    clock.now += 1
    table.lease("default#orders")


def test_every_page_renews_the_lease(table: Table, clock: Clock) -> None:
    with table.lease("default#orders") as lease:
        clock.now += LEASE_SECONDS - 1
        lease.advance(ONE, ONE)
        clock.now += LEASE_SECONDS - 1
        with pytest.raises(StreamBusy):
            table.lease("default#orders")


def test_who_lost_the_lease_moves_nothing_and_takes_nothing_away(
    table: Table, clock: Clock
) -> None:
    with table.lease("default#orders") as slow:
        slow.reset(ONE, "f")
        clock.now += LEASE_SECONDS + 1
        other = table.lease("default#orders")
        with pytest.raises(LeaseLost, match="default#orders"):
            slow.advance(TWO, TWO)
        with pytest.raises(LeaseLost, match="default#orders"):
            slow.reset(TWO, "g")
    # The slow one is gone; the lease is still the other one's.
    with pytest.raises(StreamBusy):
        table.lease("default#orders")
    assert other.bookmark == ONE
    other.advance(TWO, ONE)


def test_a_lease_whose_release_fails_does_not_hide_what_happened(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.test")

    with table.lease("default#orders"):
        monkeypatch.setattr(table.client, "update_item", unreachable)


def test_marks_are_found_by_whom_they_belong_to(table: Table) -> None:
    ids = [f"{number:064x}" for number in range(230)]
    table.mark(ids[:130], "default#orders#1", keep=60)
    assert table.seen(ids, "default#orders#1") == set(ids[:130])
    assert table.seen(ids, "default#orders#2") == set()
    assert table.seen([], "default#orders#1") == set()


def test_a_mark_tells_dynamodb_when_it_may_go(table: Table, clock: Clock) -> None:
    table.mark(["a"], "orders", keep=60)
    item = table.client.get_item(
        TableName="table", Key={"pk": {"S": "seen#a"}, "sk": {"S": "orders"}}
    )["Item"]
    assert item["expires_at"] == {"N": str(int(clock.now) + 60)}


def test_the_same_id_twice_in_a_batch_is_one(table: Table) -> None:
    table.mark(["a", "a"], "orders", keep=60)
    assert table.seen(["a", "a"], "orders") == {"a"}


class Reluctant:
    """Hands back the last key of the first `times` batches, as DynamoDB does under load."""

    def __init__(self, client: Any, times: int) -> None:
        self.client = client
        self.times = times

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - DynamoDB's name
        keys = RequestItems["table"]["Keys"]
        if not self.times:
            return self.client.batch_get_item(RequestItems=RequestItems)
        self.times -= 1
        answer: dict[str, Any] = {"Responses": {"table": []}}
        if len(keys) > 1:
            part = {"table": {**RequestItems["table"], "Keys": keys[:-1]}}
            answer = self.client.batch_get_item(RequestItems=part)
        left = {"table": {**RequestItems["table"], "Keys": keys[-1:]}}
        return {**answer, "UnprocessedKeys": left}

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803 - DynamoDB's name
        items = RequestItems["table"]
        if not self.times:
            return self.client.batch_write_item(RequestItems=RequestItems)
        self.times -= 1
        if len(items) > 1:
            self.client.batch_write_item(RequestItems={"table": items[:-1]})
        return {"UnprocessedItems": {"table": items[-1:]}}


def test_what_dynamodb_hands_back_is_asked_again(table: Table) -> None:
    client: Any = Reluctant(table.client, times=3)
    reluctant = Table(client, "table", sleep=lambda _: None)
    reluctant.mark(["a", "b", "c"], "orders", keep=60)
    assert client.times == 0
    assert table.seen(["a", "b", "c"], "orders") == {"a", "b", "c"}
    client.times = 3
    assert reluctant.seen(["a", "b", "c"], "orders") == {"a", "b", "c"}


def test_a_table_that_hands_back_for_ever_is_busy(table: Table) -> None:
    for ask in ("seen", "mark"):
        client: Any = Reluctant(table.client, times=ATTEMPTS)
        reluctant = Table(client, "table", sleep=lambda _: None)
        with pytest.raises(TableBusy, match=f"{ATTEMPTS} times"):
            reluctant.seen(["a"], "x") if ask == "seen" else reluctant.mark(["a"], "x", 60)
