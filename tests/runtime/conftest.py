"""The built artefacts and the deployed stack, once for all tests of this layer."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from local.lambda_runtime import LambdaRuntime
from local.simulator import Simulator
from local.stack import Stack, Subscription, deployment, local_stack
from local.tools import BUILD, MINISTACK, RUNTIME_PYTHON, SAM
from tests.conftest import CREDENTIALS, REGION, create_table
from tests.events import faults

needs_tools = pytest.mark.skipif(
    not all(tool.exists() for tool in (SAM, MINISTACK, RUNTIME_PYTHON)),
    reason="needs Python 3.13 and its tools: make install",
)


@pytest.fixture(autouse=True)
def contract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a consumer receives is held to the schemas of docs/events."""
    found: list[str] = []
    real = Subscription.receive

    def receive(self: Subscription, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        events = real(self, *args, **kwargs)
        found.extend(fault for event in events for fault in faults(event))
        return events

    monkeypatch.setattr(Subscription, "receive", receive)
    yield
    assert not found, found[:5]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """.aws-sam/build, up to date."""
    with deployment.the_build():
        deployment.build(tmp_path_factory.mktemp("build") / "sam.log")
    return BUILD


@pytest.fixture(scope="session")
def shop() -> Iterator[Simulator]:
    """The Commerce Layer that the stack talks to. Shared: tests look at their own records."""
    with Simulator(seed=20) as running:
        yield running


# Of the guardian; happens in its own test alone, since a webhook is there from then on.
DECLARED = "customer_password_resets.create"
# Windows of a few records: an export that takes one job shows nothing.
PARAMETERS = {
    "ScheduleState": "DISABLED",
    "WebhookTopics": f"{DECLARED}:customer",
    "ExportWindow": "40",
    # The account's own bus is there without being made; it plays the user's.
    "CommandBusName": "default",
}


@pytest.fixture(scope="session")
def stack(shop: Simulator) -> Iterator[Stack]:
    """template.yaml deployed, with the instance `default` connected to `shop`."""
    with local_stack(shop, parameters=PARAMETERS) as running:
        yield running


@dataclass(frozen=True)
class Moto:
    """AWS by moto, within reach of other processes: a secret, a bus, a table."""

    endpoint: str

    def client(self, service: str) -> Any:
        session = boto3.Session("testing", "testing", region_name=REGION)
        return session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    def environment(self, shop: Simulator) -> dict[str, str]:
        """What a function needs to work with it and with `shop`."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "COMMERCE_LAYER_API_URL": shop.api_url,
            "COMMERCE_LAYER_AUTH_URL": shop.auth_url,
            "POWERTOOLS_METRICS_NAMESPACE": "test",
            "POWERTOOLS_SERVICE_NAME": "test",
            "EVENT_BUS": "bus",
            "TABLE": "table",
            "CLAIM_CHECK_BUCKET": "bucket",
        }


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    moto = Moto("http://{}:{}".format(*server.get_host_and_port()))
    forget_everything(moto.endpoint)
    moto.client("secretsmanager").create_secret(
        Name="commerce-layer/default", SecretString=json.dumps(dict(CREDENTIALS))
    )
    moto.client("events").create_event_bus(Name="bus")
    create_table(moto.client("dynamodb"), "table")
    yield moto
    server.stop()


def forget_everything(endpoint: str) -> None:
    """All servers of moto in one process share their state, also one after the other."""
    httpx.post(f"{endpoint}/moto-api/reset").raise_for_status()


def taken_by_webhooks(answer: Any) -> None:
    """The answer to a sample: taken, refused for a reason, or nothing has to come again."""
    if "batchItemFailures" in answer:
        assert answer["batchItemFailures"] == []
    else:
        assert answer["statusCode"] in (200, 401), answer


def runtime(package: str, environment: Mapping[str, str]) -> LambdaRuntime:
    """The built function, configured without the template."""
    configuration = {
        "Handler": f"{package}.handler.handler",
        "Timeout": 840,
        "MemorySize": 512,
        "Environment": {"Variables": environment},
    }
    return LambdaRuntime(f"{package.title()}Function", configuration, {})
