"""Rate limits as Commerce Layer documents them, per IP, and the headers that speak of them.

Each class of request has an average (60 s, over all endpoints of the class) and a burst (10 s, per
resource). Only what was let through counts. The real mechanism is not known in detail, so there
are two: an exact sliding log, and fixed windows that start at a random moment, coarser and meaner.
"""

from collections import deque
from dataclasses import dataclass
from math import floor
from random import Random

from connector.commerce_layer import catalog
from local.simulator.clock import Clock
from local.simulator.settings import Settings

AVERAGE_SECONDS, BURST_SECONDS = 60, 10
_READS = ("GET", "HEAD")

# Requests of the live mode by class: (average, burst). Test mode has half.
_LIVE = {"cacheable": (1_000, 250), "uncacheable": (200, 50), "write": (200, 50)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headers describe the average alone; nothing tells how close the burst limit is."""

    allowed: bool
    limit: int
    remaining: int

    def headers(self) -> dict[str, str]:
        return {
            "X-Ratelimit-Limit": str(self.limit),
            "X-Ratelimit-Interval": str(AVERAGE_SECONDS),
            "X-Ratelimit-Remaining": str(self.remaining),
        }


class _Log:
    """Counts what happened within the last `seconds`."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque()

    def count(self, now: float) -> int:
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        self._times.append(now)


class _Window:
    """Counts what happened since the last multiple of `seconds`, shifted by `phase`."""

    def __init__(self, seconds: int, phase: float) -> None:
        self._seconds, self._phase = seconds, phase
        self._current, self._count = 0, 0

    def count(self, now: float) -> int:
        window = floor((now + self._phase) / self._seconds)
        if window != self._current:
            self._current, self._count = window, 0
        return self._count

    def add(self, now: float) -> None:
        self._count = self.count(now) + 1


class Limiter:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._random = Random(settings.random_seed)
        self._counters: dict[tuple[str, ...], _Log | _Window] = {}

    def api(self, ip: str, method: str, resource: str, mode: str | None = None) -> Verdict:
        """One request to /api/{resource}, with a token of that mode."""
        mode = mode or self._settings.mode
        group = classify(method, resource)
        average, burst = self._allowances(group, mode)
        if self._settings.limits == "off":
            return Verdict(allowed=True, limit=average, remaining=average)
        now = self._clock.seconds()
        slow = self._counter(AVERAGE_SECONDS, ip, mode, group)
        fast = self._counter(BURST_SECONDS, ip, mode, group, resource)
        allowed = slow.count(now) < average and fast.count(now) < burst
        if allowed:
            slow.add(now)
            fast.add(now)
        return Verdict(allowed, average, max(0, average - slow.count(now)))

    def token(self, ip: str) -> bool:
        """Whether that IP may ask the authorization server for a token now."""
        if not self._settings.token_limit:
            return True
        now = self._clock.seconds()
        counter = self._counter(AVERAGE_SECONDS, ip, "token")
        allowed = counter.count(now) < self._settings.token_limit
        if allowed:
            counter.add(now)
        return allowed

    def forget(self) -> None:
        """Everyone starts with a full budget."""
        self._counters.clear()

    def _allowances(self, group: str, mode: str) -> tuple[int, int]:
        scale = self._settings.limit_scale * (0.5 if mode == "test" else 1)
        average, burst = _LIVE[group]
        return int(average * scale), int(burst * scale)

    def _counter(self, seconds: int, *key: str) -> _Log | _Window:
        kind = _Window if self._settings.limits == "window" else _Log
        full = (kind.__name__, str(seconds), *key)
        if full not in self._counters:
            self._counters[full] = (
                _Log(seconds)
                if kind is _Log
                else _Window(seconds, self._random.uniform(0, seconds))
            )
        return self._counters[full]


def classify(method: str, resource: str) -> str:
    if method not in _READS:
        return "write"
    return "cacheable" if catalog.cacheable(resource) else "uncacheable"
