"""An export, and the windows of ids that it is cut into.

A window is `(after, upto]` in the server's order of ids, which nothing here compares: its ends are
ids that the server gave. The first has no `after`, the last no `upto`, so that the windows always
cover everything, also what is created meanwhile. In the bucket of the stack:

    exports/<instance>/<resource>/date=<day>/<export>/part-0001.jsonl.gz   one a window
                                                     /_ids/0001.txt.gz     the ids in it
                                                     /_manifest.json       when all are there

Readers of data lakes leave out what begins with `_`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from connector.exporting import Order

MOST_WINDOWS = 9_999

WAITING, STARTING, RUNNING = "waiting", "starting", "running"
DONE, SPLIT, MISSING = "done", "split", "missing"
IN_FLIGHT = (STARTING, RUNNING)


class Refused(Exception):
    """The export as a whole cannot be made. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Window:
    """What is kept of it in the ledger, from `state` on.

    `tries` are the jobs that came to nothing, `given_up` those of them after which it was
    missing and somebody asked for it again, `since` is when its job was asked for, `size` what
    it is thought to hold. `middle` is where it was halved, `part` what the manifest says of it.
    """

    label: str
    after: str | None
    upto: str | None
    state: str = WAITING
    tries: int = 0
    given_up: int = 0
    job: str | None = None
    since: float = 0.0
    size: int = 0
    middle: str | None = None
    reason: str | None = None
    part: dict[str, Any] | None = None
    version: int = field(default=0, compare=False)

    @property
    def bounds(self) -> dict[str, str]:
        """As filters."""
        found = {"id_gt": self.after, "id_lteq": self.upto}
        return {name: end for name, end in found.items() if end is not None}

    def dump(self) -> dict[str, Any]:
        kept = asdict(self)
        for name in ("label", "after", "upto", "version"):
            del kept[name]
        return kept

    def halves(self) -> tuple["Window", "Window"]:
        size = -(-self.size // 2)
        return (
            Window(f"{self.label}.1", self.after, self.middle, size=size),
            Window(f"{self.label}.2", self.middle, self.upto, size=size),
        )


@dataclass(slots=True)
class Plan:
    """`began` is the server's clock at the first count, `count` what it counted; `size` is how
    many one window holds, and `ends` are the ids that all but the last one end with."""

    began: str
    count: int
    size: int
    ends: list[str]

    @property
    def floor(self) -> int:
        """A window that fails is halved down to here."""
        return max(1, self.size // 50)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Self:
        return cls(**dumped)


@dataclass(frozen=True, slots=True)
class Export:
    """`day` is when it was planned."""

    id: str
    order: Order
    day: str

    @property
    def folder(self) -> str:
        order = self.order
        return f"exports/{order.instance}/{order.resource}/date={self.day}/{self.id}"

    def part_key(self, window: Window) -> str:
        return f"{self.folder}/part-{window.label}.{self.order.format}.gz"

    def ids_key(self, window: Window) -> str:
        return f"{self.folder}/_ids/{window.label}.txt.gz"

    @property
    def manifest_key(self) -> str:
        return f"{self.folder}/_manifest.json"

    def reference(self, window: Window) -> str:
        """Of its job. Each try has its own, so that a job that failed is not found again."""
        return f"{self.id}-{window.label}-{window.tries + 1}"


def windows(plan: Plan, kept: Mapping[str, tuple[Mapping[str, Any], int]]) -> list[Window]:
    """In the order of ids, without those that were halved: their halves stand there."""
    if not plan.count:
        return []
    found: list[Window] = []
    for number, (after, upto) in enumerate(_pairs(plan.ends), 1):
        size = plan.size if upto is not None else plan.count - plan.size * len(plan.ends)
        found += _leaves(Window(f"{number:04d}", after, upto, size=size), kept)
    return found


def _pairs(ends: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    return zip((None, *ends), (*ends, None), strict=True)


def _leaves(window: Window, kept: Mapping[str, tuple[Mapping[str, Any], int]]) -> Iterator[Window]:
    if window.label in kept:
        values, version = kept[window.label]
        window = Window(window.label, window.after, window.upto, **values, version=version)
    if window.state != SPLIT:
        yield window
        return
    for half in window.halves():
        yield from _leaves(half, kept)
