"""The schemas of docs/events: they agree with each other, and they tell right from wrong."""

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connector.event_bus import Source, envelope
from tests.events import faults, schema_of, schemas

STAMP = "2026-03-01T12:00:00.123Z"


def event(**changes: Any) -> dict[str, Any]:
    source = Source("default", "webhook", "c", mode="test")
    record = {"type": "orders", "id": "x", "updated_at": STAMP}
    detail = envelope(source, "orders.place", "a" * 64, record, STAMP) | changes
    return {
        "source": "commerce-layer.default",
        "detail-type": "orders.place",
        "detail": copy.deepcopy(detail),
    }


def test_every_schema_is_one_and_describes_the_whole_envelope() -> None:
    """An origin may add a field of its own, as commands do: that is no other version."""
    for name, each in schemas().items():
        schema: Any = each.schema
        Draft202012Validator.check_schema(schema)
        assert set(schema["required"]) == set(schema["properties"]), name
        assert set(schema["required"]) >= set(event()["detail"]), name
        assert schema["additionalProperties"] is False, name
        assert schema["properties"]["version"] == {"const": "1"}, name


def test_every_event_has_one_schema() -> None:
    assert schema_of("webhook", "orders.place") is schemas()["webhook"]
    assert schema_of("sync", "orders.changed") is schemas()["changed"]
    assert schema_of("sync", "orders.deleted") is schemas()["deleted"]
    with pytest.raises(AssertionError, match="not one"):
        schema_of("rumour", "orders.place")


def test_a_right_event_has_no_faults() -> None:
    assert faults(event()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "A" * 64},
        {"id": "a"},
        {"version": "2"},
        {"instance": "other"},
        {"origin": "rumour"},
        {"topic": "orders.changed"},
        {"mode": "production"},
        {"occurred_at": "2026-03-01T12:00:00Z"},
        {"change": {"type": "orders", "id": "x"}},
        {"resource": {"type": "orders"}},
        {"payload": {"bucket": "b", "key": "k", "size": 0, "sha256": "a" * 64}},
        {"payload": {"bucket": "b", "key": "k", "size": 1, "sha256": "a" * 64}},  # and the record
        {"secret": "x"},
    ],
)
def test_a_wrong_event_is_found(changes: dict[str, Any]) -> None:
    assert faults(event(**changes))
