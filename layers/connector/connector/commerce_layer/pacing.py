"""When to send, so that Commerce Layer's rate limits are used and never met.

Pure: the caller passes the time in, and sleeps. The limits hold for an IP address, by class
of request: an average over 60 s, summed over all endpoints, and a burst over 10 s for each
endpoint, a quarter of the average. Test mode has half of both. The server shows the average
alone, in `X-Ratelimit-Limit`, `-Remaining` and `-Interval` of every answer.

Two counts are kept of an average, and both must have room:

- *our own*: what we sent in any 60 s. A request counts from the moment it is sent until 60 s
  after its answer came, so that it does not matter how long it travelled, nor whether the
  server slides its window or starts a new one every minute.
- *the server's*: what it counted at its last answer, plus what we sent since, minus what has
  aged out since. What it counted and we did not send is somebody else's: another container
  or tool at the same address. They keep room for as much as they sent in their busiest 10 s.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain, islice, repeat
from threading import Lock

from connector.commerce_layer import catalog

SPAN, BURST_SPAN = 60.0, 10.0  # seconds
MARGIN = 0.25  # seconds, for the server's timers and roundings
POLL = 0.05  # seconds, where only an answer that is under way can tell when there is room
COLD = 1.0  # seconds the first request may take before a second goes without its answer

# Class of requests -> how many a minute in live mode, and in test mode.
LIMITS = {"cached": (1000, 500), "read": (200, 100), "write": (200, 100), "token": (30, 30)}

# After a 429 the way is closed for 1 s, 2 s, … up to 10 s, whatever `Retry-After: 0` invites to.
CLOSED, CLOSED_MOST = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to send if `wait` is 0; else ask again in `wait` seconds.

    The rest is for the way back: which counts it stands in, and what they were.
    """

    wait: float
    kind: str = ""
    endpoint: str = ""
    number: int = 0
    beside: int = 0
    at: float = 0.0


class _Sent:
    """Our requests of the last `span` seconds, numbered in the order in which they left."""

    def __init__(self, span: float) -> None:
        self.span = span
        self.total = 0
        self.gone = 0
        self._answered: deque[float] = deque()

    def age(self, now: float) -> None:
        while self._answered and self._answered[0] + self.span + MARGIN <= now:
            self._answered.popleft()
            self.gone += 1

    @property
    def count(self) -> int:
        return self.total - self.gone

    @property
    def in_flight(self) -> int:
        return self.count - len(self._answered)

    def answered(self, now: float) -> None:
        self._answered.append(now)

    def leaving(self, skip: int = 0) -> Iterator[float]:
        """When each of them stops counting, the oldest first; unknown for those in flight."""
        return (at + self.span + MARGIN for at in islice(self._answered, skip, None))

    def wait(self, now: float, limit: float) -> float:
        return _wait(self.leaving(), self.count - limit + 1, now)


@dataclass(slots=True)
class _Arrivals:
    """`count` requests of others came between `since` and `until`."""

    since: float
    until: float
    count: int


