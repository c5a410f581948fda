"""The time that is left in this invocation."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from connector.errors import DeadlineExceeded

# What the way back costs: encoding the answer, flushing logs, the runtime's own hand-over.
MARGIN = 0.5


class LambdaContext(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock after which nothing may be begun.

    Monotonic, because it lives inside one invocation: what must survive a freeze of the
    container (a token's expiry) goes by the wall clock instead.
    """

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        return cls(clock() + seconds, clock)

    @classmethod
    def of(cls, context: LambdaContext, margin: float = MARGIN) -> "Deadline":
        """`margin` seconds before Lambda would end the invocation."""
        return cls.after(context.get_remaining_time_in_millis() / 1000 - margin)

    def left(self) -> float:
        """Seconds, never below 0."""
        return max(0.0, self.at - self.clock())

    def allows(self, seconds: float) -> bool:
        return self.left() > seconds

    def require(self, seconds: float, what: str) -> None:
        """Raise DeadlineExceeded unless `seconds` are left for `what`."""
        if not self.allows(seconds):
            raise DeadlineExceeded(
                f"{what} needs {seconds:.1f} s and {self.left():.1f} s are left in this invocation."
            )
