"""Whoever applies the events ends with Commerce Layer's own data, after an hour of everything."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from connector import streams
from connector.commerce_layer import changes
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

TICK = 300.0
FAULTS: tuple[Fault, ...] = ("killed before", "killed after", "lost before", "lost after")
STREAM = Stream("skus", "skus", Query(), deletions=timedelta(minutes=20))


@dataclass
class World:
    """Commerce Layer and AWS in memory; `traffic` happens between any two calls of ours."""

    stream: Stream = STREAM
    lists: Lists = field(default_factory=lambda: Lists(kind="skus"))
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    traffic: Callable[[float], None] = lambda _seconds: None
    fault: Callable[[], Fault | None] = lambda: None
    dead: bool = False
    asked: int = 0

    def pass_time(self, seconds: float) -> None:
        self.traffic(seconds)
        self.lists.pass_time(seconds)

    def clock(self) -> float:
        return self.lists.now.timestamp()

    def call(
        self,
        _: str,
        effect: Callable[[bool], dict[str, Any]],
        lost: Exception | None = None,
    ) -> dict[str, Any]:
        if self.dead:
            raise Killed
        self.pass_time(0.02)
        try:
            return carry_out(self.fault(), effect, lost or timeout())
        except Killed:
            self.dead = True
            raise

    def fetch(self, query: Query) -> tuple[Mapping[str, Any], str]:
        def effect(_: bool) -> dict[str, Any]:
            return dict(zip(("document", "date"), self.lists.fetch(query), strict=True))

        self.asked += 1
        self.pass_time(0.3)
        answer = self.call("fetch", effect, UpstreamTimeout("no answer"))
        return answer["document"], answer["date"]

    def tick(self) -> Result | None:
        """One run of the function; None if it broke off."""
        self.dead = False
        table = Table(
            Dynamo(self.items, self.call),  # type: ignore[arg-type]  # the part that is used
            "table",
            clock=self.clock,
            sleep=self.pass_time,
        )
        bus = EventBus(
            Events(self.details, self.call),  # type: ignore[arg-type]  # the part that is used
            "bus",
            bucket="bucket",
            s3=lambda: None,
            sleep=self.pass_time,
        )
        deadline = Deadline(self.clock() + 840, self.clock)
        source = Source("default", "sync", "c", stream=self.stream.name)
        try:
            return run(self.stream, source, Services(self.fetch, table, bus, deadline))
        except (ConnectorError, BotoCoreError, Killed):
            return None

    def consumer(self) -> dict[str, str]:
        """What docs/events.md tells consumers to do: drop known ids, older states, the dead."""
        held: dict[str, str] = {}
        known, gone = set(), set()
        for detail in map(json.loads, self.details):
            change = detail["change"]
            if detail["id"] in known:
                continue
            known.add(detail["id"])
            if detail["topic"].endswith(".deleted"):
                gone.add(change["id"])
                held.pop(change["id"], None)
            elif change["id"] not in gone and held.get(change["id"], "") < change["updated_at"]:
                held[change["id"]] = change["updated_at"]
        return held

    def truth(self) -> dict[str, str]:
        return {version.id: version.printed for version in self.lists.visible.values()}


@dataclass
class Traffic:
    """Inserts, changes, imports, deletions, a hot record, late commits, at random."""

    lists: Lists
    random: random.Random
    numbers: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def __call__(self, seconds: float) -> None:
        if seconds >= 1:  # between two runs, a second at a time
            for _ in range(int(seconds)):
                self(0.3)
            return
        self.lists.write(7)
        if self.random.random() > seconds:
            return
        kinds = ("insert", "change", "late change", "late insert", "delete", "import", "brief")
        kind = self.random.choices(kinds, (6, 10, 3, 3, 2, 0.3, 1))[0]
        self.counts[kind] = self.counts.get(kind, 0) + 1
        late = self.random.choice((0.5, 30, 200, 890)) if "late" in kind else 0.0
        if kind == "import":
            for _ in range(self.random.choice((24, 25, 26, 130))):
                self.lists.write(self.new())
        elif kind == "delete":
            self.lists.delete(self.any())
        elif kind == "brief":  # there for a moment only
            self.lists.delete(self.lists.write(self.new()).number)
        elif "insert" in kind:
            self.lists.write(self.new(), commit_after=late)
        else:
            self.lists.write(self.any(), commit_after=late)

    def new(self) -> int:
        self.numbers += 1
        return 1000 + self.numbers

    def any(self) -> int:
        """A record that nobody is just writing: a database locks what a transaction changes."""
        locked = {version.number for version in self.lists.under_way} | {7}
        return self.random.choice([n for n in self.lists.visible if n not in locked])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("faults", [0.0, 0.004])
def test_after_an_hour_of_everything_the_consumer_has_the_same_data(
    seed: int, faults: float
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    world = World()
    for number in range(400):
        world.lists.write(number, stamp=BEGINNING - timedelta(seconds=number))
    world.stream = replace(STREAM, first=streams.EPOCH)
    traffic = Traffic(world.lists, chance)
    world.traffic = traffic
    world.fault = lambda: chance.choice(FAULTS) if chance.random() < faults else None
    spent = []
    for _ in range(12):
        before = world.asked
        world.tick()
        spent.append(world.asked - before)
        world.pass_time(TICK)
    assert min(traffic.counts.values()) > 0
    assert len(traffic.counts) == 7
    world.traffic, world.fault = lambda _: None, lambda: None
    for pause in (LEASE_SECONDS + 1, STREAM.settle.total_seconds() + 1, 1201.0, 1201.0):
        world.lists.pass_time(pause)
        result = world.tick()
        assert result is not None
        assert result.complete
        assert result.refused == 0
    assert world.consumer() == world.truth()
    print(f"{sum(traffic.counts.values())} changes in an hour: {spent} requests a tick")
    assert max(spent) <= 100
    assert sum(spent) <= 12 * 40


def test_at_rest_a_tick_costs_two_requests_and_a_look_for_deletions_one_for_25_records() -> None:
    world = World()
    for number in range(1_000):
        world.lists.write(number, stamp=BEGINNING - timedelta(days=1, seconds=number))
    spent = []
    for _ in range(12):
        result = world.tick()
        assert result is not None
        spent.append(result.requests)
        world.lists.pass_time(TICK)
    rest, look = 2, 1_000 // 25 + 1
    # The first asks for the time too; nothing has to be settled before there is a second bookmark.
    first = [2 + look, 1, 1, rest]
    assert spent == [*first, *([rest + look, rest, rest, rest] * 2)]


@pytest.mark.parametrize("name", streams.names())
def test_10_000_changed_records_of_any_stream_cost_405_requests_at_most(name: str) -> None:
    world = World(stream=replace(streams.find(name), deletions=None), lists=Lists(kind=name))
    assert world.tick()
    world.lists.pass_time(3600)
    for number in range(10_000):
        shared = min(max(number - 4_990, 0), 199)
        stamp = BEGINNING + timedelta(minutes=30) + (number - shared) * changes.MILLISECOND
        world.lists.write(number, stamp=stamp)
    result = world.tick()
    assert result is not None
    assert result.complete
    assert result.published == 10_000
    assert result.requests <= 405
