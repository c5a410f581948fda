"""Attributes that do something: tags that come and go, webhooks that rest."""

import pytest

from connector.commerce_layer.query import Query
from tests.contract.shop import Record, Shop, ids


@pytest.fixture(scope="module")
def tags(shop: Shop) -> list[Record]:
    return [shop.create("tags") for _ in range(2)]


@pytest.fixture(scope="module")
def webhook(shop: Shop) -> Record:
    """At rest as soon as it exists; it would call a host that is nobody's."""
    made = shop.create("webhooks", include_resources=[])
    rests: Record = shop.client.trigger("webhooks", made["id"], "disable")["data"]
    return rests


def names(tags: list[Record]) -> str:
    return ",".join(tag["attributes"]["name"] for tag in tags)


def tags_of(shop: Shop, record: Record) -> list[str]:
    return sorted(ids(shop.client.related("addresses", record["id"], "tags")["data"]))


def test_tags_are_added_by_name_and_unknown_ones_dropped(shop: Shop, tags: list[Record]) -> None:
    record = shop.create("addresses")
    shop.client.trigger("addresses", record["id"], "add_tags", f"{names(tags)},{shop.new()}")
    assert tags_of(shop, record) == sorted(ids(tags))


def test_a_tag_is_added_once(shop: Shop, tags: list[Record]) -> None:
    record = shop.create("addresses", {"tags": tags[:1]})
    shop.client.trigger("addresses", record["id"], "_add_tags", names(tags[:1]))
    assert tags_of(shop, record) == ids(tags[:1])


def test_tags_are_removed_by_name(shop: Shop, tags: list[Record]) -> None:
    record = shop.create("addresses", {"tags": tags})
    shop.client.trigger("addresses", record["id"], "remove_tags", names(tags[:1]))
    assert tags_of(shop, record) == ids(tags[1:])


def test_records_are_found_by_their_tag(shop: Shop, tags: list[Record]) -> None:
    own = shop.create("tags")
    record = shop.create("addresses", {"tags": [own, tags[0]]})
    shop.create("addresses", {"tags": tags})
    query = Query(filters={"tags_name_eq": own["attributes"]["name"]})
    assert ids(shop.client.list("addresses", query)["data"]) == [record["id"]]


def test_a_trigger_is_not_told_as_an_attribute(shop: Shop, webhook: Record) -> None:
    assert not [name for name in webhook["attributes"] if name.startswith("_")]


def test_a_trigger_goes_with_attributes_in_one_update(shop: Shop, webhook: Record) -> None:
    fired = shop.client.trigger(
        "webhooks", webhook["id"], "disable", attributes={"name": "resting"}
    )
    assert fired["data"]["attributes"]["name"] == "resting"
    assert fired["data"]["attributes"]["disabled_at"]


def test_a_webhook_is_disabled_and_enabled(shop: Shop, webhook: Record) -> None:
    assert webhook["attributes"]["disabled_at"]
    enabled = shop.client.trigger("webhooks", webhook["id"], "enable")["data"]["attributes"]
    again = shop.client.trigger("webhooks", webhook["id"], "disable")["data"]["attributes"]
    assert enabled["disabled_at"] is None
    assert again["disabled_at"]


def test_a_new_webhook_has_a_secret_and_a_closed_circuit(webhook: Record) -> None:
    assert webhook["attributes"]["circuit_state"] == "closed"
    assert webhook["attributes"]["circuit_failure_count"] == 0
    assert webhook["attributes"]["shared_secret"]
