"""Every resource of the catalog does what the catalog says it does, with generated documents."""

from typing import Any

import pytest

from connector.commerce_layer import catalog
from local.simulator.behaviour.computed import RETRIEVED
from tests.conformance.shop import STAMP, Shop

RESOURCES = [catalog.resource(kind) for kind in catalog.types()]
CREATABLE = [each.type for each in RESOURCES if "create" in each.operations]
FIXED = [
    each.type
    for each in RESOURCES
    if "create" not in each.operations and "list" in each.operations and not each.variants
]
# They are done by the time that they can be read.
BEGUN = {"order_copies", "recurring_order_copies"}
BASES = [each.type for each in RESOURCES if each.variants]


@pytest.fixture(scope="module", autouse=True)
def _still(shared: Shop) -> None:
    """A job that is read stands where it stood when it was created."""
    shared.simulator.hold_jobs()


@pytest.mark.parametrize("kind", CREATABLE)
def test_create_retrieve_list_update_delete(shared: Shop, kind: str) -> None:
    document = shared.document(kind, full=True)
    answer = shared.post(kind, document)
    assert answer.status_code == 201, answer.text
    created = answer.json()["data"]
    assert created["type"] == kind
    assert_written(kind, document, created)

    path = f"{kind}/{created['id']}"
    read = shared.get(path).json()["data"]
    if kind in BEGUN:
        created = read
    assert read == created
    assert read["links"]["self"] == f"{shared.simulator.api_url}/{path}"

    listed = shared.get(kind, **{"filter[q][id_eq]": created["id"]}).json()
    assert listed["data"] == [as_listed(created)]
    assert listed["meta"]["record_count"] == 1

    changed = shared.patch(kind, created["id"], reference="erp-1", metadata={"erp": 1})
    assert changed.status_code == 200, changed.text
    attributes = changed.json()["data"]["attributes"]
    assert (attributes["reference"], attributes["metadata"]) == ("erp-1", {"erp": 1})
    assert attributes["updated_at"] >= created["attributes"]["updated_at"]
    assert attributes["created_at"] == created["attributes"]["created_at"]

    deleted = shared.http.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    gone = shared.get(path)
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (404, "RECORD_NOT_FOUND")
    assert shared.ids(kind, **{"filter[q][id_eq]": created["id"]}) == []


def as_listed(created: dict[str, Any]) -> dict[str, Any]:
    """Without what only the answer for a single record tells."""
    alone = RETRIEVED.get(created["type"], {})
    attributes = {k: v for k, v in created["attributes"].items() if k not in alone}
    return {**created, "attributes": attributes}


def assert_written(kind: str, document: dict[str, Any], created: dict[str, Any]) -> None:
    """What was written is what is read."""
    known = catalog.resource(kind).attributes
    for name, value in document["attributes"].items():
        if known[name].fetchable:
            assert created["attributes"][name] == value, name
    readable = {name for name, attribute in known.items() if attribute.fetchable}
    assert set(created["attributes"]) == readable
    assert set(created["relationships"]) == set(catalog.resource(kind).relationships)


@pytest.mark.parametrize("kind", FIXED)
def test_what_no_client_creates_is_listed_and_retrieved(shared: Shop, kind: str) -> None:
    record = shared.simulator.store.put(kind)
    assert shared.get(f"{kind}/{record.id}").json()["data"]["id"] == record.id
    assert record.id in shared.ids(kind, **{"page[size]": 25, "sort": "-id"})
    refused = shared.post(kind, {"type": kind})
    assert (refused.status_code, refused.json()["errors"][0]["status"]) == (405, "405")


@pytest.mark.parametrize("kind", BASES)
def test_a_base_type_lists_its_variants(shared: Shop, kind: str) -> None:
    made = {(each, shared.simulator.store.put(each).id) for each in catalog.resource(kind).variants}
    ids = ",".join(identifier for _, identifier in made)
    listed = shared.get(kind, **{"filter[q][id_in]": ids, "page[size]": 25}).json()["data"]
    assert {(each["type"], each["id"]) for each in listed} == made
    for variant, identifier in made:
        assert shared.get(f"{kind}/{identifier}").json()["data"]["type"] == variant


def test_the_type_attribute_of_a_variant_is_its_type(shared: Shop) -> None:
    kinds = [each.type for each in RESOURCES if "type" in each.attributes and not each.variants]
    for kind in kinds:
        record = shared.simulator.store.put(kind)
        assert shared.get(f"{kind}/{record.id}").json()["data"]["attributes"]["type"] == kind


@pytest.mark.parametrize("path", ["organization", "application"])
def test_singletons_live_at_their_singular_path(shared: Shop, path: str) -> None:
    data = shared.get(path).json()["data"]
    assert data["type"] == f"{path}s"
    assert shared.get(f"{path}s").status_code == 404


def test_the_application_is_the_one_of_the_token(shared: Shop) -> None:
    assert shared.get("application").json()["data"]["attributes"]["name"] == "demo-client"


def test_stamps_are_printed_in_milliseconds(shared: Shop) -> None:
    sku = shared.create("skus")
    assert len(sku["attributes"]["updated_at"]) == len(STAMP)


def test_a_version_in_the_path_stays_in_the_links(shared: Shop) -> None:
    data = shared.http.get(f"{shared.simulator.url}/api/2017-08/skus").json()["data"]
    assert data[0]["links"]["self"].startswith(f"{shared.simulator.url}/api/2017-08/skus/")
