"""Queries as Commerce Layer's own clients write them."""

import pytest

from connector.commerce_layer.query import Query
from connector.errors import InvalidRequest


def test_everything_at_once() -> None:
    query = Query(
        filters={"updated_at_gteq": "2026-01-01T00:00:00.000Z", "metadata_jcont": '{"a":"b c"}'},
        include=("line_items", "line_items.item"),
        fields={"orders": ("number", "line_items")},
        sort=("-updated_at", "id"),
        page_size=25,
        page_number=1,
    )
    assert query.encode() == (
        "filter%5Bq%5D%5Bupdated_at_gteq%5D=2026-01-01T00%3A00%3A00.000Z"
        "&filter%5Bq%5D%5Bmetadata_jcont%5D=%7B%22a%22%3A%22b+c%22%7D"
        "&fields%5Borders%5D=number%2Cline_items"
        "&include=line_items%2Cline_items.item"
        "&sort=-updated_at%2Cid"
        "&page%5Bsize%5D=25&page%5Bnumber%5D=1"
    )


def test_nothing() -> None:
    assert Query().encode() == ""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"filters": {"a]&b[": "1"}}, r"filter: 'a\]&b\[' is not a name"),
        ({"filters": {"": "1"}}, "filter: '' is not a name"),
        ({"include": ("a..b",)}, "include"),
        ({"include": ("a,b",)}, "include"),
        ({"fields": {"orders": ("a b",)}}, "fields"),
        ({"fields": {"Orders": ()}}, "fields"),
        ({"sort": ("--id",)}, "sort"),
        ({"page_size": 26}, r"page\[size\] is 26: it must be 1 to 25"),
        ({"page_size": 0}, r"page\[size\] is 0"),
        ({"page_number": 0}, "pages count from 1"),
    ],
)
def test_what_the_api_could_not_understand_is_not_sent(
    query: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        Query(**query)  # type: ignore[arg-type]  # wrong on purpose
