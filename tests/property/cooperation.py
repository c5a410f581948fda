"""Several threads in simulated time: one runs at a time, and they change places at `sleep` only.

So code that blocks can be interleaved at the calls that a test chooses, the same at every run,
without waiting for anything.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from threading import Event, Thread


class Cooperation:
    """`now` is in seconds. A worker that raises ends all of it; `run` raises what it raised."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._waiting: list[tuple[float, int, Event]] = []
        self._serial = count()
        self._finished = Event()
        self._error: BaseException | None = None

    def run(self, workers: Iterable[Callable[[], None]]) -> None:
        """All of them begin now; returns when the last one has returned."""
        threads = []
        for worker in workers:
            turn = Event()
            heappush(self._waiting, (self.now, next(self._serial), turn))
            threads.append(Thread(target=self._work, args=(worker, turn), daemon=True))
        for thread in threads:
            thread.start()
        self._hand_over()
        self._finished.wait()
        if self._error:
            raise self._error

    def sleep(self, seconds: float) -> None:
        """Let others run until then. To be called by a worker."""
        turn = Event()
        heappush(self._waiting, (self.now + seconds, next(self._serial), turn))
        self._hand_over()
        turn.wait()

    def _work(self, worker: Callable[[], None], turn: Event) -> None:
        turn.wait()
        try:
            worker()
        except BaseException as error:  # noqa: BLE001 - raised again by `run`
            self._error = error
            self._waiting.clear()
        self._hand_over()

    def _hand_over(self) -> None:
        if self._waiting:
            self.now, _, turn = heappop(self._waiting)
            turn.set()
        else:
            self._finished.set()
