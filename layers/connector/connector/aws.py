"""Clients of AWS services, one of each a container.

Made by botocore, which boto3 is a shell around: `import boto3` also loads `boto3.resources`,
that nothing here uses and every cold start would pay for. The clients are the same objects.
"""

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, overload

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_secretsmanager import SecretsManagerClient

# The retry mode is explicit so that a new botocore does not change it under us. The timeouts
# are short because these services answer in milliseconds and the invocation has an end.
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=1,
    read_timeout=3,
    tcp_keepalive=True,
)

# For who must answer within seconds: one attempt, so that there is time for another way.
QUICK = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=0.3,
    read_timeout=0.6,
    tcp_keepalive=True,
)

# For large objects: S3 may think about them for a while.
PATIENT = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=30,
    tcp_keepalive=True,
)

_making = Lock()  # botocore's Session is not safe to use from several threads


class _Loader(Loader):
    """Knows which services are meant.

    botocore's own looks into the folders of all of its 400 services before it loads one: a fifth
    of the time that a first client takes.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        return ["dynamodb", "events", "s3", "secretsmanager", "sqs", "stepfunctions"]


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _Loader())
    return session


@cache
def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config)


@overload
def client(service: Literal["secretsmanager"], config: Config = ...) -> "SecretsManagerClient": ...
@overload
def client(service: Literal["events"], config: Config = ...) -> "EventBridgeClient": ...
@overload
def client(service: Literal["dynamodb"], config: Config = ...) -> "DynamoDBClient": ...
@overload
def client(service: Literal["s3", "sqs", "stepfunctions"], config: Config = ...) -> Any: ...
def client(service: str, config: Config = CONFIG) -> Any:
    """The container's client of `service`; made at the first call, region as Lambda sets it."""
    with _making:
        return _client(service, config)


def forget() -> None:
    """Drop all clients, for tests that change region, endpoint or credentials."""
    with _making:
        _client.cache_clear()
        _session.cache_clear()
