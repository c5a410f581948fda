"""Commerce Layer's rate limits as a model in simulated time, and clients that meet them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from connector.commerce_layer.pacing import Pacer, Ticket


@dataclass
class Window:
    """`limit` requests in `span` seconds: a sliding log, or fixed windows that begin at `phase`."""

    limit: int
    span: float
    phase: float | None = None  # None: sliding
    times: list[float] = field(default_factory=list)

    def used(self, now: float) -> int:
        if self.phase is None:
            start = now - self.span
        else:
            start = now - (now - self.phase) % self.span - 1e-9
        return sum(1 for at in reversed(self.times[-self.limit :]) if at > start)


class Limits(Protocol):
    """What a server does with a request that arrives at that time: status and headers."""

    def request(self, now: float, endpoint: str = "orders") -> tuple[int, dict[str, str]]: ...


@dataclass
class Limiter:
    """One class of requests: an average, and a burst for each endpoint. Refusals do not count."""

    average: int
    phase: float | None = None
    headers: bool = True
    endpoints: dict[str, Window] = field(default_factory=dict)
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self.window = Window(self.average, 60.0, self.phase)

    def request(self, now: float, endpoint: str = "orders") -> tuple[int, dict[str, str]]:
        burst = self.endpoints.setdefault(
            endpoint,
            Window(self.average // 4, 10.0, None if self.phase is None else self.phase % 10),
        )
        used = self.window.used(now)
        status = 200
        if used >= self.average or burst.used(now) >= burst.limit:
            status = 429
        else:
            self.window.times.append(now)
            burst.times.append(now)
            used += 1
        if not self.headers:
            return status, {}
        return status, {
            "x-ratelimit-limit": str(self.average),
            "x-ratelimit-interval": "60",
            "x-ratelimit-remaining": str(self.average - used),
        }


@dataclass
class Run:
    """Clients that list orders as fast as the pacer allows, beside one that goes its own way.

    `latency` gives the seconds there and back. After `play`: when requests of ours arrived and
    were accepted or refused, in seconds from the start, and the same of the other client.
    """

    pacer: Pacer
    limiter: Limits
    latency: Callable[[], tuple[float, float]] = lambda: (0.02, 0.03)
    seconds: float = 180.0
    start: float = 1_000_000.0
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    others_accepted: list[float] = field(default_factory=list)
    others_refused: list[float] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def play(self, *, threads: int = 1, others: Iterable[float] = ()) -> "Run":
        """`others` are seconds from the start, those before it too."""
        for when in others:
            self._at(self.start + when, self._other)
        for _ in range(threads):
            self._at(self.start, self._ask)
        while self._events:
            when, _, what = heappop(self._events)
            what(when)
        return self

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        heappush(self._events, (when, next(self._order), what))

    def _ask(self, now: float) -> None:
        if now >= self.start + self.seconds:
            return
        ticket = self.pacer.ask("read", "orders", now)
        if ticket.wait:
            self._at(now + ticket.wait, self._ask)
        else:
            there, back = self.latency()
            self._at(now + there, lambda then: self._arrive(then, ticket, back))

    def _arrive(self, now: float, ticket: Ticket, back: float) -> None:
        status, headers = self.limiter.request(now)
        (self.accepted if status == 200 else self.refused).append(now - self.start)
        self._at(now + back, lambda then: self._answered(then, ticket, status, headers))

    def _answered(self, now: float, ticket: Ticket, status: int, headers: dict[str, str]) -> None:
        self.pacer.answered(ticket, now, status, headers)
        self._ask(now)

    def _other(self, now: float) -> None:
        status, _ = self.limiter.request(now)
        (self.others_accepted if status == 200 else self.others_refused).append(now - self.start)
