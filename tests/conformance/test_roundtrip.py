"""What was written is what is read, whatever it was: values drawn for every resource."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute
from local.simulator.validation import NATURAL_KEYS, rules
from tests.conformance.shop import Shop

UPDATABLE = [
    kind
    for kind in catalog.types()
    if {"create", "update"} <= catalog.resource(kind).operations
    # Their records are done, or refuse changes, as soon as they are made.
    and kind not in ("order_copies", "recurring_order_copies")
]
# They name other records, or relationships.
BY_KEY = {
    *NATURAL_KEYS,
    *("coupon_code", "gift_card_code", "gift_card_or_coupon_code"),
    "include_resources",
}
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
STAMPS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "integer": st.integers(-(2**53), 2**53),
    "float": st.floats(-1e12, 1e12, allow_nan=False).map(lambda number: number + 0.0),
    "boolean": st.booleans(),
    "datetime": STAMPS.map(lambda at: at.isoformat(timespec="milliseconds")[:-6] + "Z"),
    "object": st.dictionaries(TEXT, JSON, max_size=3),
    "array": st.lists(JSON, min_size=1, max_size=3),
}


def free(kind: str) -> list[Attribute]:
    """What may be changed and read, and is tied to nothing else by a rule of its own."""
    bound = {rule.name for rule in rules.of(kind)} | BY_KEY
    conditions = " ".join(str(rule.operand) for rule in rules.of(kind))
    return [
        each
        for each in catalog.resource(kind).attributes.values()
        if each.updatable and each.fetchable and not each.enum
        if each.name not in bound and each.name not in conditions
    ]


@pytest.fixture(scope="module")
def made(shared: Shop) -> dict[str, str]:
    """A record of each type."""
    shared.simulator.hold_jobs()
    return {kind: shared.create(kind)["id"] for kind in UPDATABLE}


@pytest.mark.parametrize("kind", UPDATABLE)
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_was_written_is_what_is_read(
    shared: Shop, made: dict[str, str], kind: str, data: st.DataObject
) -> None:
    names = data.draw(st.sets(st.sampled_from(free(kind)), min_size=1, max_size=6))
    written = {each.name: data.draw(st.none() | VALUES[each.type], each.name) for each in names}
    answer = shared.patch(kind, made[kind], **written)
    assert answer.status_code == 200, json.dumps(answer.json()["errors"])
    read = shared.get(f"{kind}/{made[kind]}").json()["data"]["attributes"]
    assert {name: read[name] for name in written} == written
