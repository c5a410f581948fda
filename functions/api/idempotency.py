"""`Idempotency-Key`: the same write, sent again under the same key, is not done again."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from api.request import Request
from connector import aws
from connector.attempts import Attempts, digest
from connector.commerce_layer import catalog
from connector.commerce_layer.client import Client, Response
from connector.commerce_layer.evidence import Write
from connector.deadline import MARGIN
from connector.errors import InvalidRequest, NotFound
from connector.settings import settings
from connector.turns import Turns
from connector.writes import Done, carry_out

KEY = "idempotency-key"
VALUE = re.compile(r"[!-~]{1,255}")
# A lease ends when the invocation is over for certain.
GRACE = MARGIN + 2.0
# What a record is found by whose creation was not answered.
NAMES = ("reference", "code", "email")


def once(
    client: Client, request: Request, method: str, body: Mapping[str, Any] | bytes | None
) -> Response:
    """The answer of the first time, with the record as it is now.

    Raises what `carry_out` raises, KeyReused, AttemptBusy, and InvalidRequest for a key that is
    none.
    """
    value = request.headers[KEY]
    if not VALUE.fullmatch(value):
        raise InvalidRequest("Idempotency-Key takes 1 to 255 visible ASCII characters.")
    own = settings()
    dynamodb, keep = aws.client("dynamodb"), own.attempt_days * 86_400.0
    attempts = Attempts(dynamodb, own.table, "api", keep=keep)
    path = "/".join(request.parameters.values())
    key = digest(request.caller, method, path, value)
    content = body.decode(errors="replace") if isinstance(body, bytes) else body
    with attempts.begin(
        key, digest(request.query, content), request.deadline.left() + GRACE
    ) as attempt:
        turns = Turns(dynamodb, own.table, keep=keep)
        done = carry_out(client, _write(request, method, body), attempt, turns)
    return done.response or _told_again(client, request, done)


def _write(request: Request, method: str, body: Mapping[str, Any] | bytes | None) -> Write:
    data = (json.loads(body) if isinstance(body, bytes) else body or {}).get("data", {})
    resource = request.part("resource")
    attributes = data.get("attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    return Write(
        method=method,
        resource=resource,
        id=None if method == "POST" else request.part("id"),
        attributes=attributes,
        relationships=_linkage(data.get("relationships")),
        document=body,
        query=request.query,
        find=_find(resource, attributes) if method == "POST" else {},
    )


def _linkage(relationships: Any) -> dict[str, Any]:
    """Those that are well-formed, as far as they matter here: the API judges them."""
    found = relationships if isinstance(relationships, Mapping) else {}
    return {
        name: each for name, each in found.items() if isinstance(each, Mapping) and "data" in each
    }


def _find(resource: str, attributes: Mapping[str, Any]) -> dict[str, str]:
    known = catalog.resource(resource).attributes if catalog.known(resource) else {}
    for name in NAMES:
        value = attributes.get(name)
        if isinstance(value, str) and value and name in known and known[name].filterable:
            return {f"{name}_eq": value}
    return {}


def _told_again(client: Client, request: Request, done: Done) -> Response:
    status, identity = done.outcome["status"], done.outcome["id"]
    if status == 204:
        return Response(status, {}, b"")
    try:
        path = f"{request.part('resource')}/{identity}"
        return replace(client.send("GET", path, request.query), status=status)
    except NotFound:  # it is gone since
        record = {"type": done.outcome["type"], "id": identity}
        return Response(status, {}, json.dumps({"data": record}).encode())
