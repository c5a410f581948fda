"""A server of raw sockets that misbehaves on purpose: what it does to each request is scripted."""

import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# Does something to the connection; whether it stays open for the next request.
Step = Callable[[socket.socket], bool]

JSON_API = "application/vnd.api+json"


def answer(
    status: int = 200,
    document: Any = None,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    then: Step | None = None,
) -> Step:
    """A whole answer, and then `then` to the idle connection."""
    if body is None:
        body = (
            b""
            if status == 204
            else json.dumps({"data": []} if document is None else document).encode()
        )
    fields = {"Content-Type": JSON_API, "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    message = f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + body

    def step(connection: socket.socket) -> bool:
        connection.sendall(message)
        return then(connection) if then else True

    return step


def raw(message: bytes) -> Step:
    """Those bytes, and the end of the connection."""

    def step(connection: socket.socket) -> bool:
        connection.sendall(message)
        return False

    return step


def fin(connection: socket.socket) -> bool:
    return False


def rst(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


@dataclass
class Received:
    connection: int
    head: str
    body: bytes

    @property
    def line(self) -> str:
        return self.head.partition("\r\n")[0]

    def header(self, name: str) -> str:
        fields = dict(line.split(": ", 1) for line in self.head.split("\r\n")[1:] if line)
        return {key.lower(): value for key, value in fields.items()}.get(name.lower(), "")


@dataclass
class Wire:
    """`steps` are done one a request, over all connections; the last one goes on for ever."""

    steps: list[Step]
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)
    idle_end: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def silence(self, connection: socket.socket) -> bool:
        """A black hole, until the test is over."""
        self.over.wait(30)
        return False

    def drip(self, message: bytes, every: float = 0.02) -> Step:
        """One byte at a time, so that no single wait is ever long."""

        def step(connection: socket.socket) -> bool:
            for byte in message:
                if self.over.wait(every):
                    break
                connection.sendall(bytes([byte]))
            return False

        return step

    def serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
        stream = connection.makefile("rb")
        try:
            while head := _head(stream):
                received = Received(number, head, b"")
                received.body = stream.read(int(received.header("content-length") or 0))
                with self._lock:
                    self.requests.append(received)
                    step = self.steps[min(len(self.requests), len(self.steps)) - 1]
                if not step(connection):
                    break
        except OSError:
            pass  # the client went away, as some tests want it to
        finally:
            stream.close()
            connection.close()
            self.idle_end.set()


def _head(stream: Any) -> str:
    lines: list[str] = []
    while line := stream.readline():
        if line == b"\r\n":
            return "".join(lines)
        lines.append(line.decode("latin-1"))
    return ""


@contextmanager
def wire(*steps: Step, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    made = Wire(list(steps))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection = self.request
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                try:
                    connection = tls.wrap_socket(connection, server_side=True)
                except OSError:
                    return  # the client did not trust us
            made.serve(connection)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

        def shutdown_request(self, request: Any) -> None:
            request.close()

    with Server(("127.0.0.1", 0), Handler) as server:
        host = "https://localhost" if tls else "http://127.0.0.1"
        made.url = f"{host}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            server.shutdown()
            thread.join()
