"""Sync loses nothing, whatever breaks, and doubles only what a break explains."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import BotoCoreError
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import event_bus
from connector.commerce_layer import changes
from connector.commerce_layer.changes import parse_time
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.errors import ConnectorError, UpstreamTimeout
from connector.event_bus import EventBus, Source
from connector.streams import Stream
from connector.table import LEASE_SECONDS, Table
from sync.run import run
from sync.work import Result, Services
from tests.property.aws_model import Dynamo, Events, Fault, Killed, carry_out, timeout
from tests.property.list_model import BEGINNING, Lists

SOURCE = Source(instance="default", origin="sync", correlation_id="c", stream="orders")
STATE = ("stream#default#orders", "state")


@dataclass(frozen=True)
class Step:
    """What happens at one call of ours, in this order.

    Time passes, others write (which record, how late it commits), a second run of the stream
    begins and ends, and the call meets its fault.
    """

    seconds: float = 0.05
    writes: tuple[tuple[int, float], ...] = ()
    rival: bool = False
    fault: Fault | None = None


CALM = Step()
# Entries a call of PutEvents: so few that a page takes several calls.
ENTRIES = 2


@dataclass
class World:
    """The API, the table, the bus, and by the number of a call what happens at it.

    `explained` counts the events that may be on the bus twice, given what broke.
    """

    size: int
    skew: float = 0
    stream: Stream = Stream("orders", "orders", Query())  # noqa: RUF009 - frozen
    schedule: Mapping[int, Step] = field(default_factory=dict)
    lists: Lists = field(default_factory=Lists)
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    parsed: list[Mapping[str, Any]] = field(default_factory=list)
    holder: "Process | None" = None
    calls: int = 0
    explained: int = 0

    def clock(self) -> float:
        """Ours, which the API's is not."""
        return self.lists.now.timestamp() - self.skew

    def events(self) -> list[Mapping[str, Any]]:
        for detail in self.details[len(self.parsed) :]:
            self.parsed.append(json.loads(detail))
        return self.parsed

    def on_the_bus(self) -> set[tuple[str, str]]:
        return {(e["change"]["id"], e["change"]["updated_at"]) for e in self.events()}

    def mark(self, name: str) -> Any:
        return parse_time(self.items[STATE][name]["S"])

    def check(self) -> None:
        """What the marks claim is true: all behind them is on the bus."""
        if "bookmark" not in self.items.get(STATE, {}):
            return
        bookmark, settled, there = self.mark("bookmark"), self.mark("settled"), self.on_the_bus()
        assert settled <= max(BEGINNING, self.lists.now - self.stream.settle)
        for version in self.lists.visible.values():
            late = version.committed - version.stamp
            if BEGINNING <= version.stamp < bookmark and not late:
                assert version.key in there, "the bookmark is ahead of the bus"
            if BEGINNING <= version.stamp < settled and late <= self.stream.settle:
                assert version.key in there, "a late commit was settled too early"


class Process:
    """One run of the function, up to its death."""

    def __init__(self, world: World, seconds: float) -> None:
        self.world = world
        self.dead = False
        table = Table(
            Dynamo(world.items, self.call),  # type: ignore[arg-type]  # the part that is used
            "table",
            clock=world.clock,
            sleep=world.lists.pass_time,
        )
        bus = EventBus(
            Events(world.details, self.call),  # type: ignore[arg-type]  # the part that is used
            "bus",
            bucket="bucket",
            s3=lambda: None,
            sleep=world.lists.pass_time,
        )
        deadline = Deadline(world.clock() + seconds, world.clock)
        self.services = Services(self.fetch, table, bus, deadline)

    def run(self) -> Result | None:
        """None if the run broke off."""
        try:
            return run(self.world.stream, SOURCE, self.services, None)
        except (ConnectorError, BotoCoreError, Killed):
            return None

    def fetch(self, query: Query) -> tuple[Mapping[str, Any], str]:
        def effect(_: bool) -> dict[str, Any]:
            return dict(zip(("document", "date"), self.world.lists.fetch(query), strict=True))

        answer = self.call("fetch", effect, UpstreamTimeout("no answer"))
        return answer["document"], answer["date"]

    def call(
        self,
        name: str,
        effect: Callable[[bool], dict[str, Any]],
        lost: Exception | None = None,
    ) -> dict[str, Any]:
        world = self.world
        if self.dead:
            raise Killed
        world.calls += 1
        step = world.schedule.get(world.calls, CALM)
        world.lists.pass_time(step.seconds)
        for number, late in step.writes:
            world.lists.write(number, commit_after=late)
        if step.rival:
            Process(world, 900).run()
        world.explained += self.explains(name, step.fault)
        before = dict(world.items.get(STATE, {}))
        try:
            return carry_out(step.fault, effect, lost or timeout())
        except Killed:
            self.dead = True
            raise
        finally:
            self.compare(before, world.items.get(STATE, {}))
            world.check()

    def explains(self, name: str, fault: Fault | None) -> int:
        """How many events a fault may double: those that are published and not yet marked."""
        if name == "put_events" and fault == "lost after":
            return ENTRIES
        unmarked = name in ("put_events", "batch_write_item")
        if unmarked and fault in ("killed before", "killed after"):
            return self.world.size
        return self.world.size if name == "batch_write_item" and fault == "lost before" else 0

    def compare(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        world = self.world
        if after.get("lease_owner") not in (None, before.get("lease_owner")):
            if "lease_owner" in before:
                # Taken from a run that may still be under way: its page is read again.
                world.explained += world.size
            world.holder = self
        for mark in ("bookmark", "settled"):
            if mark in before and before[mark] != after[mark]:
                assert world.holder is self, "moved by a run that had lost the lease"
                assert before[mark]["S"] < after[mark]["S"], "moved back"


WRITES = st.tuples(st.integers(0, 30), st.sampled_from([0.0, 0.0, 0.0, 0.7, 50.0, 100.0, 900.0]))
PAUSES = st.sampled_from([0.0, 0.001, 1.0, 5.0, LEASE_SECONDS + 1.0])
FAULTS: tuple[Fault, ...] = ("killed before", "killed after", "lost before", "lost after")
STEPS = st.one_of(
    st.builds(Step, seconds=PAUSES, writes=st.lists(WRITES, min_size=1, max_size=3).map(tuple)),
    st.builds(Step, seconds=PAUSES, rival=st.just(True)),
    st.builds(Step, seconds=PAUSES, fault=st.sampled_from([*FAULTS, "refused"])),
)
# Between two runs; then how long the run may take.
RUNS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 59.5, 300.0, 899.9, 2000.0]), st.sampled_from([15, 900])),
    min_size=1,
    max_size=8,
)


