"""Event ids and the envelope, which are pure."""

from hypothesis import given
from hypothesis import strategies as st

from connector.event_bus import Source, envelope, version_id

TEXTS = st.text(max_size=6)
PARTS = st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)


def test_the_id_of_a_version_stays_what_it_is() -> None:
    """Consumers remember ids: another way to compute them would double everything once."""
    parts = ("default", "orders", "orders", "xYZkjABcde", "2026-03-01T12:00:00.123Z")
    assert version_id(*parts) == (
        "2c5baa27046d30a07e19a111f9ddc5626f6d17ccee1e42482f2aed77020e3146"
    )


@given(one=PARTS, other=PARTS)
def test_only_the_same_version_has_the_same_id(
    one: tuple[str, str, str, str, str], other: tuple[str, str, str, str, str]
) -> None:
    assert (version_id(*one) == version_id(*other)) == (one == other)


def test_moving_a_letter_between_two_parts_changes_the_id() -> None:
    assert version_id("a", "bc", "t", "i", "u") != version_id("ab", "c", "t", "i", "u")
    assert version_id('a","b', "c", "t", "i", "u") != version_id("a", 'b","c', "t", "i", "u")


def test_the_envelope_says_which_version_of_which_record_it_is() -> None:
    source = Source("default", "sync", "c-1", organization="demo", mode="test", stream="orders")
    order = {"id": "x", "type": "orders", "updated_at": "2026-03-01T12:00:00.123Z", "number": "1"}
    assert envelope(source, "orders.changed", "e-1", order, "2026-03-01T12:00:01.000Z") == {
        "version": "1",
        "id": "e-1",
        "instance": "default",
        "organization": "demo",
        "mode": "test",
        "origin": "sync",
        "stream": "orders",
        "topic": "orders.changed",
        "occurred_at": "2026-03-01T12:00:00.123Z",
        "received_at": "2026-03-01T12:00:01.000Z",
        "change": {"type": "orders", "id": "x", "updated_at": "2026-03-01T12:00:00.123Z"},
        "resource": order,
        "payload": None,
        "caused_by": None,
        "correlation_id": "c-1",
    }
