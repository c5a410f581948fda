"""The transport against real sockets that die, hang, drip and lie."""

import gzip
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.commerce_layer import transport as module
from connector.commerce_layer.messages import Request, Response
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline
from connector.errors import (
    ConnectorError,
    InvalidRequest,
    OutcomeUnknown,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)
from tests.component.wire import Step, Wire, answer, fin, raw, rst, wire

SECRET = "Bearer not-for-anyone"


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport() as made:
        yield made


class Clock:
    """The wall clock, which can be moved; what a freeze of the container does to us."""

    ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def send(
    transport: Transport, url: str, method: str = "GET", body: bytes | None = None, left: float = 5
) -> Response:
    headers = {"Authorization": SECRET}
    request = Request(method, url, headers, body, method == "GET", "read", "orders")
    return transport.exchange(request, Deadline.after(left))


def test_one_connection_serves_many_requests(transport: Transport) -> None:
    with wire(answer(document={"data": [1]}, headers={"X-Request-Id": "r1"})) as server:
        answers = [send(transport, f"{server.url}/api/skus?page%5Bsize%5D=1") for _ in range(3)]
    assert server.connections == 1
    assert server.requests[0].line == "GET /api/skus?page%5Bsize%5D=1 HTTP/1.1"
    assert answers[2].document() == {"data": [1]}
    assert answers[2].request_id == "r1"


@pytest.mark.parametrize("ending", [fin, rst], ids=["fin", "rst"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_the_server_closed_while_idle_is_not_used_again(
    transport: Transport, ending: Any, method: str
) -> None:
    with wire(answer(then=ending), answer()) as server:
        send(transport, server.url)
        assert server.idle_end.wait(5)
        assert send(transport, server.url, method, b"{}").status == 200
    assert [request.connection for request in server.requests] == [1, 2]


@pytest.mark.parametrize("death", [fin, rst], ids=["fin", "rst"])
def test_a_read_on_a_connection_that_dies_under_it_is_sent_again_at_once(
    transport: Transport, death: Any
) -> None:
    with wire(answer(), death, answer()) as server:
        send(transport, server.url)
        assert send(transport, server.url).status == 200
    assert [request.connection for request in server.requests] == [1, 1, 2]


def test_the_replay_trusts_no_other_idle_connection_either(transport: Transport) -> None:
    together = threading.Barrier(2)

    def both(connection: socket.socket) -> bool:
        together.wait(5)
        return answer()(connection)

    with wire(both, both, rst, answer()) as server, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: send(transport, server.url), range(2)))
        assert send(transport, server.url).status == 200
    assert [request.connection for request in server.requests][-1] == 3