@dataclass(slots=True)
class _Class:
    """One class of requests: its average, and the bursts of its endpoints."""

    limit: int
    sent: _Sent = field(default_factory=lambda: _Sent(SPAN))
    bursts: dict[str, _Sent] = field(default_factory=dict)
    # The server counts our requests from this number on; those before have aged out there.
    counted_from: int = 0
    others: deque[_Arrivals] = field(default_factory=deque)  # those that the server counts now
    arrivals: deque[_Arrivals] = field(default_factory=deque)  # those of the last minute
    surely_others: int = 0
    last_surely: int = 0
    last_since: float = float("-inf")
    heard: float = float("-inf")
    told_at: float = float("-inf")
    left_at: float = float("-inf")

    @property
    def burst(self) -> int:
        return max(1, self.limit // 4)

    def age(self, now: float) -> None:
        self.sent.age(now)
        self.counted_from = max(self.counted_from, self.sent.gone)
        horizon = now - self.sent.span - MARGIN
        while self.others and self.others[0].until <= horizon:
            self.others.popleft()
        while self.arrivals and self.arrivals[0].until <= horizon:
            self.arrivals.popleft()

    def wait(self, endpoint: str, now: float, ceiling: float) -> float:
        self.age(now)
        sent = self.sent
        if now - self.heard > sent.span and sent.in_flight and now - self.left_at < COLD:
            return POLL  # how much others have used is not known yet
        limit = min(self.limit, ceiling)
        theirs = sum(other.count for other in self.others)
        counted = sent.total - self.counted_from + theirs
        allowed = self.limit - self._reserve()
        waits = [
            sent.wait(now, limit),
            _wait(self._leaving(), counted - allowed + 1, now),
            self._spread(allowed - counted, limit) - now,
        ]
        if endpoint in self.bursts:
            burst = self.bursts[endpoint]
            burst.age(now)
            # Nothing tells on which endpoint others were, so that it may have been this one.
            # A fifth stays ours: what was sent before our time would block a cold start.
            waits.append(
                burst.wait(now, max(self.burst // 5, self.burst - self._others_burst(now), 1))
            )
        return max(waits)

    def _spread(self, room: float, limit: float) -> float:
        """When the next may leave, so that the room lasts until more is free.

        Who has sent more than is left spreads the rest evenly: then every answer tells in good
        time what others do, and they find room at any moment.
        """
        if self.sent.count <= room or room <= 0:
            return float("-inf")
        relief = next(self._leaving(), self.left_at)
        return self.left_at + max(self.sent.span / limit, (relief - self.left_at) / (room + 1))

    def take(self, kind: str, endpoint: str, now: float) -> Ticket:
        if endpoint not in self.bursts:
            self._tidy(now)
            self.bursts[endpoint] = _Sent(BURST_SPAN)
        beside = self.sent.in_flight
        self.sent.total += 1
        self.bursts[endpoint].total += 1
        self.left_at = now
        return Ticket(0.0, kind, endpoint, self.sent.total, beside, now)

    def answered(self, ticket: Ticket, now: float) -> None:
        self.sent.answered(now)
        self.bursts[ticket.endpoint].answered(now)
        self.heard = now

    def told(self, ticket: Ticket, now: float, limit: int, remaining: int) -> None:
        """The server's count when it handled that request."""
        if ticket.at < self.told_at:
            return  # a later request has been answered before this one
        since = max(self.told_at, now - self.sent.span)
        self.told_at = ticket.at
        self.limit = limit
        self.age(now)
        count = min(limit, max(0, limit - remaining))
        ours = ticket.number - self.counted_from
        # Requests that travelled together may have been counted in another order.
        doubt = ticket.beside + self.sent.total - ticket.number
        if count < ours - doubt:
            self.counted_from = ticket.number - count
        self._set_others(max(0, count - ours), since, now)
        # Two answers have to agree: one that was long on its way may tell of a window gone by.
        surely = max(0, count - ours - doubt)
        agreed, self.last_surely = min(surely, self.last_surely), surely
        if agreed > self.surely_others:
            self.arrivals.append(_Arrivals(self.last_since, now, agreed - self.surely_others))
        self.surely_others, self.last_since = agreed, since

    def _set_others(self, count: int, since: float, now: float) -> None:
        change = count - sum(other.count for other in self.others)
        if change > 0:
            self.others.append(_Arrivals(since, now, change))
        while change < 0:
            oldest = self.others[0]
            less = min(oldest.count, -change)
            oldest.count -= less
            change += less
            if not oldest.count:
                self.others.popleft()

    def _leaving(self) -> Iterator[float]:
        ours = self.sent.leaving(self.counted_from - self.sent.gone)
        theirs = chain.from_iterable(
            repeat(other.until + self.sent.span + MARGIN, other.count) for other in self.others
        )
        return merge(ours, theirs)

    def _reserve(self) -> int:
        """Room that is left to others: a little, so that they can be noticed at all, and twice
        their busiest 10 s; at most a quarter.
        """
        return min(self.limit // 50 + 2 * self._busiest(), self.limit // 4)

    def _others_burst(self, now: float) -> int:
        """What others sent in the last 10 s, or may send in the next."""
        recent = sum(a.count for a in self.arrivals if a.until > now - BURST_SPAN)
        return max(recent, self._busiest())

    def _busiest(self) -> int:
        """How many others sent in their busiest 10 s of the last minute, as far as seen."""
        seen = [a for a in self.arrivals if a.until - a.since <= BURST_SPAN]
        return max(
            (
                sum(a.count for a in seen if end.until - BURST_SPAN < a.until <= end.until)
                for end in seen
            ),
            default=0,
        )

    def _tidy(self, now: float) -> None:
        for endpoint, burst in list(self.bursts.items()):
            burst.age(now)
            if not burst.count:
                del self.bursts[endpoint]


class Pacer:
    """Thread-safe. `ceiling`: an instance's own limit for each class, to share an address."""

    def __init__(self, ceiling: int | None = None) -> None:
        self._ceiling = float("inf") if ceiling is None else float(ceiling)
        self._lock = Lock()
        self._test = True  # the smaller limits, until a token tells the mode
        self._classes = {kind: _Class(test) for kind, (_, test) in LIMITS.items()}
        self._closed: dict[tuple[str, str], _Closed] = {}

    def mode(self, *, test: bool) -> None:
        """The mode that the token's claims tell."""
        if test == self._test:
            return
        with self._lock:
            self._test = test
            for kind, limits in LIMITS.items():
                self._classes[kind].limit = limits[test]

    def ask(self, kind: str, endpoint: str, now: float) -> Ticket:
        """Leave to send now, which counts until it is `answered`; or how long to wait."""
        with self._lock:
            group = self._classes[kind]
            wait = group.wait(endpoint, now, self._ceiling)
            for key in (kind, endpoint), (kind, ""):
                if key in self._closed:
                    wait = max(wait, self._closed[key].until - now)
            return Ticket(wait) if wait > 0 else group.take(kind, endpoint, now)

    def answered(
        self, ticket: Ticket, now: float, status: int | None, headers: Mapping[str, str]
    ) -> None:
        """The request is over; `status` None if no answer came."""
        limit = _number(headers.get("x-ratelimit-limit"))
        remaining = _number(headers.get("x-ratelimit-remaining"))
        with self._lock:
            group = self._classes[ticket.kind]
            group.answered(ticket, now)
            if status == 429:
                # No room in the class, or, where the average has room, on this endpoint.
                key = (ticket.kind, "" if remaining == 0 else ticket.endpoint)
                self._closed[key] = _Closed.again(self._closed.get(key), ticket.at, now)
            elif status is not None:
                self._closed.pop((ticket.kind, ticket.endpoint), None)
                self._closed.pop((ticket.kind, ""), None)
                if limit and remaining is not None and not self._of_another(ticket.kind, limit):
                    group.sent.span = _number(headers.get("x-ratelimit-interval")) or SPAN
                    group.told(ticket, now, limit, remaining)

    def _of_another(self, kind: str, limit: int) -> bool:
        """A documented limit, but of another class: what we know about caching is out of date."""
        documented = {each: limits[self._test] for each, limits in LIMITS.items()}
        return limit != documented[kind] and limit in documented.values()


@dataclass(frozen=True, slots=True)
class _Closed:
    since: float
    until: float
    length: float

    @classmethod
    def again(cls, before: "_Closed | None", sent: float, now: float) -> "_Closed":
        if before is None:
            return cls(now, now + CLOSED, CLOSED)
        if sent < before.since:
            return before  # it left before the way was closed: no news
        length = min(CLOSED_MOST, before.length * 2)
        return cls(now, now + length, length)


def kind_of(method: str, resource: str, *, related: bool) -> str:
    """The class that a request counts in. Related records may not be of a cacheable kind."""
    if method != "GET":
        return "write"
    return "cached" if not related and catalog.cacheable(resource) else "read"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 8 else None


def _wait(leaving: Iterator[float], excess: float, now: float) -> float:
    """Seconds until `excess` of the requests that are `leaving` have left; 0 if none has to."""
    if excess <= 0:
        return 0.0
    at = next(islice(leaving, int(excess) - 1, None), None)
    return POLL if at is None else max(POLL / 10, at - now)
