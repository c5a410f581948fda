"""Tokens over real sockets: threads, rotation under a warm container, a wrong secret."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector import aws as clients
from connector import connections
from connector.connections import connect
from connector.deadline import Deadline
from connector.errors import AuthenticationRefused, ConfigurationError, ConnectorError
from connector.settings import settings
from local.simulator import Simulator
from tests.conftest import put_secret

THREADS = 16


@pytest.fixture(autouse=True)
def stack(aws: None, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INSTANCES", "default")
    monkeypatch.setenv("COMMERCE_LAYER_API_URL", simulator.api_url)
    monkeypatch.setenv("COMMERCE_LAYER_AUTH_URL", simulator.auth_url)
    settings.cache_clear()
    connections.forget()
    clients.forget()
    put_secret()
    yield
    settings.cache_clear()
    connections.forget()
    clients.forget()


def token_requests(simulator: Simulator) -> int:
    return sum(request.path == "/oauth/token" for request in simulator.requests)


def read() -> str:
    return str(connect("default", Deadline.after(10)).list("markets")["data"][0]["type"])


def at_once(call: Callable[[], object]) -> list[object]:
    """What the call gave or raised, in each of many threads that begin together."""
    gate = threading.Barrier(THREADS)

    def run(_: int) -> object:
        gate.wait(10)
        try:
            return call()
        except ConnectorError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_threads_that_need_a_token_together_ask_once(simulator: Simulator) -> None:
    assert at_once(read) == ["markets"] * THREADS
    assert token_requests(simulator) == 1


def test_threads_whose_token_is_refused_together_ask_once_more(simulator: Simulator) -> None:
    read()
    simulator.authority.expire_all()
    assert at_once(read) == ["markets"] * THREADS
    assert token_requests(simulator) == 2


def test_a_wrong_secret_costs_one_request_however_many_threads_try(simulator: Simulator) -> None:
    put_secret(client_secret="wrong")
    for outcome in at_once(read):
        assert isinstance(outcome, AuthenticationRefused)
        assert "Correct its secret" in str(outcome)
        assert "wrong" not in str(outcome)
    assert token_requests(simulator) == 1


def test_a_secret_that_is_rotated_under_a_warm_container(simulator: Simulator) -> None:
    put_secret(client_secret="old")  # valid yesterday; the container has read it and cached it
    session = connect("default", Deadline.after(10)).session
    put_secret(client_secret="demo-secret")  # today's, which nobody has told the container about
    assert read() == "markets"
    assert token_requests(simulator) == 2  # refused with the old one, granted with the new one
    assert connect("default", Deadline.after(10)).session is session


def test_credentials_of_another_organization(simulator: Simulator) -> None:
    put_secret(domain="other")
    with pytest.raises(ConfigurationError, match=r"domain is 'other'.* belong to 'demo'"):
        read()


def test_a_warm_container_keeps_session_token_and_connection(simulator: Simulator) -> None:
    sessions = {id(connect("default", Deadline.after(10)).session) for _ in range(3)}
    for _ in range(20):
        read()
    assert len(sessions) == 1
    assert token_requests(simulator) == 1
