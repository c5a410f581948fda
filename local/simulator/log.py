"""What was asked of the simulator, in the order of arrival."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class Exchange(NamedTuple):
    """`status` is None where no answer went out. `at` is the arrival, in epoch seconds."""

    method: str
    path: str
    query: str
    status: int | None
    at: float
    ip: str


class RequestLog:
    """Remembers the last `size` requests; safe to read while the server answers."""

    def __init__(self, size: int) -> None:
        self._entries: deque[Exchange] = deque(maxlen=size)

    def append(self, exchange: Exchange) -> None:
        self._entries.append(exchange)

    def clear(self) -> None:
        self._entries.clear()

    def matching(self, method: str | None = None, path: str = "") -> list[Exchange]:
        """Those of that method whose path starts so."""
        return [
            each
            for each in self
            if (method is None or each.method == method) and each.path.startswith(path)
        ]

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
