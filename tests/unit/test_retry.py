"""Which faults are worth another try, and how long to wait."""

import pytest

from connector.commerce_layer.retry import MAX_TRIES, Budget, delay
from connector.errors import (
    CommerceLayerError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)

LEFT = 100.0


def maybe_done() -> ServerFault:
    fault = ServerFault("a write met a 500", status=500)
    fault.retryable = False
    return fault


@pytest.mark.parametrize("fault", [ServerFault("x"), Unreachable("x"), UpstreamTimeout("x")])
def test_faults_that_pass_are_tried_again_a_few_times(fault: CommerceLayerError) -> None:
    waits = [delay(fault, tries, LEFT, 0.999) for tries in range(1, MAX_TRIES + 1)]
    assert waits[:-1] == pytest.approx([0.2, 0.4, 0.8], rel=0.01)
    assert waits[-1] is None


@pytest.mark.parametrize(
    "fault", [OutcomeUnknown("x"), NotFound("x"), RequestRefused("x"), maybe_done()]
)
def test_what_may_have_been_done_or_will_not_change_is_left(fault: CommerceLayerError) -> None:
    assert delay(fault, 1, LEFT, 0.5) is None


def test_retry_after_lengthens_a_wait() -> None:
    assert delay(ServerFault("x", status=503), 1, LEFT, 0.5, hint=7) == 7
    assert delay(RateLimited("x", retry_after=30), 1, LEFT, 0.5) == 30


def test_retry_after_0_is_no_leave_to_hammer() -> None:
    limited = RateLimited("x", retry_after=0)
    waits = [delay(limited, tries, LEFT, 0.0) for tries in range(1, 8)]
    assert waits == [0.5, 1, 2, 4, 5, 5, 5]


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    assert delay(RateLimited("x", retry_after=30), 1, 30.4, 0.5) is None
    assert delay(ServerFault("x"), 1, 0.5, 0.5) is None


def test_a_budget_lets_a_few_and_then_one_in_ten_through() -> None:
    budget = Budget()
    assert [budget.retry() for _ in range(4)] == [True, True, True, False]
    for _ in range(10):
        budget.call()
    assert [budget.retry() for _ in range(2)] == [True, False]
