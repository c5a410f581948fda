"""Commands: what is done, what is refused, and what is told of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from commands import handler
from commands.command import Message
from connector import aws
from connector.echoes import Echoes
from connector.errors import InvalidRequest
from local.simulator import Simulator
from tests.component.commands_world import ROOT, Commands
from tests.conformance.checkout import Checkout
from tests.conformance.shop import Shop

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs/commands/command.json").read_text(encoding="utf-8"))
)


@pytest.fixture
def checkout(commands: Commands) -> Iterator[Checkout]:
    shop = Shop(commands.simulator)
    yield Checkout(shop)
    shop.close()


def first(simulator: Simulator, kind: str) -> Any:
    return next(iter(simulator.store.all(kind)))


def asked(commands: Commands, method: str, path: str = "/api/") -> int:
    return len(commands.simulator.requests.matching(method, path))


def reason(event: dict[str, Any]) -> tuple[str, str | None]:
    told = event["command"]["reason"]
    return told["category"], told["pointer"]


# --- The five actions ---------------------------------------------------------------------------


def test_create(commands: Commands) -> None:
    event = commands.do(
        action="create", resource="customers", attributes={"email": "ada@example.com"}
    )
    assert event["topic"] == "command.succeeded"
    assert event["caused_by"] == "c-1"
    assert event["organization"] == "demo"
    assert event["mode"] == "test"
    assert event["command"]["outcome"] == "done"
    assert event["resource"]["email"] == "ada@example.com"
    made = commands.simulator.store.get("customers", event["change"]["id"])
    assert made
    assert event["change"]["updated_at"] == event["resource"]["updated_at"]


def test_update_by_id_costs_one_request(commands: Commands) -> None:
    sku = first(commands.simulator, "skus")
    event = commands.do(
        action="update", resource="skus", id=sku.id, attributes={"name": "New name"}
    )
    assert event["resource"]["name"] == "New name"
    assert asked(commands, "PATCH") == 1
    assert asked(commands, "GET") == 0


def test_update_by_business_key_costs_two(commands: Commands) -> None:
    sku = first(commands.simulator, "skus")
    event = commands.do(
        action="update",
        resource="skus",
        match={"code": sku.get("code")},
        attributes={"name": "New name"},
    )
    assert event["change"]["id"] == sku.id
    assert (asked(commands, "GET"), asked(commands, "PATCH")) == (1, 1)


def test_upsert_creates_and_then_updates(commands: Commands) -> None:
    store = commands.simulator.store
    sku, location = store.put("skus", {"code": "TEE"}), first(commands.simulator, "stock_locations")
    store.update("stock_locations", location.id, {"code": "MILAN"})
    command = {
        "action": "upsert",
        "resource": "stock_items",
        "match": {"sku_code": "TEE", "stock_location_code": "MILAN"},
    }
    made = commands.do(command_id="c-1", attributes={"quantity": 5}, **command)
    changed = commands.do(command_id="c-2", attributes={"quantity": 7}, **command)
    assert made["change"]["id"] == changed["change"]["id"]
    (item,) = store.related(sku, "stock_items")
    assert item.get("quantity") == 7


def test_delete(commands: Commands) -> None:
    customer = commands.simulator.store.put("customers", {"email": "ada@example.com"})
    event = commands.do(action="delete", resource="customers", match={"email": "ada@example.com"})
    assert event["command"]["outcome"] == "done"
    assert event["resource"] == {"type": "customers", "id": customer.id}
    assert commands.simulator.store.get("customers", customer.id) is None


def test_trigger_with_a_value(commands: Commands) -> None:
    sku = first(commands.simulator, "skus")
    commands.simulator.store.put("tags", {"name": "sale"})
    event = commands.do(
        action="trigger", resource="skus", id=sku.id, trigger="add_tags", value="sale"
    )
    assert event["command"]["trigger"] == "add_tags"
    tags = commands.simulator.store.related(sku, "tags")
    assert [tag.get("name") for tag in tags] == ["sale"]


def test_what_a_command_creates_can_be_found_by_its_id(commands: Commands) -> None:
    sku, prices = first(commands.simulator, "skus"), commands.simulator.store.put("price_lists")
    event = commands.do(
        action="create",
        resource="prices",
        attributes={"amount_cents": 100, "sku_code": sku.get("code")},
        relationships={"price_list": {"type": "price_lists", "id": prices.id}},
    )
    assert event["resource"]["reference"] == "c-1"


# --- Refused before or by Commerce Layer --------------------------------------------------------


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no action": ({"resource": "skus"}, "/action"),
    "an action that is none": ({"action": "destroy", "resource": "skus"}, "/action"),
    "a resource that is none": ({"action": "create", "resource": "sku"}, "/resource"),
    "an operation that is none": ({"action": "create", "resource": "captures"}, "/action"),
    "a name that is none": (
        {"action": "create", "resource": "skus", "atributes": {}},
        "/atributes",
    ),
    "an attribute that is none": (
        {"action": "create", "resource": "skus", "attributes": {"nmae": "A"}},
        "/attributes/nmae",
    ),
    "an attribute of another type": (
        {"action": "create", "resource": "stock_items", "attributes": {"quantity": "many"}},
        "/attributes/quantity",
    ),
    "a relationship among attributes": (
        {"action": "create", "resource": "skus", "attributes": {"shipping_category": "x"}},
        "/attributes/shipping_category",
    ),
    "a relationship that is none": (
        {"action": "create", "resource": "skus", "relationships": {"category": "x"}},
        "/relationships/category",
    ),
    "a creation of an id": ({"action": "create", "resource": "skus", "id": "x"}, "/id"),
    "an update of nothing": ({"action": "update", "resource": "skus"}, "/id"),
    "an update of two": (
        {"action": "update", "resource": "skus", "id": "x", "match": {"code": "A"}},
        "/match",
    ),
    "a key that finds nothing": (
        {"action": "update", "resource": "skus", "match": {"cod": "A"}},
        "/match/cod",
    ),
    "a key without a value": (
        {"action": "update", "resource": "skus", "match": {"code": ""}},
        "/match/code",
    ),
    "an upsert of what cannot be given": (
        {"action": "upsert", "resource": "orders", "match": {"status": "placed"}},
        "/match/status",
    ),
    "a trigger that is none": (
        {"action": "trigger", "resource": "orders", "id": "x", "trigger": "aprove"},
        None,  # type: ignore[dict-item]
    ),
    "a trigger without a name": (
        {"action": "trigger", "resource": "orders", "id": "x"},
        "/trigger",
    ),
    "a trigger with a value": (
        {"action": "trigger", "resource": "orders", "id": "x", "trigger": "approve", "value": 1},
        "/value",
    ),
    "an order key for a trigger": (
        {
            "action": "trigger",
            "resource": "orders",
            "id": "x",
            "trigger": "approve",
            "order_key": 1,
        },
        "/order_key",
    ),
    "an order key that is none": (
        {"action": "update", "resource": "skus", "id": "x", "order_key": 1.5},
        "/order_key",
    ),
    "a time that is none": (
        {"action": "update", "resource": "skus", "id": "x", "sent_at": "yesterday"},
        "/sent_at",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_before_a_request_is_spent(commands: Commands, name: str) -> None:
    command, pointer = WRONG[name]
    event = commands.do(**command)
    assert event["topic"] == "command.failed"
    assert event["command"]["outcome"] == "not_done"
    assert reason(event) == ("invalid-request", pointer)
    assert not commands.simulator.requests.matching()
    assert not commands.waiting


def test_near_names_are_named(commands: Commands) -> None:
    command = {"action": "create", "resource": "skus", "attributes": {"nmae": "A"}}
    assert "Did you mean `name`" in commands.do(**command)["command"]["reason"]["detail"]
    command = {"action": "update", "resource": "shipments", "match": {"order_nummer": "1"}}
    detail = commands.do(command_id="c-2", **command)["command"]["reason"]["detail"]
    assert "`order_number`" in detail


def test_the_schema_refuses_nothing_that_the_function_takes(commands: Commands) -> None:
    """And what the schema refuses, the function refuses too."""
    known_to_the_catalog_alone = {
        "a resource that is none", "an operation that is none", "an attribute that is none",
        "an attribute of another type", "a relationship among attributes",
        "a relationship that is none", "a key that finds nothing", "a trigger that is none",
        "an upsert of what cannot be given", "a trigger with a value", "a time that is none",
    }  # fmt: skip
    for name, (command, _) in WRONG.items():
        body = {"command_id": "c-1", "instance": "default", **command}
        assert SCHEMA.is_valid(body) == (name in known_to_the_catalog_alone), name


@pytest.mark.parametrize("body", ["", "[]", "no json", "null", '{"a": ' * 2000, '"x"'])
def test_what_is_no_command_is_told_as_well(commands: Commands, body: str) -> None:
    commands.send(body)
    (event,) = commands.run()
    assert event["instance"] == "unknown"
    assert event["caused_by"] is None
    assert not commands.waiting


@pytest.mark.parametrize("instance", ["nobody", "", "../x", 5, None])
def test_an_instance_that_is_not_ours(commands: Commands, instance: Any) -> None:
    event = commands.do(instance=instance, action="delete", resource="skus", id="x")
    assert event["instance"] == "unknown"
    assert event["caused_by"] == "c-1"
    assert not commands.simulator.requests.matching()


def test_a_refusal_of_commerce_layer_is_told_without_what_it_quotes(commands: Commands) -> None:
    event = commands.do(action="create", resource="customers", attributes={"email": "no address"})
    told = event["command"]["reason"]
    assert (told["category"], told["status"]) == ("request-refused", 422)
    assert told["errors"][0]["source"] == {"pointer": "/data/attributes/email"}
    assert "no address" not in json.dumps(event)


@pytest.mark.parametrize(("count", "said"), [(0, "No customers match"), (2, "2 customers match")])
def test_a_key_must_mean_one_record(commands: Commands, count: int, said: str) -> None:
    for number in range(count):
        attributes = {"email": f"{number}@example.com", "reference": "crm-1"}
        commands.simulator.store.put("customers", attributes)
    event = commands.do(
        action="update",
        resource="customers",
        match={"reference": "crm-1"},
        attributes={"reference": "crm-2"},
    )
    assert reason(event)[0] == "not-one"
    assert event["command"]["reason"]["detail"].startswith(said)
    assert event["command"]["reason"]["errors"][0]["meta"] == {"error": f"{count} match"}
    assert asked(commands, "PATCH") == 0


def test_a_command_from_before_our_memory_is_refused(commands: Commands) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    event = commands.do(
        action="delete", resource="skus", id="x", sent_at=old.isoformat(timespec="seconds")
    )
    assert reason(event)[0] == "too-old"


# --- Repeats ------------------------------------------------------------------------------------


def test_a_message_that_comes_twice_is_done_once(commands: Commands) -> None:
    command = {
        "command_id": "c-1", "instance": "default", "action": "create", "resource": "customers",
        "attributes": {"email": "ada@example.com"},
    }  # fmt: skip
    commands.send(command, {**command, "sent_at": f"{datetime.now(UTC):%Y-%m-%d}"})
    one, two = commands.run()
    assert one["id"] == two["id"]
    assert one["resource"] == two["resource"]
    assert asked(commands, "POST", "/api/") == 1


def test_a_refusal_that_comes_twice_is_asked_once(commands: Commands) -> None:
    command = {"action": "create", "resource": "customers", "attributes": {"email": "no address"}}
    one, two = commands.do(**command), commands.do(**command)
    assert (one["id"], one["command"]) == (two["id"], two["command"])
    assert asked(commands, "POST", "/api/") == 1


def test_another_command_under_the_same_id_is_refused(commands: Commands) -> None:
    command = {"action": "create", "resource": "customers"}
    done = commands.do(**command, attributes={"email": "ada@example.com"})
    other = commands.do(**command, attributes={"email": "eve@example.com"})
    assert reason(other)[0] == "key-reused"
    assert other["id"] != done["id"]


def test_an_event_of_eventbridge_carries_the_same_command(commands: Commands) -> None:
    command = {
        "command_id": "c-1", "instance": "default", "action": "create", "resource": "customers",
        "attributes": {"email": "ada@example.com"},
    }  # fmt: skip
    wrapped = {"detail-type": "commerce-layer.command", "time": "2026-11-20T00:00:00Z",
               "source": "erp", "detail": command}  # fmt: skip
    commands.send(wrapped, command)
    one, two = commands.run()
    assert one["id"] == two["id"]


def test_an_old_event_of_eventbridge_is_refused() -> None:
    body = {"detail-type": "commerce-layer.command", "time": "2020-01-01T00:00:00Z", "detail": {}}
    record = {"body": json.dumps(body), "attributes": {"SentTimestamp": "1795000000000"}}
    assert Message.of(record).sent_at == "2020-01-01T00:00:00Z"
    with pytest.raises(InvalidRequest):
        Message.of(record).parse()


# --- Order --------------------------------------------------------------------------------------


def ordered(commands: Commands, key: Any, **attributes: Any) -> dict[str, Any]:
    sku = first(commands.simulator, "skus")
    return commands.do(
        command_id=f"c-{key}-{len(attributes)}",
        action="update",
        resource="skus",
        match={"code": sku.get("code")},
        attributes=attributes,
        order_key=key,
    )


def test_what_is_older_is_dropped_by_attribute(commands: Commands) -> None:
    ordered(commands, 2, name="new")
    partly = ordered(commands, 1, name="old", description="first")
    assert partly["command"] | {"outcome": "done", "superseded": ["name"]} == partly["command"]
    whole = ordered(commands, 1, name="older")
    assert whole["topic"] == "command.succeeded"
    assert whole["command"]["outcome"] == "superseded"
    sku = first(commands.simulator, "skus")
    assert (sku.get("name"), sku.get("description")) == ("new", "first")
    assert asked(commands, "PATCH") == 2
    assert ordered(commands, 3, name="newest")["command"]["outcome"] == "done"


def test_a_repeat_of_what_was_dropped_is_told_alike(commands: Commands) -> None:
    ordered(commands, 2, name="new")
    one, two = ordered(commands, 1, name="old"), ordered(commands, 1, name="old")
    assert (one["id"], one["command"]) == (two["id"], two["command"])


def test_what_was_refused_leaves_no_order_behind(commands: Commands) -> None:
    sku = first(commands.simulator, "skus").id
    update = {"action": "update", "resource": "skus", "id": sku}
    failed = commands.do(command_id="c-1", attributes={"name": ""}, order_key=9, **update)
    assert failed["command"]["outcome"] == "not_done"
    done = commands.do(command_id="c-2", attributes={"name": "A"}, order_key=1, **update)
    assert done["command"]["outcome"] == "done"


def test_order_keys_are_of_one_kind(commands: Commands) -> None:
    ordered(commands, 2, name="new")
    assert reason(ordered(commands, "2026-03-01", name="newer")) == (
        "invalid-request",
        "/order_key",
    )
    assert ordered(commands, 3, name="newest")["command"]["outcome"] == "done"


# --- Waiting ------------------------------------------------------------------------------------


CREATE = {
    "command_id": "c-1", "instance": "default", "action": "create", "resource": "customers",
    "attributes": {"email": "ada@example.com"},
}  # fmt: skip


def test_throttling_is_waiting(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "COMMAND_SECONDS", 0.0)
    commands.simulator.faults.add("429", method="POST", path="/api/customers")
    commands.send(CREATE)
    for _ in range(5):
        assert commands.run(milliseconds=2_000) == []
    assert commands.delays == sorted(commands.delays)
    assert commands.delays[0] > 10
    commands.simulator.faults.clear()
    (event,) = commands.run()
    assert event["command"]["outcome"] == "done"


def test_what_there_is_no_time_for_comes_again(commands: Commands) -> None:
    commands.send(CREATE)
    assert commands.run(milliseconds=20_000) == []
    assert not commands.simulator.requests.matching()
    assert len(commands.run()) == 1


@pytest.mark.parametrize("fault", ["503", "reset", "slow"])
def test_commerce_layer_has_a_bad_day(commands: Commands, fault: str) -> None:
    """While it cannot be asked for a token, nothing is sent and nothing is told."""
    commands.simulator.faults.add(fault, path="/oauth/token", delay=0.1)
    commands.send(CREATE)
    events = commands.run(milliseconds=36_000)
    assert bool(events) == (fault == "slow")
    commands.simulator.faults.clear()
    assert len([*events, *commands.run()]) == 1


@pytest.mark.parametrize("fault", ["reset_after", "truncate"])
def test_a_lost_answer_is_read_back(commands: Commands, fault: str) -> None:
    commands.simulator.faults.add(fault, method="POST", path="/api/customers", times=1)
    commands.send(CREATE)
    assert commands.run() == []
    assert commands.delays
    (event,) = commands.run()
    assert event["command"]["outcome"] == "done"
    assert event["resource"]["email"] == "ada@example.com"
    assert asked(commands, "POST", "/api/customers") == 1


def test_a_failing_message_does_not_hold_up_the_others(commands: Commands) -> None:
    commands.simulator.faults.add("reset", method="POST", path="/api/customers")
    commands.send(CREATE, {**CREATE, "command_id": "c-2", "resource": "nothing"})
    (event,) = commands.run()
    assert event["caused_by"] == "c-2"
    assert len(commands.waiting) == 1


@pytest.mark.parametrize("fault", ["reset_after", "reset", "500", "504"])
def test_money_is_moved_once(commands: Commands, checkout: Checkout, fault: str) -> None:
    order = checkout.approved(cents=1000, quantity=2)
    (authorization,) = checkout.transactions(order, "authorizations")
    commands.simulator.faults.add(fault, method="PATCH", path="/api/authorizations/*", times=1)
    command = {
        "instance": "default", "action": "trigger", "resource": "authorizations",
        "id": authorization["id"], "trigger": "capture",
        "attributes": {"_capture_amount_cents": 500},
    }  # fmt: skip
    commands.send({**command, "command_id": "c-1"}, {**command, "command_id": "c-2"})
    assert commands.run() == [], "the second one waits for the turn of the first"
    events = [*commands.run(), *commands.run()]
    assert {event["caused_by"]: event["command"]["outcome"] for event in events} == {
        "c-1": "done",
        "c-2": "done",
    }
    captures = checkout.transactions(order, "captures")
    assert [each["attributes"]["amount_cents"] for each in captures] == [500, 500]


def test_money_that_somebody_else_moved_meanwhile(commands: Commands, checkout: Checkout) -> None:
    """Whether ours was done cannot be told: it is unknown, and never sent again."""
    order = checkout.approved(cents=1000, quantity=2)
    (authorization,) = checkout.transactions(order, "authorizations")
    commands.simulator.faults.add("reset", method="PATCH", path="/api/authorizations/*", times=1)
    command = {"action": "trigger", "resource": "authorizations", "id": authorization["id"],
               "trigger": "capture", "attributes": {"_capture_amount_cents": 500}}  # fmt: skip
    commands.send({"command_id": "c-1", "instance": "default", **command})
    assert commands.run() == []
    checkout.fire("authorizations", authorization["id"], "_capture", _capture_amount_cents=700)
    (event,) = commands.run()
    assert event["command"]["outcome"] == "unknown"
    assert commands.do(**command)["id"] == event["id"]
    assert len(checkout.transactions(order, "captures")) == 1


def test_the_echo_of_a_write_is_remembered(commands: Commands) -> None:
    event = commands.do(**{k: CREATE[k] for k in ("action", "resource", "attributes")})
    echoes = Echoes(aws.client("dynamodb"), "table")
    assert echoes.cause("default", event["change"]) == "c-1"
    assert echoes.cause("other", event["change"]) is None


def test_the_table_keeps_no_customer_data(commands: Commands) -> None:
    commands.do(action="upsert", resource="customers", match={"email": "ada@example.com"})
    items = aws.client("dynamodb").scan(TableName="table")["Items"]
    assert items
    assert "ada@" not in str(items)
