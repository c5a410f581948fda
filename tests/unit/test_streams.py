"""What streams.toml declares, and what it may not say."""

from datetime import UTC, datetime, timedelta

import pytest

from connector import streams
from connector.commerce_layer import catalog
from connector.errors import ConfigurationError, InvalidRequest


def test_the_declared_streams_are_these() -> None:
    assert streams.names() == (
        "orders",
        "customers",
        "shipments",
        "parcels",
        "returns",
        "authorizations",
        "captures",
        "refunds",
        "voids",
        "skus",
        "prices",
        "stock_items",
        "price_lists",
        "markets",
    )


@pytest.mark.parametrize("name", streams.names())
def test_a_declared_stream_asks_for_what_the_api_has(name: str) -> None:
    stream = streams.find(name)
    resource = catalog.resource(stream.resource)
    assert "list" in resource.operations
    for path in stream.query.include:
        here = resource
        for step in path.split("."):
            assert here.relationships[step].fetchable
            here = catalog.resource(here.relationships[step].types[0])


def test_defaults_are_a_minute_of_overlap_and_a_quarter_of_an_hour_to_settle() -> None:
    stream = streams.parse("[orders]")["orders"]
    assert stream.resource == "orders"
    assert stream.overlap == timedelta(seconds=60)
    assert stream.settle == timedelta(minutes=15)
    assert stream.first == "now"
    assert stream.deletions is None


def test_everything_may_be_said() -> None:
    stream = streams.parse(
        """
        [placed]
        resource = "orders"
        filter = { status_eq = "placed" }
        include = ["market"]
        overlap = 30
        settle = 600
        deletions = 12
        first = 2026-01-31
        """
    )["placed"]
    assert stream.resource == "orders"
    assert stream.query.filters == {"status_eq": "placed"}
    assert stream.query.include == ("market",)
    assert (stream.overlap, stream.settle) == (timedelta(seconds=30), timedelta(minutes=10))
    assert stream.first == datetime(2026, 1, 31, tzinfo=UTC)
    assert stream.deletions == timedelta(hours=12)


def test_the_fingerprint_follows_resource_and_filter_alone() -> None:
    def fingerprint(text: str) -> str:
        return streams.parse(f"[s]\n{text}")["s"].fingerprint

    plain = fingerprint('resource = "orders"')
    assert fingerprint('resource = "orders"\ninclude = ["market"]\noverlap = 5') == plain
    assert fingerprint('resource = "skus"') != plain
    assert fingerprint('resource = "orders"\nfilter = { status_eq = "placed" }') != plain


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[orders", "not TOML"),
        ("orders = 1", "stream orders: it must be a table"),
        ("[orders]\ninclud = []", "includ is not a key; there are deletions, filter, first"),
        ("[orders]\nresource = 1", "resource must be text"),
        ("[orders]\nfilter = { status_eq = 1 }", "filter must be a table of texts"),
        ("[orders]\nfilter = { updated_at_gt = '2026' }", "filter must leave updated_at"),
        ("[orders]\nfilter = { id_in = 'a' }", "filter must leave updated_at and id"),
        ("[orders]\nfilter = { 'a b' = 'c' }", "'a b' is not a name"),
        ("[orders]\ninclude = 'market'", "include must be a list"),
        ("[orders]\noverlap = 0", "overlap must be seconds, at least 1"),
        ("[orders]\nsettle = true", "settle must be seconds, at least 60"),
        ("[orders]\ndeletions = '1 day'", "deletions must be hours, at least 0"),
        ("[orders]\nfirst = 'soon'", '\'soon\' is no beginning: use "now", "full"'),
    ],
)
def test_a_mistake_is_named_with_its_stream_and_key(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        streams.parse(text)
    assert complaint in str(caught.value)


def test_an_unknown_stream_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(InvalidRequest, match=r"Unknown stream 'order'\. Did you mean orders\?"):
        streams.find("order")


def test_a_beginning_is_now_everything_or_a_date() -> None:
    assert streams.beginning("now") == "now"
    assert streams.beginning("full") == datetime(1970, 1, 1, tzinfo=UTC)
    assert streams.beginning("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("name", streams.names())
def test_deletions_are_looked_for_where_no_webhook_tells_of_them(name: str) -> None:
    """And where records are of the type that the stream is named after."""
    stream = streams.find(name)
    resource = catalog.resource(stream.resource)
    catalogue = name in ("skus", "prices", "stock_items", "price_lists", "markets")
    assert (stream.deletions is not None) == catalogue
    if stream.deletions:
        assert not resource.variants
        assert "delete" in resource.operations
