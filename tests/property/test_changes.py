"""Reading changes meets every record, whatever moves between two pages."""

from datetime import timedelta
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.commerce_layer import changes
from tests.property.list_model import BEGINNING, Lists, keys, read_all

# Small pages, so that few records make many pages; few milliseconds, so that records share them.
SIZES = st.integers(1, 4)
STAMPS = st.lists(st.integers(0, 12_000), min_size=1, max_size=40)  # microseconds
# Between two pages: how long it takes, which records change, and how late each commits.
WRITES = st.tuples(st.integers(0, 45), st.sampled_from([0.0, 0.0, 0.0, 0.3, 5.0]))
STEPS = st.lists(st.tuples(st.floats(0, 2), st.lists(WRITES, max_size=4)), min_size=1, max_size=60)


def shop(stamps: list[int], size: int) -> Lists:
    lists = Lists(size=size)
    for number, microseconds in enumerate(stamps):
        lists.write(number, stamp=BEGINNING + timedelta(microseconds=microseconds))
    lists.pass_time(3600)
    return lists


@given(stamps=STAMPS, size=SIZES, steps=STEPS)
@settings(max_examples=400, deadline=None)
def test_a_read_leaves_nothing_behind_where_it_says_to_have_been(
    stamps: list[int], size: int, steps: list[tuple[float, list[tuple[int, float]]]]
) -> None:
    lists = shop(stamps, size)
    began = lists.now
    met: set[tuple[str, str]] = set()
    with patch.object(changes, "PAGE_SIZE", size):
        for page, (seconds, writes) in zip(
            read_all(lists, BEGINNING), [*steps, *[(1.0, [])] * 500], strict=False
        ):
            met |= keys(page)
            behind = {
                v.key
                for v in lists.visible.values()
                if v.stamp < page.read_until and v.committed <= began
            }
            assert behind <= met
            lists.pass_time(seconds)
            for number, late in writes:
                lists.write(number, commit_after=late)
    assert page.last
    assert page.read_until == page.start == began.replace(microsecond=0)


@given(stamps=STAMPS, size=SIZES, window=st.tuples(st.integers(0, 13), st.integers(0, 13)))
@settings(max_examples=300, deadline=None)
def test_a_bounded_read_gives_its_window_and_nothing_else(
    stamps: list[int], size: int, window: tuple[int, int]
) -> None:
    lists = shop(stamps, size)
    since, until = (BEGINNING + timedelta(milliseconds=ms) for ms in sorted(window))
    with patch.object(changes, "PAGE_SIZE", size):
        pages = list(read_all(lists, since, until))
    wanted = {v.key for v in lists.visible.values() if since <= v.stamp < until}
    assert set().union(*map(keys, pages)) == wanted
    assert pages[-1].read_until == until
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]


@given(stamps=STAMPS, size=SIZES)
@settings(max_examples=300, deadline=None)
def test_a_quiet_read_costs_one_request_a_page_and_little_more_for_crowds(
    stamps: list[int], size: int
) -> None:
    lists = shop(stamps, size)
    with patch.object(changes, "PAGE_SIZE", size):
        pages = list(read_all(lists, BEGINNING))
    by_millisecond: dict[int, int] = {}
    for microseconds in stamps:
        by_millisecond[microseconds // 1000] = by_millisecond.get(microseconds // 1000, 0) + 1
    crowds = sum(1 for count in by_millisecond.values() if count >= size)
    # A crowd is met by at most two pages, then read once more from its beginning.
    assert len(pages) <= len(stamps) // size + 1 + 3 * crowds
    assert len(lists.queries) == len(pages)
