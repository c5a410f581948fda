"""The time that is left, by a clock that the test moves."""

import pytest

from connector.deadline import Deadline
from connector.errors import DeadlineExceeded


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 3_000


def test_time_runs_out_and_never_below_nothing() -> None:
    clock = Clock()
    deadline = Deadline.after(2, clock)
    assert deadline.left() == 2
    clock.now += 1.5
    assert deadline.allows(0.4)
    assert not deadline.allows(0.5)
    clock.now += 60
    assert deadline.left() == 0


def test_the_way_back_is_kept_free() -> None:
    assert 2.3 < Deadline.of(Context()).left() <= 2.5
    assert 0.9 < Deadline.of(Context(), margin=2).left() <= 1.0


def test_what_needs_longer_is_not_begun() -> None:
    deadline = Deadline.after(1, Clock())
    deadline.require(0.9, "This")
    with pytest.raises(DeadlineExceeded, match=r"This needs 1\.5 s and 1\.0 s are left"):
        deadline.require(1.5, "This")
