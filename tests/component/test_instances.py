"""Instances out of Secrets Manager: moto's, and one that refuses."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from connector import aws as clients
from connector import instances
from connector.errors import ConfigurationError, SecretUnavailable
from connector.settings import settings
from local.processes import free_port
from tests.component.wire import Step, Wire, answer, wire
from tests.conftest import REGION, put_secret

NAME = "commerce-layer/default"


class Clock:
    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(instances, "time", made)
    return made


@pytest.fixture(autouse=True)
def nothing_cached(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INSTANCES", "default")
    for forget in (settings.cache_clear, instances.forget, clients.forget):
        forget()
    yield
    for forget in (settings.cache_clear, instances.forget, clients.forget):
        forget()


def test_a_secret_is_read_once_in_five_minutes(clock: Clock) -> None:
    put_secret(client_secret="old")
    first = instances.load("default")
    put_secret(client_secret="new")
    assert instances.load("default") is first
    clock.ahead = 299
    assert instances.load("default").client_secret == "old"
    clock.ahead = 301
    second = instances.load("default")
    assert second.client_secret == "new"
    assert second.secret_version != first.secret_version


def test_fresh_reads_past_the_cache_and_fills_it() -> None:
    put_secret(client_secret="old")
    instances.load("default")
    put_secret(client_secret="new")
    assert instances.load("default", fresh=True).client_secret == "new"
    assert instances.load("default").client_secret == "new"


def test_a_secret_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=f"'{NAME}' does not exist: create it"):
        instances.load("default")


def test_a_secret_that_is_scheduled_for_deletion() -> None:
    put_secret()
    boto3.client("secretsmanager", region_name=REGION).delete_secret(SecretId=NAME)
    with pytest.raises(ConfigurationError, match="is scheduled for deletion: restore it"):
        instances.load("default")


def test_a_secret_that_is_binary() -> None:
    client = boto3.client("secretsmanager", region_name=REGION)
    client.create_secret(Name=NAME, SecretBinary=b"{}")
    with pytest.raises(ConfigurationError, match="is binary: store a JSON object as text"):
        instances.load("default")


def test_a_wrong_secret_is_not_cached() -> None:
    put_secret(domain="https://evil.example")
    with pytest.raises(ConfigurationError, match="domain"):
        instances.load("default")
    put_secret()
    assert instances.load("default").slug == "demo"


def refused(code: str) -> Step:
    document = {"__type": code, "message": "arn:aws:… is not authorized, by a long text"}
    return answer(400, document, headers={"Content-Type": "application/x-amz-json-1.1"})


class TestWithAnotherServer:
    """Secrets Manager as a server of ours: moto knows no permissions and no faults."""

    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
        with wire() as made:
            monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", made.url)
            clients.forget()
            yield made
            clients.forget()

    @staticmethod
    def secret() -> Step:
        text = '{"domain": "demo", "client_id": "i", "client_secret": "s"}'
        return answer(document={"SecretString": text, "VersionId": "v1", "Name": NAME})

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("AccessDeniedException", "allow this function's role secretsmanager:GetSecretValue"),
            ("DecryptionFailure", "allow this function's role kms:Decrypt"),
        ],
    )
    def test_no_permission(self, server: Wire, code: str, message: str) -> None:
        server.steps.append(refused(code))
        with pytest.raises(ConfigurationError, match=message) as caught:
            instances.load("default")
        assert "long text" not in str(caught.value)
        assert len(server.requests) == 1

    def test_a_fault_of_aws_itself_may_pass(self, server: Wire) -> None:
        server.steps += [refused("ThrottlingException")]
        with pytest.raises(SecretUnavailable, match=r"cannot be read now \(Throttling") as caught:
            instances.load("default")
        assert caught.value.retryable
        assert "long text" not in str(caught.value)
        assert len(server.requests) == 3  # botocore's own tries

    def test_an_aws_that_is_out_of_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
        clients.forget()
        with pytest.raises(SecretUnavailable, match=r"now \(EndpointConnectionError\)"):
            instances.load("default")

    def test_an_old_read_serves_while_aws_has_a_fault(self, server: Wire, clock: Clock) -> None:
        server.steps += [self.secret(), refused("ThrottlingException")]
        first = instances.load("default")
        clock.ahead = 301
        assert instances.load("default") is first
        assert instances.load("default") is first
        assert len(server.requests) == 1 + 3  # and it is left in peace for a while
        with pytest.raises(SecretUnavailable):
            instances.load("default", fresh=True)

    def test_threads_that_begin_together_read_once(self, server: Wire) -> None:
        server.steps.append(self.secret())
        gate = threading.Barrier(8)

        def load(_: int) -> instances.Instance:
            gate.wait(5)
            return instances.load("default")

        with ThreadPoolExecutor(8) as pool:
            loaded = list(pool.map(load, range(8)))
        assert len(server.requests) == 1
        assert all(instance is loaded[0] for instance in loaded)
