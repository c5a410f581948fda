"""Where every attribute that no client writes comes from, and that it is of its type."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute
from local.simulator import Simulator, relations
from local.simulator.behaviour.computed import COMPUTED, RETRIEVED, origins
from local.simulator.behaviour.kept import KEPT
from local.simulator.store import Record, Store
from tests.conformance.shop import Shop

TYPES = {
    "string": str,
    "integer": int,
    "float": (int, float),
    "boolean": bool,
    "datetime": str,
    "object": dict,
    "array": list,
}
# What `event_stores` shows are the changes that requests made, not records of the store.
READABLE = [
    kind
    for kind in catalog.types()
    if "retrieve" in catalog.resource(kind).operations
    and not catalog.resource(kind).variants
    and kind != "event_stores"
]
PRICED = [
    kind
    for kind in READABLE
    if any(each.derived_money for each in catalog.resource(kind).attributes.values())
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Shop]:
    with Simulator(seed=5) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


@pytest.fixture
def store(shared: Shop) -> Store:
    return shared.simulator.store


def read(shop: Shop, record: Record, **query: Any) -> dict[str, Any]:
    answer = shop.get(f"{record.type}/{record.id}", **query)
    assert answer.status_code == 200, answer.text
    attributes: dict[str, Any] = answer.json()["data"]["attributes"]
    return attributes


def test_of_every_attribute_that_no_client_writes_the_origin_is_known() -> None:
    found = Counter(origins.origin(kind, each.name) for kind, each in origins.unwritable())
    assert set(found) == set(origins.CLASSES), found
    assert found.total() == 660


def test_the_origins_name_only_what_exists() -> None:
    for table in origins.declared().values():
        for kind, names in table.items():
            for name in names:
                assert name in {
                    each.name
                    for other, each in origins.unwritable()
                    if kind in (other, "everywhere")
                }


@pytest.mark.parametrize("table", [COMPUTED, KEPT, RETRIEVED])
def test_only_attributes_that_no_client_writes_are_derived(table: Any) -> None:
    # The inputs of an import are kept packed.
    others = {("shipments", "number"), ("imports", "inputs")}
    known = {(kind, each.name) for kind, each in origins.unwritable()} | others
    assert {(kind, name) for kind, names in table.items() for name in names} <= known


def test_the_organization_has_the_documented_defaults(shared: Shop) -> None:
    attributes = shared.get("organization").json()["data"]["attributes"]
    for each in catalog.resource("organizations").attributes.values():
        if each.default is not None:
            assert attributes[each.name] == each.default, each.name
    assert attributes["domain"] == f"{attributes['slug']}.commercelayer.io"


def test_what_only_others_could_answer_is_null_and_constants_are_constant(store: Store) -> None:
    for kind, attribute in origins.unwritable():
        origin = origins.origin(kind, attribute.name)
        values = [record.get(attribute.name) for record in store.all(kind)]
        if origin == "null":
            assert values == [None] * len(values), (kind, attribute.name)
        if origin == "constant":
            assert all(value == values[0] for value in values), (kind, attribute.name)


# --- types


def fits(attribute: Attribute, value: Any) -> bool:
    if value is None:
        return True
    of_type = isinstance(value, TYPES[attribute.type])  # type: ignore[arg-type]
    return of_type and (not attribute.enum or value in attribute.enum)


def filled(shop: Shop, kind: str) -> dict[str, Any]:
    return {
        each.name: shop.value(kind, each.name)
        for each in catalog.resource(kind).attributes.values()
        if each.creatable or each.updatable
    }


@pytest.fixture(scope="module")
def full() -> Iterator[tuple[Shop, dict[str, Record]]]:
    """One record of every type, with all that may be written, all related to each other."""
    with Simulator() as simulator:
        shop, store = Shop(simulator), simulator.store
        records = {
            kind: store.put(kind, filled(shop, kind))
            for kind in catalog.types()
            if not catalog.resource(kind).variants
        }
        for kind, record in records.items():
            links = {
                name: records[
                    min(relations.allowed_types(kind, name) & set(records), key=len, default=kind)
                ]
                for name, each in catalog.resource(kind).relationships.items()
                if not each.many and relations.allowed_types(kind, name) & set(records)
            }
            store.change(record, {}, links)
        yield shop, records
        shop.close()


@pytest.mark.parametrize("kind", READABLE)
def test_a_full_record_prints_as_the_catalog_says(
    full: tuple[Shop, dict[str, Record]], kind: str
) -> None:
    shop, records = full
    resource = catalog.resource(kind)
    path = resource.path if resource.singleton else f"{kind}/{records[kind].id}"
    attributes = shop.get(path).json()["data"]["attributes"]
    known = resource.attributes
    assert {name for name, value in attributes.items() if not fits(known[name], value)} <= {
        "imports_trigger_webhooks"  # a boolean that the catalog calls an integer
    }
    derived = {*COMPUTED.get(kind, {}), *KEPT.get(kind, {}), *RETRIEVED.get(kind, {})}
    assert derived <= set(attributes)


@pytest.mark.parametrize("kind", [k for k in READABLE if not catalog.resource(k).singleton])
def test_an_empty_record_prints_as_well(shared: Shop, store: Store, kind: str) -> None:
    attributes = read(shared, store.put(kind))
    known = catalog.resource(kind).attributes
    assert all(fits(known[name], value) for name, value in attributes.items())


@pytest.mark.parametrize("kind", PRICED)
def test_the_three_forms_of_an_amount_agree(
    full: tuple[Shop, dict[str, Record]], kind: str
) -> None:
    shop, records = full
    resource = catalog.resource(kind)
    amounts = [each.name for each in resource.attributes.values() if each.derived_money]
    attributes = read(shop, records[kind])
    for name in amounts:
        stem = name.removesuffix("_float").removesuffix("_cents").removeprefix("formatted_")
        cents = attributes[f"{stem}_cents"]
        if cents is None:
            assert attributes[name] is None
        elif name.startswith("formatted_"):
            digits = "".join(each for each in attributes[name] if each in "-0123456789")
            assert attributes[name].startswith(("-€", "€"))
            assert int(digits) == cents
        elif name.endswith("_float"):
            assert attributes[name] == pytest.approx(cents / 100)
