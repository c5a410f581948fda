"""Commands under every schedule of faults: each effect at most once, each outcome told truthfully.

The real function, three invocations at a time in simulated time, between a queue that doubles and
reorders, a table and a bus that fail, and the simulated Commerce Layer behind a line that loses
requests, answers, or delivers a request long after nobody waits for it. Invocations are killed at
any call, and when their time is over.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from threading import local
from typing import Any

import pytest

from commands import handler as function
from commands.execute import Services
from connector.attempts import Attempts
from connector.commerce_layer.client import Client, Response, Session
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline
from connector.echoes import Echoes
from connector.errors import OutcomeUnknown, RateLimited, ServerFault, UpstreamTimeout
from connector.event_bus import EventBus
from connector.instances import Instance
from connector.observability import logger
from connector.settings import settings
from connector.turns import Turns
from local.simulator import Simulator
from tests.conftest import CREDENTIALS, LambdaContext
from tests.property.aws_model import Dynamo, Events, Killed, carry_out, timeout
from tests.property.cooperation import Cooperation

START = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
TIMEOUT, VISIBILITY = 120.0, 720.0
AWS_FAULTS = ("lost before", "lost after", "killed before", "killed after")
LINE_FAULTS = (
    "lost before", "lost after", "late", "429", "500 before", "500 after", "killed before",
    "killed after",
)  # fmt: skip
KEEP = 30 * 86_400.0


@dataclass
class World:
    """`commands` by id. `failing` is the chance of each call to meet a fault."""

    simulator: Simulator
    transport: Transport
    seed: int
    failing: float = 0.12
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    together: Cooperation = field(default_factory=lambda: Cooperation(START))
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    queue: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    late: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    busy: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a fixed run, not a secret
        self.current = local()
        instance = Instance(
            name="default",
            slug="demo",
            client_id=CREDENTIALS["client_id"],
            client_secret=CREDENTIALS["client_secret"],
            api_url=self.simulator.api_url,
            auth_url=self.simulator.auth_url,
        )
        self.session = Session(
            instance, lambda **_: instance, self.transport, clock=self.now, sleep=lambda _: None
        )

    def now(self) -> float:
        return self.together.now

    def client(self) -> "Line":
        return Line(self.session, Deadline.after(1000), self)

    # --- What calls meet ------------------------------------------------------------------------

    def fate(self, faults: tuple[str, ...]) -> str | None:
        if getattr(self.current, "dead", False):
            raise Killed  # nothing of a killed process runs on
        if self.random.random() < self.failing:
            return self.random.choice(faults)
        return None

    def call(self, _: str, effect: Callable[[bool], dict[str, Any]]) -> dict[str, Any]:
        """Of AWS: 10 ms, or the seconds that a time-out takes."""
        fault: Any = self.fate(AWS_FAULTS)
        self.spend(3.0 if fault and "lost" in fault else 0.01)
        try:
            return carry_out(fault, effect, timeout())
        except Killed:
            self.current.dead = True
            raise

    def spend(self, seconds: float) -> None:
        """Others go on meanwhile; what was under way arrives; Lambda ends what takes too long."""
        self.together.sleep(seconds)
        self.simulator.clock.freeze(round(self.now() * 1e6))
        for each in [each for each in self.late if each[0] <= self.now()]:
            self.late.remove(each)
            each[1]()
        if self.now() > self.current.until:
            self.current.dead = True
            raise Killed

    # --- The queue ------------------------------------------------------------------------------

    def send(self, command: dict[str, Any]) -> None:
        """Some are delivered twice, all of them in any order."""
        self.commands[command["command_id"]] = command
        for copy in range(1 + (self.random.random() < 0.3)):
            record = {
                "messageId": f"{command['command_id']}-{copy}",
                "receiptHandle": f"{command['command_id']}-{copy}",
                "body": json.dumps(command),
                "attributes": {
                    "SentTimestamp": str(round(START * 1000)),
                    "ApproximateReceiveCount": "0",
                },
            }
            self.queue.append((START + self.random.uniform(0, 30), record))

    def change_message_visibility(self, **request: Any) -> None:
        self.current.delays[request["ReceiptHandle"]] = request["VisibilityTimeout"]

    def consumer(self) -> None:
        while self.queue or self.busy:
            due = [each for each in self.queue if each[0] <= self.now()]
            batch = self.random.sample(due, min(len(due), self.random.randint(1, 3)))
            if not batch:
                self.together.sleep(5.0)
                continue
            for each in batch:
                self.queue.remove(each)
            self.busy += 1
            self.invoke([record for _, record in batch])
            self.busy -= 1

    def invoke(self, records: list[dict[str, Any]]) -> None:
        self.current.dead, self.current.delays = False, {}
        self.current.until = self.now() + TIMEOUT
        for each in records:
            counts = each["attributes"]
            counts["ApproximateReceiveCount"] = str(int(counts["ApproximateReceiveCount"]) + 1)
        try:
            answer = function.handler({"Records": records}, LambdaContext(remaining_ms=120_000))
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        except Killed:
            failed = {each["messageId"] for each in records}
        for each in records:
            if each["messageId"] in failed:
                delay = self.current.delays.get(each["receiptHandle"], VISIBILITY)
                self.queue.append((self.now() + delay, each))

    # --- What came of it ------------------------------------------------------------------------

    def run(self) -> None:
        self.together.run([self.consumer] * 3)

    def outcomes(self) -> dict[str, str]:
        """By command. Every command has one; what was told before was the same, or `unknown`."""
        told: dict[str, list[str]] = defaultdict(list)
        ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        for detail in map(json.loads, self.details):
            outcome = detail["command"]["outcome"]
            told[detail["caused_by"]].append(outcome)
            ids[detail["caused_by"], outcome].add(detail["id"])
        assert set(told) == set(self.commands)
        assert all(len(each) == 1 for each in ids.values()), "the same outcome, another id"
        for outcomes in told.values():
            assert len({each for each in outcomes if each != "unknown"}) <= 1
        return {
            command: next((each for each in outcomes if each != "unknown"), "unknown")
            for command, outcomes in told.items()
        }


class Line(Client):
    """The way to Commerce Layer: it loses requests and answers, and some arrive late."""

    __slots__ = ("world",)

    def __init__(self, session: Session, deadline: Deadline, world: World) -> None:
        super().__init__(session, deadline)
        object.__setattr__(self, "world", world)

    def send(
        self,
        method: str,
        path: str,
        query: Any = "",
        document: Mapping[str, Any] | bytes | None = None,
    ) -> Response:
        world: World = self.world  # type: ignore[attr-defined]

        def deliver() -> Response:
            return Client.send(self, method, path, query, document)

        fault = world.fate(LINE_FAULTS)
        kind, _, when = (fault or "").partition(" ")
        world.spend(20.0 if kind in ("lost", "late") else 0.05)
        if when == "after":
            ignore(deliver)
        if fault == "late" and method != "GET":
            # It is carried out after a while, when nobody waits for it any more.
            arrival = world.now() + world.random.uniform(0, 30)
            world.late.append((arrival, lambda: ignore(deliver)))
        if kind == "killed":
            world.current.dead = True
            raise Killed
        if kind:
            raise failure(kind, writes=method != "GET")
        return deliver()


def failure(kind: str, *, writes: bool) -> Exception:
    """As the transport would have it."""
    if kind == "429":
        return RateLimited("slow down", retry_after=5.0)
    if kind == "500":
        broken = ServerFault("500", status=500)
        broken.retryable = not writes
        return broken
    return OutcomeUnknown("lost") if writes else UpstreamTimeout("lost")


def ignore(deliver: Callable[[], Response]) -> None:
    """The server does or refuses it; nobody hears."""
    try:
        deliver()
    except Exception:  # noqa: BLE001
        return


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Simulator, Transport]]:
    with Simulator(token_limit=0) as running:
        transport = Transport()
        yield running, transport
        transport.close()


@pytest.fixture
def world_of(
    shop: tuple[Simulator, Transport], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., World]]:
    """The function works with a world instead of AWS and the time of day."""

    def put(seed: int, **given: Any) -> World:
        simulator, transport = shop
        simulator.clock.freeze(round(START * 1e6))
        world = World(simulator, transport, seed, **given)
        dynamodb: Any = Dynamo(world.items, world.call)
        attempts = Attempts(dynamodb, "table", "command", keep=KEEP, clock=world.now)
        turns = Turns(dynamodb, "table", keep=KEEP, clock=world.now)
        echoes = Echoes(dynamodb, "table", clock=world.now)
        events: Any = Events(world.details, world.call)

        def services(client: Client, _: Deadline) -> Services:
            left = world.current.until - world.now()
            return Services(client, attempts, turns, echoes, left + function.GRACE)

        bus = EventBus(events, "bus", bucket="claims", s3=lambda: None, sleep=lambda _: None)
        monkeypatch.setattr(function, "services", services)
        monkeypatch.setattr(function, "bus", lambda: bus)
        monkeypatch.setattr(function, "connect", lambda *_: world.client())
        monkeypatch.setattr("commands.handler.aws.client", lambda _: world)
        monkeypatch.setattr("commands.handler.random.uniform", lambda low, _: low)
        return world

    settings.cache_clear()
    monkeypatch.setenv("ATTEMPT_DAYS", "3650")
    level = logger.log_level
    logger.setLevel("CRITICAL")
    yield put
    logger.setLevel(level)
    settings.cache_clear()


SEEDS = range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_is_never_moved_twice(world_of: Callable[..., World], seed: int) -> None:
    """Captures of equal and of other amounts, of one authorization, all at the same time."""
    world = world_of(seed)
    authorization = authorize(world.simulator, 100_000)
    for number in range(6):
        amount = world.random.choice([300, 300, 500])
        world.send(capture(f"c-{number}", authorization, amount))
    world.run()
    assert_truth(world, authorization)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_that_others_move_too(world_of: Callable[..., World], seed: int) -> None:
    """Somebody captures by hand meanwhile: ours may come to be unknown, and is never doubled."""
    world = world_of(seed)
    authorization = authorize(world.simulator, 100_000)
    for number in range(4):
        world.send(capture(f"c-{number}", authorization, 300))

    def somebody() -> None:
        for _ in range(5):
            world.together.sleep(world.random.uniform(10, 80))
            attributes = {"_capture": True, "_capture_amount_cents": 77}
            data = {"type": "authorizations", "id": authorization, "attributes": attributes}
            Client.send(
                world.client(), "PATCH", f"authorizations/{authorization}", "", {"data": data}
            )

    world.together.run([*[world.consumer] * 3, somebody])
    assert_truth(world, authorization)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_created_is_created_once(world_of: Callable[..., World], seed: int) -> None:
    world = world_of(seed)
    for number in range(5):
        world.send(
            {
                "command_id": f"{seed}-{number}",
                "instance": "default",
                "action": "create",
                "resource": "customer_groups",
                "attributes": {"name": f"{seed}-{number}"},
            }
        )
    world.run()
    store = world.simulator.store
    made = Counter(record.get("reference") for record in store.all("customer_groups"))
    for command, outcome in world.outcomes().items():
        if outcome == "unknown":
            assert made[command] <= 1
        else:
            assert made[command] == {"done": 1, "not_done": 0}[outcome], (command, outcome)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_newest_is_what_stays(world_of: Callable[..., World], seed: int) -> None:
    world = world_of(seed)
    sku = world.simulator.store.put(
        "skus", {"code": f"S-{seed}-{world.simulator.port}", "name": "0"}
    )
    keys = list(range(1, 7))
    world.random.shuffle(keys)
    for key in keys:
        world.send(
            {
                "command_id": f"{seed}-{key}",
                "instance": "default",
                "action": "update",
                "resource": "skus",
                "match": {"code": sku.get("code")},
                "attributes": {"name": str(key)},
                "order_key": key,
            }
        )
    world.run()
    outcomes = {int(command.split("-")[1]): each for command, each in world.outcomes().items()}
    final = int(world.simulator.store.get("skus", sku.id).get("name"))  # type: ignore[union-attr]
    done = [key for key, each in outcomes.items() if each == "done"]
    assert final >= max(done)
    assert final in done or outcomes[final] == "unknown"


def test_without_faults_everything_is_done(world_of: Callable[..., World]) -> None:
    world = world_of(1, failing=0.0)
    authorization = authorize(world.simulator, 100_000)
    for number in range(6):
        world.send(capture(f"c-{number}", authorization, 300))
    world.run()
    assert set(world.outcomes().values()) == {"done"}
    assert captured(world.simulator, authorization) == Counter({300: 6})


def assert_truth(world: World, authorization: str) -> None:
    """By amount, as equal ones cannot be told apart."""
    found = captured(world.simulator, authorization)
    by_amount: dict[int, Counter[str]] = defaultdict(Counter)
    for command, outcome in world.outcomes().items():
        amount = world.commands[command]["attributes"]["_capture_amount_cents"]
        by_amount[amount][outcome] += 1
    for amount, told in by_amount.items():
        assert told["done"] <= found[amount] <= told["done"] + told["unknown"], (
            amount,
            told,
            found,
        )


def capture(command_id: str, authorization: str, amount: int) -> dict[str, Any]:
    return {
        "command_id": command_id,
        "instance": "default",
        "action": "trigger",
        "resource": "authorizations",
        "id": authorization,
        "trigger": "capture",
        "attributes": {"_capture_amount_cents": amount},
    }


def authorize(simulator: Simulator, amount: int) -> str:
    """An approved order that costs so much, as the gateway has authorized it."""
    order = simulator.store.put(
        "orders",
        {
            "status": "approved",
            "payment_status": "authorized",
            "fulfillment_status": "unfulfilled",
            "total_amount_with_taxes_cents": amount,
        },
    )
    names = ("amount", "capture_amount", "capture_balance", "void_balance")
    values = {f"{name}_cents": amount for name in names} | {"succeeded": True}
    return simulator.store.put("authorizations", values, {"order": order}).id


def captured(simulator: Simulator, authorization: str) -> Counter[int]:
    record = simulator.store.get("authorizations", authorization)
    assert record
    return Counter(each.get("amount_cents") for each in simulator.store.related(record, "captures"))
