"""Bytes to Commerce Layer and back: the only module that imports httpx.

What a connector in Lambda has to know about connections:

- A container is frozen between invocations. Its sockets die unseen, and monotonic clocks
  stand still: only the wall clock tells how long a connection was idle.
- A connection that dies under a request leaves open whether the request was carried out. A
  request that changes nothing is sent again; a write becomes OutcomeUnknown.
- httpx bounds each wait, not the whole: a server that drips one byte a second would hold us
  for ever. Every wait is therefore cut to what is left of the invocation.

It uses httpx's transport without `httpx.Client` around it: no redirects, cookies, proxies,
netrc or logging of addresses can be switched on, by an environment variable or otherwise.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from connector.commerce_layer.messages import Request, Response
from connector.deadline import Deadline
from connector.errors import (
    ConnectorError,
    InvalidRequest,
    OutcomeUnknown,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)

# Seconds for each wait. Placing an order or a capture calls payment gateways while we wait, so
# that a write has nearly what an API Gateway request has in all.
CONNECT, READ, READ_AFTER_WRITE, WRITE, POOL = 2.0, 8.0, 25.0, 5.0, 1.0

# Seconds a connection may have been idle before it is not trusted any more. A write is more
# careful: its connection must not die under it.
IDLE, IDLE_BEFORE_WRITE = 20.0, 3.0

MAX_ANSWER = 32 * 1024 * 1024  # bytes; pages of 25 records are far below
_CHUNK = 64 * 1024

# They write addresses, with e-mail filters in them, and headers at DEBUG and INFO.
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)


@dataclass(slots=True)
class _Exchange:
    """What happened on the wire so far, for the request that this thread is sending."""

    deadline: Deadline
    max_idle: float
    connected: bool = False
    sent: bool = False
    received: bool = False

    def cut(self, timeout: float | None, error: type[Exception]) -> float:
        left = self.deadline.left()
        if left <= 0:
            raise error("the deadline has come")
        return left if timeout is None else min(timeout, left)


class _Thread(threading.local):
    exchange: _Exchange | None = None


_thread = _Thread()


def _exchange() -> _Exchange:
    exchange = _thread.exchange
    if exchange is None:
        raise RuntimeError("No request is under way in this thread.")
    return exchange


class _Stream(httpcore.NetworkStream):
    """A socket that minds the deadline, notes what was sent, and knows its own age."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._used = time.time()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        exchange = _exchange()
        data = self._stream.read(max_bytes, exchange.cut(timeout, httpcore.ReadTimeout))
        if data:
            exchange.received = True
            self._used = time.time()
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = _exchange()
        for start in range(0, len(buffer), _CHUNK):
            left = exchange.cut(timeout, httpcore.WriteTimeout)
            exchange.sent = True
            self._stream.write(buffer[start : start + _CHUNK], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        kwargs["timeout"] = _exchange().cut(kwargs.get("timeout"), httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        # The pool asks an idle connection whether it is readable, which would mean that the
        # server has closed it, and then drops it. One too old to trust is dropped likewise.
        if info == "is_readable":
            exchange = _thread.exchange
            max_idle = exchange.max_idle if exchange else IDLE
            if not 0 <= time.time() - self._used < max_idle:
                return True
        return self._stream.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    """Connects to the addresses of a host in turn, all of them within one timeout."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        exchange = _exchange()
        exchange.connected = True
        connecting = Deadline.after(exchange.cut(timeout, httpcore.ConnectTimeout))
        addresses = _resolve(host, port, connecting.left())
        for position, address in enumerate(addresses, 1):
            share = connecting.left() / (len(addresses) - position + 1)
            try:
                return _Stream(
                    self._network.connect_tcp(address, port, share, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if position == len(addresses):
                    raise
        raise httpcore.ConnectError("no address")


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host. In a thread: the system's resolver knows no timeout of ours."""
    found: list[str] = []

    def ask() -> None:
        with suppress(OSError):
            answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(str(address[0]) for *_, address in answer)

    asking = threading.Thread(target=ask, name="resolver", daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise httpcore.ConnectTimeout("the resolver did not answer")
    if not found:
        raise httpcore.ConnectError("unknown host")
    return found


class Transport(httpx.HTTPTransport):
    """One a container, shared by all threads and instances; HTTP/1.1 with keep-alive."""

    def __init__(self) -> None:
        # `trust_env=False`: the certificates are certifi's, not what SSL_CERT_FILE names.
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context)
        # httpx takes no network backend of ours, so that the pool is made here.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=32,
            max_keepalive_connections=8,
            network_backend=_Network(),
        )

    def exchange(self, request: Request, deadline: Deadline) -> Response:
        """Send one request and read its answer, whatever its status.

        Raises Unreachable (it was not sent, or it is
        safe), UpstreamTimeout (safe, no answer), OutcomeUnknown (a write that may have been
        done), ServerFault (the answer broke the protocol), InvalidRequest (answer too large).
        """
        safe = request.safe
        timeout = {
            "connect": CONNECT,
            "read": READ if safe else READ_AFTER_WRITE,
            "write": WRITE,
            "pool": min(POOL, deadline.left()),
        }
        message = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            extensions={"timeout": timeout},
        )
        wire = _Exchange(deadline, IDLE if safe else IDLE_BEFORE_WRITE)
        outcome = self._once(message, wire, safe=safe)
        lost = (
            isinstance(outcome, Unreachable) and wire.sent
        )  # only what is safe is Unreachable then
        if lost and not wire.connected and not wire.received:
            # The connection had died while it was idle: once more, on a new one.
            outcome = self._once(message, _Exchange(deadline, 0.0), safe=safe)
        if isinstance(outcome, Exception):
            raise outcome  # outside of any `except`: httpx's own errors quote headers
        return outcome

    def _once(
        self, request: httpx.Request, wire: _Exchange, *, safe: bool
    ) -> Response | ConnectorError:
        _thread.exchange = wire
        try:
            answer = self.handle_request(request)
            try:
                return _read(answer, safe=safe)
            finally:
                answer.close()
        except httpx.RequestError as error:
            return _fault(error, wire, safe=safe)
        finally:
            _thread.exchange = None


def _read(answer: httpx.Response, *, safe: bool) -> Response | ConnectorError:
    chunks, size = [], 0
    for chunk in answer.iter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER:
            if not safe:
                return OutcomeUnknown(
                    "The answer to a write is too large to read; the write was most likely done."
                )
            return InvalidRequest(
                f"The answer is over {MAX_ANSWER >> 20} MB: ask for less by page[size],"
                " include or fields.",
                status=413,
            )
        chunks.append(chunk)
    headers = {
        key.decode("latin-1").lower(): value.decode("latin-1") for key, value in answer.headers.raw
    }
    return Response(answer.status_code, headers, b"".join(chunks), safe)


def _fault(error: httpx.RequestError, wire: _Exchange, *, safe: bool) -> ConnectorError:
    """Our words for it. The error's own text may hold a header or an address: it stays behind."""
    kind = type(error).__name__
    if not wire.sent:
        return Unreachable(f"Commerce Layer cannot be reached ({kind}); nothing was sent.")
    if not safe:
        return OutcomeUnknown(
            f"The write was sent and no answer came ({kind}): it may have been done."
            " Read the record back before you send it again."
        )
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimeout(f"Commerce Layer did not answer in time ({kind}).")
    if isinstance(error, httpx.DecodingError):
        return ServerFault("Commerce Layer's answer cannot be decompressed.")
    return Unreachable(f"The connection to Commerce Layer broke ({kind}).")
