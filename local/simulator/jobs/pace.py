"""When a job does its next records: by wall time, or, while jobs are held, one step at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from local.simulator.settings import Settings

_LARGEST = 25
_SLICES = 50  # a second, so that other requests get their turn


class Pace:
    """To be used in the server's thread."""

    def __init__(self, settings: Settings) -> None:
        self.held = False
        self._settings = settings
        self._active = 0
        self._moved = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    @contextmanager
    def job(self) -> Iterator[None]:
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            self._moved.set()

    def slice(self) -> int:
        """How many records to do in one go."""
        speed = self._settings.job_speed
        if self.held:
            return 1
        return max(1, min(_LARGEST, int(speed / _SLICES))) if speed else _LARGEST

    async def rest(self, records: int, spent: float = 0.0) -> None:
        """As long as that many records take at the speed of the switch, less what was spent."""
        speed = self._settings.job_speed
        if not self.held:
            await asyncio.sleep(max(0.0, records / speed - spent) if speed else 0)
        if self.held:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            self._moved.set()
            try:
                await turn
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False
        self._wake()

    async def step(self) -> None:
        """Each held job starts, or does one record; returns when all have."""
        await self._all_waiting()
        self._wake()
        await self._all_waiting()

    async def _all_waiting(self) -> None:
        # A job that was created this moment, or still sleeps at its old speed, gets there too.
        await asyncio.sleep(0)
        while len(self._waiting) < self._active:
            self._moved.clear()
            await self._moved.wait()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for turn in waiting:
            if not turn.done():
                turn.set_result(None)
