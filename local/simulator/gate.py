"""What every request to /api and /oauth passes: the log, latency, faults, limits, headers."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.simulator import operations
from local.simulator.connections import Connections
from local.simulator.errors import ApiError, error
from local.simulator.log import Exchange
from local.simulator.world import World

Endpoint = Callable[[Request], Awaitable[Response]]

_PAGE = b"<html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"
_FAULT = error(500, "INTERNAL_SERVER_ERROR", "Internal Server Error", "Something went wrong.")


def gated(world: World, endpoint: Endpoint) -> Endpoint:
    async def gate(request: Request) -> Response:
        arrived = time.time()
        # Read at once, so that an answer without a look at the body leaves the connection usable.
        await request.body()
        path = request.url.path
        fault = world.faults.pick(request.method, path)
        delay = world.settings.latency + (fault.delay if fault else 0)
        if delay:
            await asyncio.sleep(delay)
        kind = fault.kind if fault else ""
        response = _before(world, kind) or await _limited(world, request, endpoint)
        response.headers["Date"] = world.clock.http_date()
        response.headers["x-request-id"] = str(uuid4())
        response = _after(world, kind, response)
        status = None if isinstance(response, _Gone | _Reset) else response.status_code
        world.requests.append(
            Exchange(request.method, path, request.url.query, status, arrived, client_ip(request))
        )
        return response

    return gate


def client_ip(request: Request) -> str:
    """`x-true-client-ip` lets one machine play several clients."""
    host = request.client.host if request.client else "unknown"
    return request.headers.get("x-true-client-ip", host)


def throttled(shape: str) -> Response:
    """As recorded live: `errors` is an object, and `Retry-After` is no help."""
    title, code = "Too Many Requests", "THROTTLED"
    if shape == "object":
        body = json.dumps({"errors": {"title": title, "code": code, "status": 429}}).encode()
    else:
        body = ApiError(error(429, code, title, "You sent too many requests.")).body()
    return Response(body, 429, {"Retry-After": "0"}, media_type="application/json")


def _before(world: World, kind: str) -> Response | None:
    """The faults that keep a request from being carried out."""
    if kind == "expire_tokens":
        world.authority.expire_all()
    if kind == "reset":
        return _Reset(world.connections)
    if kind == "hang":
        return _Gone()
    if kind.startswith("429"):
        shape = kind.removeprefix("429").removeprefix("_")
        return throttled(shape or world.settings.throttled_errors)
    return _BROKEN[kind]() if kind in _BROKEN else None


_BROKEN: dict[str, Callable[[], Response]] = {
    "500": lambda: Response(ApiError(_FAULT).body(), 500, media_type="application/vnd.api+json"),
    "502": lambda: Response(b"", 502),
    "503": lambda: Response(b"", 503),
    "504": lambda: Response(b"", 504),
    "html": lambda: Response(_PAGE, 503, media_type="text/html"),
    "html_200": lambda: Response(_PAGE, 200, media_type="text/html"),
}


async def _limited(world: World, request: Request, endpoint: Endpoint) -> Response:
    ip, path = client_ip(request), request.url.path
    if not path.startswith("/api"):
        if path == "/oauth/token" and not world.limiter.token(ip):
            return throttled(world.settings.throttled_errors)
        return await endpoint(request)
    _, segments = operations.split(path)
    mode = world.authority.mode(request.headers.get("authorization", ""))
    verdict = world.limiter.api(ip, request.method, segments[0] if segments else "", mode)
    shape = world.settings.throttled_errors
    response = await endpoint(request) if verdict.allowed else throttled(shape)
    response.headers.update(verdict.headers())
    return response


def _after(world: World, kind: str, response: Response) -> Response:
    """The faults that strike when the work is done."""
    match kind:
        case "reset_after":
            return _Reset(world.connections)
        case "truncate":
            return _Truncated(world.connections, response)
        case "close":
            return _Closing(world.connections, response)
    return response


class _Gone(Response):
    """No answer: waits until the connection is no more."""

    async def __call__(self, _: Scope, receive: Receive, __: Send) -> None:
        await _disconnected(receive)


class _Reset(Response):
    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, _: Send) -> None:
        self._connections.reset(scope["client"])
        await _disconnected(receive)


class _Truncated(Response):
    def __init__(self, connections: Connections, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body)[: len(self.body) // 2]
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        self._connections.close(scope["client"])
        await _disconnected(receive)


class _Closing(Response):
    def __init__(self, connections: Connections, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        self._connections.close(scope["client"])


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