def test_a_read_that_dies_on_a_new_connection_is_not_replayed_here(transport: Transport) -> None:
    with wire(rst) as server, pytest.raises(Unreachable, match="broke"):
        send(transport, server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("death", [fin, rst], ids=["fin", "rst"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_that_dies_is_never_sent_twice(
    transport: Transport, death: Any, method: str
) -> None:
    with wire(answer(), death, answer()) as server:
        send(transport, server.url)
        with pytest.raises(OutcomeUnknown, match="may have been done"):
            send(transport, server.url, method, b"{}")
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_after_a_freeze_no_old_connection_is_trusted(
    transport: Transport, clock: Clock, method: str
) -> None:
    with wire(answer()) as server:
        send(transport, server.url)
        clock.ahead = 30  # while the monotonic clock stood still
        send(transport, server.url, method, b"{}")
    assert [request.connection for request in server.requests] == [1, 2]


def test_a_write_does_not_trust_what_a_read_still_does(transport: Transport, clock: Clock) -> None:
    with wire(answer()) as server:
        send(transport, server.url)
        clock.ahead = 5
        send(transport, server.url)
        clock.ahead = 10
        send(transport, server.url, "POST", b"{}")
    assert [request.connection for request in server.requests] == [1, 1, 2]


def test_nobody_listens(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for method in ("GET", "POST"):
        with pytest.raises(Unreachable, match="nothing was sent"):
            send(transport, f"http://127.0.0.1:{port}/", method, b"{}")


def within(seconds: float, call: Any) -> ConnectorError:
    begun = time.monotonic()
    with pytest.raises(ConnectorError) as caught:
        call()
    assert time.monotonic() - begun < seconds
    return caught.value


def test_a_resolver_that_does_not_answer_cannot_hold_a_request(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one part of the way that cannot be made slow for real: the system's resolver."""
    hang = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hang.wait(30) and [])
    fault = within(1.0, lambda: send(transport, "http://api.example/", left=0.3))
    hang.set()
    assert type(fault) is Unreachable


@pytest.mark.parametrize(("method", "error"), [("GET", UpstreamTimeout), ("POST", OutcomeUnknown)])
@pytest.mark.parametrize("how", ["silent", "drips its head", "drips its body"])
def test_the_deadline_ends_every_wait(
    transport: Transport, method: str, error: type[ConnectorError], how: str
) -> None:
    with wire() as server:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
        steps: dict[str, Step] = {
            "silent": server.silence,
            "drips its head": server.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9999),
            "drips its body": server.drip(head + b"x" * 9999, every=0.01),
        }
        server.steps.append(steps[how])
        fault = within(1.0, lambda: send(transport, server.url, method, b"{}", left=0.4))
        assert type(fault) is error


def test_a_server_that_does_not_read_cannot_hold_a_write(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        fault = within(1.0, lambda: send(transport, url, "POST", b"x" * 20_000_000, left=0.4))
    assert type(fault) is OutcomeUnknown


def test_a_black_hole_on_a_reused_connection_ends_at_the_read_timeout(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ", 0.2)
    with wire(answer()) as server:
        server.steps.append(server.silence)
        send(transport, server.url)
        fault = within(1.0, lambda: send(transport, server.url, left=20))
    assert type(fault) is UpstreamTimeout


@pytest.mark.parametrize(
    "message",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"not http at all\r\n\r\n",
    ],
    ids=["cut short", "chunk cut short", "no HTTP"],
)
def test_a_broken_answer(transport: Transport, message: bytes) -> None:
    with wire(raw(message)) as server:
        with pytest.raises(Unreachable, match="broke"):
            send(transport, server.url)
        with pytest.raises(OutcomeUnknown):
            send(transport, server.url, "PATCH", b"{}")


def test_answers_may_be_compressed_and_broken_at_that(transport: Transport) -> None:
    packed = gzip.compress(b'{"data": "x"}')
    zipped = {"Content-Encoding": "gzip"}
    with wire(answer(body=packed, headers=zipped), answer(body=b"no", headers=zipped)) as server:
        assert send(transport, server.url).document() == {"data": "x"}
        with pytest.raises(ServerFault, match="decompressed"):
            send(transport, server.url)


def test_an_answer_without_end_is_cut_off(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWER", 1 << 20)
    bomb = gzip.compress(b"x" * (8 << 20))
    with wire(answer(body=bomb, headers={"Content-Encoding": "gzip"})) as server:
        with pytest.raises(InvalidRequest, match="over 1 MB") as caught:
            send(transport, server.url)
        assert caught.value.status == 413
        with pytest.raises(OutcomeUnknown, match="too large"):
            send(transport, server.url, "POST", b"{}")


def test_redirects_are_handed_back_and_cookies_forgotten(transport: Transport) -> None:
    away = {"Location": "http://127.0.0.1:1/", "Set-Cookie": "a=b; Path=/"}
    with wire(answer(302, headers=away), answer()) as server:
        assert send(transport, server.url).status == 302
        send(transport, server.url)
    assert "cookie" not in server.requests[1].head.lower()


def test_the_environment_cannot_send_credentials_elsewhere(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wire(answer()) as proxy, wire(answer()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with Transport() as made:
            send(made, server.url)
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


class TestTLS:
    """All of production is TLS: a certificate that nobody signed, trusted and not."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Wire]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        (tmp_path / "certificate").write_bytes(certificate.public_bytes(Encoding.PEM))
        (tmp_path / "key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
        with wire(answer(), tls=context) as made:
            yield made

    def test_a_stranger_gets_no_request(self, transport: Transport, server: Wire) -> None:
        with pytest.raises(Unreachable, match="nothing was sent"):
            send(transport, server.url)
        assert server.requests == []

    def test_who_is_trusted_gets_all_on_one_connection(
        self, server: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trusting = ssl.create_default_context(cafile=tmp_path / "certificate")
        monkeypatch.setattr(httpx, "create_ssl_context", lambda **_: trusting)
        with Transport() as transport:
            for method in ("GET", "POST", "GET"):
                assert send(transport, server.url, method, b"{}").status == 200
            server.steps.append(rst)
            with pytest.raises(OutcomeUnknown):
                send(transport, server.url, "POST", b"{}")
        assert server.connections == 1


def test_no_log_line_and_no_exception_tells_a_header_or_an_address(
    transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    def everything(server: Wire) -> list[ConnectorError]:
        faults = []
        for step in (rst, fin, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), answer()):
            server.steps = [step]
            for method in ("GET", "POST"):
                try:
                    send(transport, f"{server.url}/?filter=jane@example.com", method, b"{}")
                except ConnectorError as fault:
                    faults.append(fault)
        return faults

    with caplog.at_level(logging.DEBUG), wire(answer()) as server:
        faults = everything(server)
        request = Request("GET", server.url, {"Authorization": "a\nb" + SECRET}, b"x", True, "", "")
        with pytest.raises(Unreachable) as illegal:  # h11 quotes a header that it refuses
            transport.exchange(request, Deadline.after(1))
    assert len(faults) == 6
    for fault in [*faults, illegal.value]:
        assert fault.__context__ is None
        assert fault.__cause__ is None
        caplog.handler.handle(logging.LogRecord("", 0, "", 0, repr(fault), None, None))
    assert SECRET not in caplog.text
    assert "jane" not in caplog.text
    assert SECRET not in repr(request)
