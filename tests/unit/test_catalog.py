"""The catalog answers what the connector asks of it."""

import subprocess
import sys

import pytest

from connector.commerce_layer import catalog


def test_it_knows_every_resource_by_type_and_by_path() -> None:
    assert len(catalog.types()) == 135
    assert catalog.resource("organization") is catalog.resource("organization")
    assert catalog.resource("organization").type == "organizations"
    assert catalog.resource("organizations").singleton
    assert not catalog.resource("skus").singleton
    assert catalog.known("skus")
    assert not catalog.known("skuz")
    with pytest.raises(KeyError):
        catalog.resource("skuz")


def test_an_order_has_its_triggers_attributes_and_relationships() -> None:
    order = catalog.resource("orders")
    assert order.triggers["_place"].type == "boolean"
    assert order.triggers["_place"].updatable
    assert "placed" in order.attributes["status"].enum
    assert order.attributes["updated_at"].sortable
    assert order.attributes["updated_at"].filterable
    assert order.relationships["line_items"].many
    assert catalog.resource("prices").attributes["amount_cents"].required
    assert len(order.relationships["payment_source"].types) > 1


@pytest.mark.parametrize(
    ("name", "cached"), [("skus", True), ("prices", True), ("orders", False), ("nothing", False)]
)
def test_cacheable_resources_have_limits_of_their_own(name: str, *, cached: bool) -> None:
    assert catalog.cacheable(name) is cached


def test_near_names_for_a_slip_of_the_pen() -> None:
    assert catalog.nearest("order")[0] == "orders"
    assert catalog.nearest("zzzzzz") == []


def test_asking_it_loads_no_http_client() -> None:
    code = (
        "import sys; sys.path.insert(0, 'layers/connector');"
        "from connector.commerce_layer import catalog; catalog.resource('orders');"
        "sys.exit(any(name in sys.modules for name in ('httpx', 'httpcore', 'botocore')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
