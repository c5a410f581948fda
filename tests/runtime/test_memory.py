"""Memory: what both functions need at most, in the Lambda runtime."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.lambda_runtime import LambdaRuntime
from local.simulator import Simulator
from tests.component.http_api import event
from tests.conftest import CREDENTIALS, REGION
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, pytest.mark.slow]

ORDERS = 2_000  # with 10,000 it is the same 61 MB, five times as slow
MOST = 128 * 1024  # KiB
START = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """AWS by moto, and a shop with orders, within reach of other processes."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    session = boto3.Session("testing", "testing", region_name=REGION)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload]

    client("secretsmanager").create_secret(
        Name="commerce-layer/default", SecretString=json.dumps(dict(CREDENTIALS))
    )
    client("events").create_event_bus(Name="bus")
    client("dynamodb").create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    # The limits are wide and told in every answer, so that pacing does not take minutes.
    with Simulator(seed=ORDERS, limits="sliding", limit_scale=100, log_size=0) as shop:
        yield {
            "AWS_ENDPOINT_URL": endpoint,
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
    server.stop()


def runtime(package: str, environment: dict[str, str]) -> LambdaRuntime:
    configuration = {
        "Handler": f"{package}.handler.handler",
        "Timeout": 840,
        "MemorySize": 512,
        "Environment": {"Variables": environment},
    }
    return LambdaRuntime(f"{package.title()}Function", configuration, {})


def test_syncing_many_orders_stays_small(built: Path, environment: dict[str, str]) -> None:
    with runtime("sync", environment) as function:
        result = function.invoke({"instance": "default", "stream": "orders", "from": "full"})
        assert not result.failed, function.log()
        assert result.payload["published"] == ORDERS
        assert result.payload["requests"] <= ORDERS / 25 + 5
        assert function.peak_memory() <= MOST


def test_reading_large_pages_stays_small(built: Path, environment: dict[str, str]) -> None:
    query = "page[size]=25&include=line_items,shipments,customer,market,shipping_address"
    with runtime("api", environment) as function:
        for page in range(1, 41):
            path = "/instances/default/api/orders"
            result = function.invoke(event("GET", path, f"{query}&page[number]={page}"))
            assert result.payload["statusCode"] == 200, result.payload
        assert function.peak_memory() <= MOST
