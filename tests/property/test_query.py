"""Whatever stands in a filter arrives as it was."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from connector.commerce_layer.query import Query

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]))


@given(filters=st.dictionaries(NAMES, VALUES), sort=st.lists(NAMES, max_size=3))
def test_values_survive_the_way_and_touch_nothing_else(
    filters: dict[str, str], sort: list[str]
) -> None:
    text = Query(filters=filters, sort=tuple(sort), page_number=1).encode()
    assert text.isascii()
    expected = [(f"filter[q][{name}]", value) for name, value in filters.items()]
    expected += [("sort", ",".join(sort))] if sort else []
    expected.append(("page[number]", "1"))
    assert parse_qsl(text, keep_blank_values=True, strict_parsing=True) == expected
