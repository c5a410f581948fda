"""The counted leases on job slots, against DynamoDB (moto)."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from connector.errors import TableBusy
from connector.job_slots import LEASE_SECONDS, JobSlots


class Clock:
    now = 1_772_366_400.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slots(aws: None, clock: Clock) -> Iterator[Callable[..., JobSlots]]:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )

    def of(organization: str = "demo#live", kind: str = "imports") -> JobSlots:
        return JobSlots(client, "table", organization, kind, clock=clock)

    yield of
    client.close()


def test_no_more_than_the_limit(slots: Callable[..., JobSlots]) -> None:
    each = slots()
    assert [each.take(name, 2) for name in "abc"] == [True, True, False]
    each.release("a")
    assert each.take("c", 2)
    assert not each.take("a", 2)


def test_a_holder_takes_its_slot_again_and_gives_one_back(slots: Callable[..., JobSlots]) -> None:
    each = slots()
    assert each.take("a", 1)
    assert each.take("a", 1)
    each.release("a")
    each.release("a")
    assert each.take("b", 1)


def test_who_is_gone_loses_its_slot_and_who_looks_in_keeps_it(
    slots: Callable[..., JobSlots], clock: Clock
) -> None:
    each = slots()
    assert each.take("gone", 2)
    assert each.take("there", 2)
    clock.now += LEASE_SECONDS - 1
    assert each.take("there", 2)
    clock.now += 2
    assert each.take("new", 2)
    assert not each.take("another", 2)


def test_organizations_and_kinds_have_slots_of_their_own(slots: Callable[..., JobSlots]) -> None:
    assert slots().take("a", 1)
    assert slots(organization="demo#test").take("b", 1)
    assert slots(kind="exports").take("c", 1)


def test_a_write_in_between_is_seen(slots: Callable[..., JobSlots], clock: Clock) -> None:
    """Two that read the same state do not both get the last slot."""
    mine, other, once = slots(), slots(), [True]

    def meanwhile() -> float:
        if once.pop() if once else False:
            assert other.take("other", 1)
        return Clock.now

    mine._clock = meanwhile
    assert not mine.take("mine", 1)


def test_it_says_so_if_the_state_changes_all_the_time(slots: Callable[..., JobSlots]) -> None:
    each = slots()
    refused: Any = lambda *_: False  # noqa: E731
    each._write = refused  # type: ignore[method-assign]
    with pytest.raises(TableBusy):
        each.take("a", 1)
