"""What every layer of tests stands on: a simulated Commerce Layer and a mocked AWS."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from xdist.scheduler import LoadScopeScheduling

from local.simulator import Simulator

REGION = "eu-west-1"
CREDENTIALS = MappingProxyType(
    {
        "domain": "demo",
        "client_id": "demo-client",
        "client_secret": "demo-secret",
        "scope": "",
        "grant_type": "client_credentials",
        "response_auth_token_key": "accessToken",
    }
)
AWS_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# Handlers make their clients when they are imported, and no test may meet a real account.
os.environ |= AWS_ENVIRONMENT


@dataclass
class LambdaContext:
    """The part of Lambda's context object that handlers may use."""

    remaining_ms: int = 29_000
    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:123456789012:function:test"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@pytest.fixture
def lambda_context() -> LambdaContext:
    return LambdaContext()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A small shop: 20 of everything that is sold, bought and shipped."""
    with Simulator(seed=20) as running:
        yield running


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in memory (moto), for this process only. Nothing in it yet."""
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def create_table(client: Any, name: str) -> None:
    """With the keys of the stack's table."""
    keys = {"pk": "HASH", "sk": "RANGE"}
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": each, "KeyType": kind} for each, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in keys],
    )


def put_secret(name: str = "commerce-layer/default", **changes: Any) -> None:
    """Create or change the secret of an instance; a value of None leaves the key out."""
    values = {k: v for k, v in {**CREDENTIALS, **changes}.items() if v is not None}
    client = boto3.client("secretsmanager", region_name=REGION)
    try:
        client.create_secret(Name=name, SecretString=json.dumps(values))
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=json.dumps(values))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first; the rest in the order of pytest-randomly."""
    items.sort(key=lambda item: not item.nodeid.startswith(RUNTIME))


RUNTIME = "tests/runtime/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it carries no types
    """How tests are dealt out to several processes (`-n`): a file stays together, and all that
    work with the one build in .aws-sam.
    """

    def _split_scope(self, nodeid: str) -> str:
        return RUNTIME if nodeid.startswith(RUNTIME) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
