"""The simulator's own clock, in microseconds since 1970, and how stamps are read and printed.

Commerce Layer stores microseconds and prints milliseconds, so a printed stamp is nearly always a
little before the stored one. Everything here keeps that difference.
"""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)


class Clock:
    """The time of day plus `offset` seconds; stands still while `frozen_at` is set."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self.frozen_at: int | None = None

    def now(self) -> int:
        if self.frozen_at is not None:
            return self.frozen_at
        return time.time_ns() // 1000 + round(self.offset * SECOND)

    def seconds(self) -> float:
        return self.now() / SECOND

    def freeze(self, at: int | None = None) -> None:
        self.frozen_at = self.now() if at is None else at

    def advance(self, seconds: float) -> None:
        """Move on, whether the clock runs or stands still."""
        if self.frozen_at is None:
            self.offset += seconds
        else:
            self.frozen_at += round(seconds * SECOND)

    def http_date(self) -> str:
        """For the `Date` header: whole seconds."""
        moment = _EPOCH + timedelta(seconds=self.now() // SECOND)
        return format_datetime(moment, usegmt=True)


def parse(text: str) -> int:
    """ISO 8601, or a plain date; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def printed(stamp: int) -> str:
    """Milliseconds, cut off and not rounded."""
    moment = _NAIVE_EPOCH + timedelta(microseconds=stamp)
    return moment.isoformat(timespec="milliseconds") + "Z"
