"""The addresses of the simulator, and what every request passes through on its way."""

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from local.simulator import control, operations
from local.simulator.auth import AuthError, Token, check_permission
from local.simulator.documents import Context
from local.simulator.errors import ApiError, invalid_token
from local.simulator.gate import gated
from local.simulator.world import World

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def application(world: World) -> Starlette:
    async def token(request: HttpRequest) -> Response:
        try:
            body = world.authority.token(await _parameters(request))
        except AuthError as refusal:
            return Response(refusal.body(), refusal.status, media_type="application/json")
        return _json(body)

    async def revoke(request: HttpRequest) -> Response:
        try:
            world.authority.revoke(await _parameters(request))
        except AuthError as refusal:
            return Response(refusal.body(), refusal.status, media_type="application/json")
        return _json({})

    async def jwks(_: HttpRequest) -> Response:
        return _json(world.authority.jwks())

    async def api(request: HttpRequest) -> Response:
        body = await request.body()
        try:
            answer = _answer(world, request, body)
        except ApiError as refusal:
            answer = operations.Answer(refusal.status, refusal.body())
        media_type = operations.MEDIA_TYPE if answer.body else None
        return Response(answer.body, answer.status, media_type=media_type)

    return Starlette(
        routes=[
            Route("/oauth/token", gated(world, token), methods=["POST"]),
            Route("/oauth/revoke", gated(world, revoke), methods=["POST"]),
            Route("/.well-known/jwks.json", jwks),
            Route("/api", gated(world, api), methods=_METHODS),
            Route("/api/{path:path}", gated(world, api), methods=_METHODS),
            Route("/attachments/{path:path}", gated(world, world.attachments.serve)),
            *control.routes(world),
        ]
    )


def _answer(world: World, request: HttpRequest, body: bytes) -> operations.Answer:
    token = world.authority.verify(request.headers.get("authorization", ""))
    environment = token.credential.environment
    _check_host(world, request, environment.slug)
    prefix, segments = operations.split(request.url.path)
    origin = f"{request.url.scheme}://{request.headers.get('host')}"
    resource, _ = operations.route(request.method, segments)
    check_permission(token, request.method, resource.type)
    context = Context(
        environment.store,
        origin + prefix,
        environment.mode,
        environment.organization.id,
        world.settings.meta,
        partial(world.jobs.admit, environment),
        partial(world.attachments.url, origin=origin),
    )
    asked = operations.Request(
        request.method,
        segments,
        request.url.query,
        request.headers,
        body,
        token.application,
        token.scope,
    )
    environment.wake()
    try:
        with _recorded(world, token, asked):
            return operations.answer(context, asked)
    finally:
        environment.settle()


@contextmanager
def _recorded(world: World, token: Token, asked: operations.Request) -> Iterator[None]:
    """What a request changes is remembered as its application's doing."""
    store, application = token.credential.environment.store, token.application
    kind, public = application.get("kind"), application.get("public_access")
    who = {"application": {"id": application.id, "kind": kind, "public": public}}
    if asked.method == "GET":
        yield
        return
    with store.lock, store.history.recording(who, world.settings.changes_kept):
        yield


def _check_host(world: World, request: HttpRequest, slug: str) -> None:
    """`acme.commercelayer.io`, or `acme.` before any name, takes tokens of `acme` alone."""
    host = request.headers.get("x-forwarded-host") or request.headers.get("host", "")
    meant = host.partition(".")[0].lower()
    known = any(meant == each.slug for each in world.environments)
    if meant != slug and (known or host.endswith(".commercelayer.io")):
        raise invalid_token()


async def _parameters(request: HttpRequest) -> dict[str, Any]:
    """Of a token request: JSON, a form, and the credentials perhaps as HTTP Basic."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise AuthError(400, "BAD_REQUEST", "invalid_request", "The body is not a JSON object.")
    else:
        parsed = dict(parse_qsl(body.decode(errors="replace")))
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            pair = ("", "", "")
        parsed |= {"client_id": pair[0], "client_secret": pair[2]}
    return parsed


def _json(body: Any) -> Response:
    return Response(json.dumps(body), media_type="application/json")
