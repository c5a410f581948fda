"""Retries never overrun the deadline nor their budget, whatever the server says."""

from hypothesis import given
from hypothesis import strategies as st

from connector.commerce_layer.retry import MAX_TRIES, ROOM, Budget, delay
from connector.errors import (
    CommerceLayerError,
    OutcomeUnknown,
    RateLimited,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)

SECONDS = st.floats(0, 1000)
FAULTS = st.one_of(
    st.sampled_from([ServerFault("x"), Unreachable("x"), UpstreamTimeout("x")]),
    SECONDS.map(lambda seconds: RateLimited("x", retry_after=seconds)),
)
DRAWS = st.floats(0, 1, exclude_max=True)


@given(fault=FAULTS, tries=st.integers(1, 99), left=SECONDS, draw=DRAWS, hint=SECONDS)
def test_a_wait_fits_the_deadline_and_honours_the_server(
    fault: CommerceLayerError, tries: int, left: float, draw: float, hint: float
) -> None:
    wait = delay(fault, tries, left, draw, hint)
    if wait is not None:
        assert 0 <= wait < left - ROOM + 1e-9
        assert wait >= hint
        if isinstance(fault, RateLimited):
            assert wait >= max(fault.retry_after, 0.5)
        else:
            assert tries < MAX_TRIES


@given(tries=st.integers(1, 99), left=SECONDS, draw=DRAWS, hint=SECONDS)
def test_a_write_whose_outcome_is_unknown_is_never_tried_again(
    tries: int, left: float, draw: float, hint: float
) -> None:
    assert delay(OutcomeUnknown("x"), tries, left, draw, hint) is None


@given(faults=st.lists(FAULTS), draws=st.lists(DRAWS, min_size=1), left=SECONDS)
def test_a_call_ends_before_its_deadline(
    faults: list[CommerceLayerError], draws: list[float], left: float
) -> None:
    slept = 0.0
    for tries, fault in enumerate(faults, 1):
        wait = delay(fault, tries, left - slept, draws[tries % len(draws)])
        if wait is None:
            break
        slept += wait
    assert slept <= left


@given(st.lists(st.integers(0, 5)))
def test_retries_are_a_tenth_of_the_calls_after_a_few_free_ones(wanted: list[int]) -> None:
    budget, made = Budget(), 0
    for calls, retries in enumerate(wanted, 1):
        budget.call()
        made += sum(budget.retry() for _ in range(retries))
        assert made <= Budget.FREE + calls / 10
