"""When to try again. Pure: randomness is passed in, and the caller sleeps.

The faults already tell whether another try can do harm: a write that may have been done
becomes OutcomeUnknown, or a ServerFault that is not `retryable`; a write that was refused
(RateLimited) or never left us (Unreachable) may be sent again.
"""

from threading import Lock

from connector.errors import CommerceLayerError, RateLimited

MAX_TRIES = 4  # of one request, unless the rate limit alone stands in its way
BASE, CAP = 0.2, 5.0  # seconds, of the backoff after a fault
REFUSED_BASE, REFUSED_CAP = 1.0, 10.0  # after a 429: the burst window is 10 s long
ROOM = 0.5  # seconds that must be left for the next try itself


def delay(
    fault: CommerceLayerError, tries: int, left: float, draw: float, hint: float = 0.0
) -> float | None:
    """Seconds to wait before the next try, or None to give up.

    `tries` were made, `left` seconds are left in all, `draw` is random in [0, 1), `hint` is
    what the server asked for by `Retry-After`. A hint lengthens the wait and never shortens
    it: a live 429 says `Retry-After: 0`, which is no leave to hammer.
    """
    if not fault.retryable:
        return None
    if isinstance(fault, RateLimited):
        ceiling = min(REFUSED_CAP, REFUSED_BASE * 2 ** (tries - 1))
        wait = max(fault.retry_after, hint, ceiling * (1 + draw) / 2)
    elif tries >= MAX_TRIES:
        return None
    else:
        # Full jitter: clients that failed together do not come back together.
        wait = max(hint, draw * min(CAP, BASE * 2 ** (tries - 1)))
    return wait if wait + ROOM < left else None


class Budget:
    """Lets retries add at most a tenth to the calls, after a few that are free.

    Without it, every client of a struggling server multiplies its load.
    """

    COST = 10  # calls that pay for a retry
    FREE, MOST = 3, 10  # retries that are there at the beginning, and that can be saved up

    def __init__(self) -> None:
        self._calls = self.FREE * self.COST
        self._lock = Lock()

    def call(self) -> None:
        """A new call, not a retry, is being made."""
        with self._lock:
            self._calls = min(self.MOST * self.COST, self._calls + 1)

    def retry(self) -> bool:
        """Whether one more retry may be made; takes it."""
        with self._lock:
            if self._calls < self.COST:
                return False
            self._calls -= self.COST
            return True
