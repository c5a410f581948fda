"""One organization in one mode: test and live share nothing, not even the ids."""

from collections.abc import Callable

from local.simulator.clock import Clock
from local.simulator.store import Announcement, Store

Listener = Callable[[Announcement], None]
Chore = Callable[[], None]

# So far apart do the records of two environments begin to count.
_APART = 10**12


class Environment:
    """`listeners` are told, once a request has been answered, what it made happen.

    `chores` are done before a request is carried out: what has become due by the clock.
    """

    def __init__(self, slug: str, mode: str, clock: Clock, position: int) -> None:
        self.slug, self.mode = slug, mode
        self.store = Store(clock, first=position * _APART + 1)
        self.organization = self.store.put("organizations", {"name": slug.title(), "slug": slug})
        self.listeners: list[Listener] = []
        self.chores: list[Chore] = []

    def wake(self) -> None:
        with self.store.lock:
            for chore in self.chores:
                chore()

    def settle(self) -> None:
        """Hand on what was announced, and what is announced by those who hear of it."""
        with self.store.lock:
            while announced := self.store.take_announced():
                for announcement in announced:
                    for listener in self.listeners:
                        listener(announcement)
