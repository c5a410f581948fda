"""Sync loses nothing, whatever breaks, and doubles only what a break explains."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import BotoCoreError
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.commerce_layer import changes
from connector.commerce_layer.changes import parse_time
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.errors import ConnectorError, LeaseLost, TableBusy, UpstreamTimeout
from connector.event_bus import EventBus, Source
from connector.table import LEASE_SECONDS, Table
from sync.run import Result, Services, run
from sync.streams import Stream
from tests.property.aws_model import Dynamo, Events, Fault, Killed, carry_out, timeout
from tests.property.list_model import BEGINNING, Lists

SOURCE = Source(instance="default", origin="sync", correlation_id="c", stream="orders")
STATE = ("stream#default#orders", "state")


@dataclass(frozen=True)
class Step:
    """What happens at one call of ours: time passes, others write, the call breaks."""

    seconds: float = 0.05
    writes: tuple[tuple[int, float], ...] = ()
    fault: Fault | None = None
    rival: bool = False


CALM = Step()


@dataclass
class World:
    """The API, the table, the bus, and the schedule of what happens at each call."""

    size: int
    skew: float = 0
    stream: Stream = Stream("orders", "orders", Query())  # noqa: RUF009 - frozen
    schedule: list[Step] = field(default_factory=list)
    lists: Lists = field(default_factory=Lists)
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    holder: "Process | None" = None
    incidents: int = 0

    def clock(self) -> float:
        """Ours, which the API's is not."""
        return self.lists.now.timestamp() - self.skew

    def events(self) -> list[Mapping[str, Any]]:
        return [json.loads(detail) for detail in self.details]

    def on_the_bus(self) -> set[tuple[str, str]]:
        return {(e["change"]["id"], e["change"]["updated_at"]) for e in self.events()}

    def mark(self, name: str) -> Any:
        return parse_time(self.items[STATE][name]["S"])

    def check(self) -> None:
        """What the marks claim is true: all behind them is on the bus."""
        if "bookmark" not in self.items.get(STATE, {}):
            return
        bookmark, settled, there = self.mark("bookmark"), self.mark("settled"), self.on_the_bus()
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
        except (ConnectorError, BotoCoreError) as error:
            self.world.incidents += isinstance(error, TableBusy | LeaseLost)
        except Killed:
            self.world.incidents += 1
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
        step = world.schedule.pop(0) if world.schedule else CALM
        world.lists.pass_time(step.seconds)
        for number, late in step.writes:
            world.lists.write(number, commit_after=late)
        if step.rival:
            Process(world, 900).run()
        if step.fault in ("lost before", "lost after") and name in (
            "put_events",
            "batch_write_item",
        ):
            world.incidents += 1
        held = world.items.get(STATE, {}).get("lease_owner")
        marks = [world.items.get(STATE, {}).get(mark) for mark in ("bookmark", "settled")]
        try:
            return carry_out(step.fault, effect, lost or timeout())
        except Killed:
            self.dead = True
            raise
        finally:
            item = world.items.get(STATE, {})
            if item.get("lease_owner") not in (None, held):
                # Taken from a run that is still under way: what that one has in hand is doubled.
                world.incidents += held is not None
                world.holder = self
            if marks != [item.get(mark) for mark in ("bookmark", "settled")]:
                assert world.holder is self, "moved by a run that had lost the lease"
            world.check()


WRITES = st.tuples(st.integers(0, 30), st.sampled_from([0.0, 0.0, 0.0, 0.7, 50.0, 100.0, 900.0]))
STEPS = st.builds(
    Step,
    seconds=st.sampled_from([0.0, 0.001, 0.05, 0.05, 1.0, 5.0, LEASE_SECONDS + 1.0]),
    writes=st.lists(WRITES, max_size=3).map(tuple),
    fault=st.sampled_from(
        [None] * 8 + ["killed before", "killed after", "lost before", "lost after", "refused"]
    ),
    rival=st.sampled_from([False] * 9 + [True]),
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
    stamps=st.lists(st.integers(0, 12_000), max_size=25),
    schedule=st.lists(STEPS, max_size=150),
    runs=RUNS,
)
@settings(max_examples=300, deadline=None, report_multiple_bugs=False)
def test_nothing_is_lost_and_only_what_broke_is_doubled(
    size: int,
    skew: float,
    stamps: list[int],
    schedule: list[Step],
    runs: list[tuple[float, int]],
) -> None:
    world = World(size=size, skew=skew, schedule=schedule, lists=Lists(size=size))
    for number, microseconds in enumerate(stamps):
        world.lists.write(number, stamp=BEGINNING + timedelta(microseconds=microseconds))
    with patch.object(changes, "PAGE_SIZE", size):
        place(world)
        for pause, seconds in runs:
            world.lists.pass_time(pause)
            Process(world, seconds).run()
        world.schedule.clear()
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
    assert len(world.details) - len(ids) <= size * world.incidents


def place(world: World) -> None:
    """Begin the stream at BEGINNING, so that the first run has something to find."""
    process = Process(world, 900)
    schedule, world.schedule = world.schedule, []
    with process.services.table.lease("default#orders") as lease:
        lease.reset(changes.print_time(BEGINNING), world.stream.fingerprint)
    world.schedule, world.holder = schedule, None
