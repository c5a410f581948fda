"""When a failed delivery is tried again, and when a webhook is not called any more.

Pure: what happened goes in, what to do comes out.
"""

from dataclasses import dataclass
from typing import Self

RETRIES = 10
# So many failures in a row, retries counted, open the circuit.
THRESHOLD = 30


@dataclass(frozen=True, slots=True)
class Circuit:
    """Of one webhook. Once open it stays so, whatever is still under way, until it is reset."""

    failures: int = 0
    open: bool = False

    @classmethod
    def of(cls, state: str | None, failures: int | None) -> Self:
        return cls(failures or 0, state == "open")

    def after(self, *, succeeded: bool) -> "Circuit":
        if self.open:
            return self
        if succeeded:
            return Circuit()
        return Circuit(self.failures + 1, self.failures + 1 >= THRESHOLD)

    @property
    def state(self) -> str:
        return "open" if self.open else "closed"


def succeeded(status: int | None) -> bool:
    """Any 2xx, so a redirect is a failure. None stands for no answer at all."""
    return status is not None and 200 <= status < 300


def pause(failed: int, first: float) -> float | None:
    """Seconds to wait after that many failed attempts of one delivery; None gives it up.

    The spacing is not documented. Ours starts at `first` and doubles.
    """
    return first * 2 ** (failed - 1) if failed <= RETRIES else None
