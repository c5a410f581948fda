"""Every trigger of the catalog is answered, and those that are taken twice change things once."""

from typing import Any

import pytest

from connector.commerce_layer import catalog
from local.simulator.clock import parse
from local.simulator.topics import TOPICS
from tests.conformance.shop import Shop
from tests.conformance.warehouse import Warehouse

TRIGGERS = [
    (kind, name)
    for kind in catalog.types()
    for name, trigger in catalog.resource(kind).triggers.items()
    if trigger.updatable and "update" in catalog.resource(kind).operations
]

# What a repetition does again, and why.
AGAIN = {
    "_balance_change_cents": "it is added once more",
    "_get_rates": "the carriers are asked once more",
    "_refresh": "everything is computed once more",
    "_refresh_prices": "everything is computed once more",
    "_regenerate_shared_secret": "the secret is another one each time",
    "_reserve_stock": "what is reserved is reserved for longer",
    "_trigger": "the webhooks are called once more",
    "_update_taxes": "the taxes are computed once more",
}


def value(kind: str, name: str) -> Any:
    return {"boolean": True, "integer": 1}.get(catalog.resource(kind).triggers[name].type, "text")


def made(shop: Shop, kind: str) -> str:
    """A valid one; of what no client creates, one as it is when it is new."""
    if "create" in catalog.resource(kind).operations:
        return str(shop.create(kind)["id"])
    return shop.simulator.store.put(kind).id


@pytest.mark.parametrize(("kind", "name"), TRIGGERS, ids=lambda each: each)
def test_every_trigger_is_answered(shared: Shop, kind: str, name: str) -> None:
    """Done or refused for a reason that is told; once done, done."""
    identifier = made(shared, kind)
    given = {name: value(kind, name)}
    first = shared.patch(kind, identifier, **given)
    assert first.status_code in (200, 422), first.text
    if first.status_code == 422:
        errors = first.json()["errors"]
        assert all(each["source"]["pointer"].startswith("/data/") for each in errors)
        assert shared.get(f"{kind}/{identifier}").status_code == 200
        return
    second = shared.patch(kind, identifier, **given)
    assert second.status_code == 200, second.text
    if name not in AGAIN:
        assert second.json() == first.json()


def test_the_triggers_that_are_named_are_those_there_are() -> None:
    assert AGAIN.keys() <= {name for _, name in TRIGGERS}
    assert len(TRIGGERS) > 200


def heard(shop: Shop, kind: str, identifier: str, **given: Any) -> list[str]:
    """What a change announces, when it is made once and once more."""
    topics: list[str] = []
    store = shop.simulator.store
    announce = store.announce

    def listen(record: Any, event: str) -> None:
        topics.extend({f"{record.type}.{event}"} & TOPICS)
        announce(record, event)

    store.announce = listen  # type: ignore[method-assign]
    try:
        for _ in range(2):
            assert shop.patch(kind, identifier, **given).status_code == 200
    finally:
        store.announce = announce  # type: ignore[method-assign]
    return topics


