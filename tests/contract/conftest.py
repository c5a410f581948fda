"""One target, one token and one pace for the whole run; nothing is left behind, no secret shown."""

import os
import secrets
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from connector import aws as clients
from connector import connections
from connector.commerce_layer.changes import parse_time, server_time
from connector.commerce_layer.client import Session
from connector.commerce_layer.messages import Response
from connector.deadline import Deadline
from connector.instances import Instance
from connector.settings import settings
from local.simulator import Simulator
from tests.conftest import put_secret
from tests.contract.functions import Api, Sync, make_bus_and_table
from tests.contract.goods import Goods, make
from tests.contract.granting import claims, token_request
from tests.contract.report import Report, redact
from tests.contract.shop import Record, Shop
from tests.contract.target import Secret, Target
from tests.contract.watch import Watch

# Requests a minute of each class. Test mode has 100, for an address that others may share.
PACE = 80

_report = pytest.StashKey[Report]()


class _Skipping:
    """A clock that sleeping moves: our own simulator sets no limits, and nobody has to wait."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_report] = Report()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    return pytestconfig.stash[_report]


@pytest.fixture(scope="session")
def target(report: Report) -> Iterator[Target]:
    try:
        given = Target.of(os.environ)
    except ValueError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    if given:
        report.hide(given.client_secret)
        yield given
        return
    with Simulator() as simulator:
        yield Target(simulator.api_url, simulator.auth_url, "demo-client", Secret("demo-secret"))


@pytest.fixture(scope="session")
def watch(report: Report) -> Iterator[Watch]:
    with Watch(report.hide) as watch:
        report.watch = watch
        yield watch


@pytest.fixture(scope="session")
def granted(target: Target, watch: Watch) -> Response:
    """The first answer of the token endpoint. Without a token of test mode nothing goes on."""
    answer = watch.exchange(token_request(target), Deadline.after(30))
    if answer.status != 200:
        pytest.exit(f"AUTH_URL answers {answer.status} to CLIENT_ID and CLIENT_SECRET.", 1)
    if claims(answer).get("test") is False:
        pytest.exit("The credentials are of live mode; this suite writes. Use test mode.", 1)
    return answer


@pytest.fixture(scope="session")
def shop(target: Target, watch: Watch, granted: Response, report: Report) -> Iterator[Shop]:
    skipping = _Skipping()
    instance = Instance(
        name="default",
        slug=claims(granted).get("organization", {}).get("slug", "contract"),
        client_id=target.client_id,
        client_secret=target.client_secret,
        api_url=target.api_url,
        auth_url=target.auth_url,
        scope=target.scope,
        rate_limit=PACE,
    )
    clock, sleep = (time.time, time.sleep) if target.external else (skipping, skipping.sleep)
    session = Session(instance, lambda **_: instance, watch, clock=clock, sleep=sleep)
    shop = Shop(session, watch, sleep, f"contract-{secrets.token_hex(4)}")
    report.run = shop.run
    yield shop
    report.left = shop.clean()
    assert not report.left, "records of this run were not deleted; the summary names them"


@pytest.fixture(scope="session")
def crowd(shop: Shop) -> list[Record]:
    """30 customers, more than a page holds, made at the same time. Nobody changes them.

    The second in which they were made has passed: a reading of changes ends where it began, in
    whole seconds of the server's clock.
    """
    group = shop.create("customer_groups")

    def join(number: int) -> Record:
        reference = f"{shop.run}-crowd-{number:02}"
        return shop.create("customers", {"customer_group": group}, reference=reference)

    def now() -> datetime:
        return server_time(shop.client.send("GET", "application").headers.get("date"))

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(join, range(30)))
    newest = parse_time(max(record["attributes"]["updated_at"] for record in made))
    assert shop.eventually(now, lambda time: time > newest) > newest
    return made


@pytest.fixture(scope="session")
def goods(shop: Shop) -> Goods:
    """For all cases, and changed by none."""
    return make(shop)


@pytest.fixture
def functions(
    aws: None, target: Target, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Points them at the target, through the one session that all cases share."""
    for name, value in {
        "INSTANCES": "default",
        "COMMERCE_LAYER_API_URL": target.api_url,
        "COMMERCE_LAYER_AUTH_URL": target.auth_url,
        "EVENT_BUS": "bus",
        "TABLE": "table",
        "CLAIM_CHECK_BUCKET": "claims",
    }.items():
        monkeypatch.setenv(name, value)
    _forget()
    put_secret(
        domain=shop.client.instance.slug,
        client_id=target.client_id,
        client_secret=target.client_secret,
        scope=target.scope,
    )
    monkeypatch.setattr(connections, "Session", lambda *_: shop.session)
    yield
    _forget()


def _forget() -> None:
    """What a container has kept."""
    settings.cache_clear()
    connections.forget()
    clients.forget()


@pytest.fixture
def api(functions: None, shop: Shop) -> Api:
    return Api(shop)


@pytest.fixture
def sync(functions: None) -> Sync:
    return Sync(make_bus_and_table(), _forget)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    outcome = yield
    redact(item.config.stash[_report], outcome)
    return outcome


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := list(config.stash[_report].lines()):
        terminalreporter.section("contract")
        for line in lines:
            terminalreporter.line(line)
