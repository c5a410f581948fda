"""The `api` function in this process, with a simulated Commerce Layer behind real sockets."""

import io
import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from bulk_imports import tasks
from connector import aws as clients
from connector import connections, writes
from connector.commerce_layer.client import Session
from connector.commerce_layer.transport import Transport
from connector.import_ledger import Ledger
from connector.job_slots import JobSlots
from connector.observability import logger
from connector.settings import settings
from local.simulator import Simulator
from tests.component.commands_world import Commands
from tests.component.import_world import BUCKET, Clock, Imports
from tests.component.sync_world import FastClock, Sync
from tests.conftest import REGION, create_table, put_secret
from tests.events import held_to_the_contract

# What no log line may hold: credentials, tokens, an e-mail address, signs of a query or a body.
FORBIDDEN = re.compile(r"demo-secret|eyJ|Bearer|[\w.+-]+@[\w-]+\.|%5B|filter\[|attributes\"|ERP-")


@pytest.fixture(autouse=True)
def contract() -> Iterator[None]:
    """Whatever any test publishes is held to the schemas of docs/events."""
    with held_to_the_contract() as faults:
        yield
    assert not faults, faults[:5]


@pytest.fixture
def logs(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[io.StringIO]:
    """What the function logs. At the end of every test it is searched for what may not be there."""
    stream = io.StringIO()
    handler = logger.handlers[0]
    monkeypatch.setattr(handler, "stream", stream)
    yield stream
    # Metrics are printed; other libraries' warnings reach the root logger.
    everything = stream.getvalue() + capsys.readouterr().out + caplog.text
    assert not FORBIDDEN.search(everything)


@pytest.fixture
def point_to(
    aws: None, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Simulator], Simulator]]:
    """Points the function to a simulator, with a secret for it and nothing cached."""

    def point(simulator: Simulator) -> Simulator:
        monkeypatch.setenv("INSTANCES", "default")
        monkeypatch.setenv("COMMERCE_LAYER_API_URL", simulator.api_url)
        monkeypatch.setenv("COMMERCE_LAYER_AUTH_URL", simulator.auth_url)
        settings.cache_clear()
        connections.forget()
        put_secret()
        return simulator

    yield point
    settings.cache_clear()
    connections.forget()


@pytest.fixture
def api(simulator: Simulator, point_to: Callable[[Simulator], Simulator]) -> Simulator:
    """The function is connected to a small shop of this test's own."""
    simulator.settings.token_limit = 0
    return point_to(simulator)


@pytest.fixture(scope="module")
def shop() -> Iterator[Simulator]:
    with Simulator(seed=20, token_limit=0) as running:
        yield running


@pytest.fixture
def shared_api(shop: Simulator, point_to: Callable[[Simulator], Simulator]) -> Simulator:
    """The same, shared by the tests of a module: for those that change nothing."""
    return point_to(shop)


@pytest.fixture
def empty() -> Iterator[Simulator]:
    with Simulator(token_limit=0) as running:
        yield running


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sessions with a clock of their own: pauses are over at once."""
    clock, transport = FastClock(), Transport()
    monkeypatch.setattr(
        connections,
        "Session",
        lambda instance, load, _: Session(
            instance, load, transport, clock=clock, sleep=clock.sleep
        ),
    )
    yield
    transport.close()


@pytest.fixture
def sync(
    empty: Simulator,
    point_to: Callable[[Simulator], Simulator],
    no_waiting: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sync]:
    for name, value in {
        "EVENT_BUS": "bus",
        "TABLE": "table",
        "CLAIM_CHECK_BUCKET": "claims",
    }.items():
        monkeypatch.setenv(name, value)
    clients.forget()
    point_to(empty)
    clients.client("events").create_event_bus(Name="bus")
    create_table(clients.client("dynamodb"), "table")
    running = Sync(empty)
    running.watch()
    yield running
    clients.forget()
    settings.cache_clear()


@pytest.fixture
def commands(
    simulator: Simulator,
    point_to: Callable[[Simulator], Simulator],
    no_waiting: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Commands]:
    """What was sent a moment ago is not under way any more: nothing has to settle."""
    simulator.settings.token_limit = 0
    for name, value in {
        "EVENT_BUS": "bus",
        "TABLE": "table",
        "CLAIM_CHECK_BUCKET": "claims",
        "COMMAND_QUEUE": "https://sqs.test/queue",
    }.items():
        monkeypatch.setenv(name, value)
    clients.forget()
    point_to(simulator)
    clients.client("events").create_event_bus(Name="bus")
    create_table(clients.client("dynamodb"), "table")
    monkeypatch.setattr(writes, "SETTLE_SECONDS", 0.0)
    running = Commands(simulator)
    running.watch()
    client = clients.client
    monkeypatch.setattr(
        clients, "client", lambda name, *more: running if name == "sqs" else client(name, *more)
    )
    yield running
    clients.forget()


@pytest.fixture
def imports(
    empty: Simulator,
    point_to: Callable[[Simulator], Simulator],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Imports]:
    for name, value in {
        "EVENT_BUS": "bus",
        "TABLE": "table",
        "CLAIM_CHECK_BUCKET": "claims",
        "TRANSFER_BUCKET": BUCKET,
    }.items():
        monkeypatch.setenv(name, value)
    clients.forget()
    point_to(empty)
    clients.client("events").create_event_bus(Name="bus")
    create_table(clients.client("dynamodb"), "table")
    clients.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    clock, transport = Clock(), Transport()
    monkeypatch.setattr(
        connections,
        "Session",
        lambda instance, load, _: Session(
            instance, load, transport, clock=clock, sleep=clock.sleep
        ),
    )
    monkeypatch.setattr(tasks, "Ledger", partial(Ledger, clock=clock))
    monkeypatch.setattr(tasks, "JobSlots", partial(JobSlots, clock=clock))
    running = Imports(empty, clock)
    running.watch()
    yield running
    transport.close()
    clients.forget()
    settings.cache_clear()