def attributes(shop: Shop, kind: str, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.get(f"{kind}/{identifier}").json()["data"]["attributes"]
    return found


def test_tags_are_announced_when_they_change(shared: Shop) -> None:
    sku = shared.create("skus")["id"]
    name = shared.create("tags")["attributes"]["name"]
    assert heard(shared, "skus", sku, _add_tags=name) == ["skus.tagged"]
    assert heard(shared, "skus", sku, _add_tags="unknown") == []
    assert heard(shared, "skus", sku, _remove_tags=name) == ["skus.tagged"]


def test_a_customer_asks_to_be_forgotten_and_takes_it_back(shared: Shop) -> None:
    customer = shared.create("customers")["id"]
    refused = shared.patch("customers", customer, _cancel_anonymization=True)
    assert refused.status_code == 422
    asked = heard(shared, "customers", customer, _request_anonymization=True)
    assert asked == ["customers.anonymization_started"]
    found = attributes(shared, "customers", customer)
    assert found["anonymization_status"] == "requested"
    assert found["anonymization_info"]["requested_at"]
    withdrawn = heard(shared, "customers", customer, _cancel_anonymization=True)
    assert withdrawn == ["customers.anonymization_cancelled"]
    found = attributes(shared, "customers", customer)
    assert found["anonymization_info"]["status"] == "cancelled"


def test_a_forgotten_customer_is_nobody(shop: Shop) -> None:
    warehouse = Warehouse(shop)
    order = warehouse.in_progress((warehouse.sku(1), 1))
    customer = shop.get(f"orders/{order}/customer").json()["data"]
    shop.patch("customers", customer["id"], _request_anonymization=True)
    shop.simulator.clock.advance(24 * 3600)
    later = Shop(shop.simulator)
    found = attributes(later, "customers", customer["id"])
    assert found["anonymization_status"] == "completed"
    assert found["email"] != customer["attributes"]["email"]
    assert attributes(later, "orders", order)["customer_email"] == found["email"]
    address = later.get(f"orders/{order}/shipping_address").json()["data"]["attributes"]
    assert (address["last_name"], address["line_1"], address["country_code"]) == (None, None, "IT")
    refused = later.patch("customers", customer["id"], _request_anonymization=True)
    assert refused.status_code == 422
    later.close()


def test_a_password_is_reset_with_the_token_of_its_reset(shared: Shop) -> None:
    customer = shared.create("customers")
    email = customer["attributes"]["email"]
    document = {"type": "customer_password_resets", "attributes": {"customer_email": email}}
    reset = shared.post("customer_password_resets", document).json()["data"]
    token = reset["attributes"]["reset_password_token"]
    kind, password = "customer_password_resets", {"customer_password": "secret"}
    wrong = shared.patch(kind, reset["id"], **password, _reset_password_token="wrong")
    assert wrong.status_code == 422
    topics = heard(shared, kind, reset["id"], **password, _reset_password_token=token)
    assert topics == ["customer_password_resets.reset_password", "customers.create_password"]
    assert attributes(shared, kind, reset["id"])["reset_password_at"]
    assert attributes(shared, "customers", customer["id"])["has_password"] is True


def test_metadata_of_customers_is_told_when_it_changes(shared: Shop) -> None:
    customer = shared.create("customers")["id"]
    topics = heard(shared, "customers", customer, metadata={"erp": "7"})
    assert topics == ["customers.metadata_update"]


def test_secrets_are_new_and_circuits_are_closed(shared: Shop) -> None:
    webhook = shared.create("webhooks")["id"]
    before = attributes(shared, "webhooks", webhook)["shared_secret"]
    after = shared.patch("webhooks", webhook, _regenerate_shared_secret=True).json()["data"]
    assert after["attributes"]["shared_secret"] not in (None, before)
    broken = {"circuit_state": "open", "circuit_failure_count": 30}
    shared.simulator.store.update("webhooks", webhook, broken)
    shared.patch("webhooks", webhook, _reset_circuit=True)
    found = attributes(shared, "webhooks", webhook)
    assert (found["circuit_state"], found["circuit_failure_count"]) == ("closed", 0)


def test_schedulers_of_price_lists_tell_their_beginning_and_their_end(shop: Shop) -> None:
    moments = {"starts_at": "2100-01-01T00:00:00Z", "expires_at": "2100-01-03T00:00:00Z"}
    scheduler = shop.create("price_list_schedulers", **moments)["id"]
    store, clock = shop.simulator.store, shop.simulator.clock
    clock.freeze()
    seen = []
    for day in ("2099-12-31", "2100-01-02", "2100-01-02", "2100-01-04"):
        clock.freeze(parse(day))
        topics: list[str] = []
        store.announce = lambda _, event, heard=topics: heard.append(event)  # type: ignore[method-assign, misc]
        later = Shop(shop.simulator)
        status = attributes(later, "price_list_schedulers", scheduler)["status"]
        later.close()
        seen.append((status, topics))
    assert seen == [
        ("pending", []),
        ("active", ["activated"]),
        ("active", []),
        ("expired", ["expired"]),
    ]


def test_bundles_compute_their_amounts(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    listed = shared.create("sku_lists")
    values = {"quantity": 3, "position": 1}
    warehouse.make("sku_list_items", values, sku_list=listed, sku=warehouse.sku(1))
    priced = {"code": f"B-{listed['id']}", "name": "B", "currency_code": "EUR",
              "price_amount_cents": 1}  # fmt: skip
    bundle = warehouse.make("bundles", priced, market=warehouse.market, sku_list=listed)["id"]
    computed = warehouse.do(
        "bundles", bundle, "_compute_price_amount", "_compute_compare_at_amount"
    )
    assert computed["price_amount_cents"] == 3000
    assert computed["compare_at_amount_cents"] == 3600


def test_a_refused_trigger_of_a_new_record_leaves_no_record(shared: Shop) -> None:
    warehouse = Warehouse(shared)
    sku = warehouse.sku(1)
    order = warehouse.order((warehouse.sku(1), 1))
    before = shared.ids(f"orders/{order}/line_items")
    document = {
        "type": "line_items",
        "attributes": {"quantity": 2, "_reserve_stock": True},
        "relationships": {
            "order": {"data": {"type": "orders", "id": order}},
            "item": {"data": {"type": "skus", "id": sku["id"]}},
        },
    }
    assert shared.post("line_items", document).status_code == 422
    assert shared.ids(f"orders/{order}/line_items") == before