@given(
    size=st.integers(1, 5),
    skew=st.sampled_from([0.0, 90.0, -90.0]),
    stamps=st.lists(st.integers(0, 12_000), min_size=5, max_size=25),
    schedule=st.dictionaries(st.integers(1, 120), STEPS, max_size=12),
    runs=RUNS,
)
@settings(max_examples=200, deadline=None, report_multiple_bugs=False)
def test_nothing_is_lost_and_only_what_broke_is_doubled(
    size: int,
    skew: float,
    stamps: list[int],
    schedule: dict[int, Step],
    runs: list[tuple[float, int]],
) -> None:
    world = shop(size, stamps, schedule)
    world.skew = skew
    with small_pages(size):
        place(world)
        for pause, seconds in runs:
            world.lists.pass_time(pause)
            Process(world, seconds).run()
        finish(world)


@pytest.mark.parametrize("fault", [*FAULTS, "refused"])
def test_one_fault_at_any_call_of_a_run(fault: Fault) -> None:
    """Every call in turn: 3 pages with a crowded millisecond, so that each kind of call is met."""
    stamps = [0, 500, 1_500, 1_600, 1_700, 1_800, 1_900, 2_100, 2_200, 2_300, 9_000, 9_100]
    for call in range(1, 80):
        world = shop(5, stamps, {call: Step(fault=fault)})
        with small_pages(5):
            place(world)
            Process(world, 900).run()
            finish(world)


@contextmanager
def small_pages(size: int) -> Iterator[None]:
    with (
        patch.object(changes, "PAGE_SIZE", size),
        patch.object(event_bus, "BATCH_ENTRIES", ENTRIES),
    ):
        yield


def shop(size: int, stamps: list[int], schedule: Mapping[int, Step]) -> World:
    world = World(size=size, schedule=schedule, lists=Lists(size=size))
    for number, microseconds in enumerate(stamps):
        world.lists.write(number, stamp=BEGINNING + timedelta(microseconds=microseconds))
    return world


def finish(world: World) -> None:
    """Two calm runs, and nothing may be lost, nor doubled without an explanation."""
    world.schedule = {}
    # Once whoever was killed has lost the lease, once everything has settled.
    for pause in (LEASE_SECONDS + 1, world.stream.settle.total_seconds() + 1):
        world.lists.pass_time(pause)
        result = Process(world, 900).run()
        assert result is not None
        assert result.complete
    there = world.on_the_bus()
    lost = {
        v.key
        for v in world.lists.visible.values()
        if v.committed - v.stamp <= world.stream.settle and v.key not in there
    }
    assert lost == set()
    ids = {e["id"] for e in world.events()}
    assert len(ids) == len(there), "one id for each version"
    assert len(world.details) - len(ids) <= world.explained


def place(world: World) -> None:
    """Begin the stream at BEGINNING, so that the first run has something to find."""
    schedule, world.schedule = world.schedule, {}
    with Process(world, 900).services.table.lease("default#orders") as lease:
        lease.reset(changes.print_time(BEGINNING), world.stream.fingerprint)
    world.schedule, world.calls, world.holder = schedule, 0, None
