"""Single records through the client: made, read, changed, deleted."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from connector.commerce_layer.query import Query
from connector.errors import NotFound
from tests.contract.goods import Goods
from tests.contract.report import Report
from tests.contract.shop import Record, Shop, ids, to

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Record:
    """For the cases that change nothing."""
    return shop.create("customers", metadata={"erp": {"id": "42", "tags": ["a", None, 1.5]}})


@pytest.fixture(scope="module")
def group(shop: Shop) -> Record:
    return shop.create("customer_groups")


def test_a_created_record_comes_back_with_what_was_written(shop: Shop) -> None:
    written = shop.attributes("addresses", notes="2nd floor", business=False)
    record = shop.client.create("addresses", written)["data"]
    assert record["type"] == "addresses"
    assert record["attributes"].items() >= written.items()


def test_a_record_is_retrieved_as_it_was_created(shop: Shop, customer: Record) -> None:
    found = shop.client.retrieve("customers", customer["id"])["data"]
    assert (found["type"], found["id"]) == ("customers", customer["id"])
    assert found["attributes"] == customer["attributes"]


def test_an_id_can_stand_in_a_path(customer: Record) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", customer["id"])


def test_a_record_has_a_link_to_itself(customer: Record) -> None:
    assert customer["links"]["self"].endswith(f"/customers/{customer['id']}")


def test_mode_and_organization_stand_in_the_meta_of_record_or_document(
    shop: Shop, customer: Record
) -> None:
    document = shop.client.retrieve("customers", customer["id"])
    meta = {**document.get("meta", {}), **document["data"].get("meta", {})}
    assert meta["mode"] == "test"
    assert meta["organization_id"] == shop.client.claims()["organization"]["id"]


def test_stamps_are_utc_with_milliseconds_and_go_by_the_clock_of_the_date_header(
    shop: Shop,
) -> None:
    data = {"type": "customer_groups", "attributes": shop.attributes("customer_groups")}
    answer = shop.client.send("POST", "customer_groups", document={"data": data})
    attributes = answer.document()["data"]["attributes"]
    created, updated = attributes["created_at"], attributes["updated_at"]
    assert STAMP.fullmatch(created)
    assert STAMP.fullmatch(updated)
    assert created <= updated
    server = parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
    assert abs((datetime.fromisoformat(created) - server).total_seconds()) < 30


def test_an_update_changes_what_it_names_and_nothing_else(shop: Shop) -> None:
    record = shop.create("addresses", notes="old")
    before = record["attributes"]
    after = shop.client.update("addresses", record["id"], {"notes": "new"})["data"]["attributes"]
    assert after["notes"] == "new"
    assert after["updated_at"] >= before["updated_at"]
    same = before.keys() - {"notes", "updated_at"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_a_null_empties_an_attribute(shop: Shop) -> None:
    record = shop.create("addresses", notes="something")
    emptied = shop.client.update("addresses", record["id"], {"notes": None})["data"]
    assert emptied["attributes"]["notes"] is None


def test_letters_of_any_language_survive(shop: Shop) -> None:
    text = 'Åsa "Zoë" O\'Neill — 東京 🧾 \\ / % & +'
    record = shop.create("addresses", notes=text)
    assert shop.client.retrieve("addresses", record["id"])["data"]["attributes"]["notes"] == text


def test_metadata_is_kept_with_its_structure(shop: Shop, customer: Record) -> None:
    found = shop.client.retrieve("customers", customer["id"])["data"]["attributes"]["metadata"]
    assert found == {"erp": {"id": "42", "tags": ["a", None, 1.5]}}


def test_an_update_of_metadata_writes_its_own_keys(shop: Shop, report: Report) -> None:
    record = shop.create("customers", metadata={"a": 1, "b": 2})
    metadata = shop.client.update("customers", record["id"], {"metadata": {"b": 3}})["data"][
        "attributes"
    ]["metadata"]
    assert metadata["b"] == 3
    report.observed["an update of metadata"] = "merges" if "a" in metadata else "replaces"


def test_a_deleted_record_is_gone(shop: Shop) -> None:
    record = shop.create("customers")
    shop.client.delete("customers", record["id"])
    with pytest.raises(NotFound):
        shop.client.retrieve("customers", record["id"])
    with pytest.raises(NotFound):
        shop.client.delete("customers", record["id"])


def test_the_answer_to_a_write_is_newer_than_any_cache(shop: Shop, goods: Goods) -> None:
    record = shop.create("skus", {"shipping_category": goods.spare_category}, description="old")
    path = ("skus", record["id"])
    shop.client.retrieve(*path)  # a cache has seen it
    changed = shop.client.update(*path, {"description": "new"})["data"]["attributes"]
    assert changed["description"] == "new"
    read = shop.eventually(
        lambda: shop.client.retrieve(*path)["data"]["attributes"],
        lambda attributes: attributes["description"] == "new",
    )
    assert read == changed


def test_an_amount_is_told_in_cents_as_a_number_and_formatted(goods: Goods) -> None:
    price = goods.price["attributes"]
    assert price["amount_cents"] == 1990
    assert price["amount_float"] == pytest.approx(19.9)
    assert "19" in price["formatted_amount"]
    assert price["currency_code"] == "EUR"


def test_prices_and_stock_items_tell_the_code_of_their_sku(goods: Goods) -> None:
    code = goods.sku["attributes"]["code"]
    assert goods.price["attributes"]["sku_code"] == code
    assert goods.stock_item["attributes"]["sku_code"] == code


def test_a_new_customer_is_a_prospect(customer: Record) -> None:
    assert customer["attributes"]["status"] == "prospect"


def test_a_relationship_is_written_and_followed(shop: Shop, group: Record) -> None:
    record = shop.create("customers", {"customer_group": group})
    found = shop.client.related("customers", record["id"], "customer_group")["data"]
    assert (found["type"], found["id"]) == ("customer_groups", group["id"])


def test_a_to_one_is_replaced_and_cleared(shop: Shop, group: Record) -> None:
    record = shop.create("customers", {"customer_group": group})
    other = shop.create("customer_groups")
    include = Query(include=("customer_group",))

    def write(end: Record | None) -> object:
        relationships = to({"customer_group": end}) if end else {"customer_group": {"data": None}}
        written = shop.client.update("customers", record["id"], None, relationships, include)
        return written["data"]["relationships"]["customer_group"]["data"]

    assert write(other) == {"type": "customer_groups", "id": other["id"]}
    assert write(None) is None


def test_a_to_many_is_set_at_creation_and_cleared(shop: Shop) -> None:
    tags = [shop.create("tags"), shop.create("tags")]
    record = shop.create("addresses", {"tags": tags})
    include = Query(include=("tags",))
    found = shop.client.retrieve("addresses", record["id"], include)
    assert sorted(ids(found["included"])) == sorted(ids(tags))
    cleared = shop.client.update("addresses", record["id"], None, {"tags": {"data": []}}, include)
    assert cleared["data"]["relationships"]["tags"]["data"] == []


def test_only_what_is_included_is_told_of_a_relationship(shop: Shop, group: Record) -> None:
    record = shop.create("customers", {"customer_group": group})
    plain = shop.client.retrieve("customers", record["id"])["data"]["relationships"]
    assert all("data" not in each and "links" in each for each in plain.values())


def test_include_and_fields_go_with_a_write_too(shop: Shop, group: Record) -> None:
    query = Query(
        include=("customer_group",),
        fields={"customers": ("email", "customer_group"), "customer_groups": ("name",)},
    )
    written = shop.client.create(
        "customers", shop.attributes("customers"), to({"customer_group": group}), query
    )
    assert written["data"]["attributes"].keys() == {"email"}
    assert [each["attributes"] for each in written["included"]] == [
        {"name": group["attributes"]["name"]}
    ]
