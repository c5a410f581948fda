"""Exports: asked for here, carried out by the state machine, told of from the table."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from api.answer import JSON, Answer, dumps
from api.discovery import answer
from api.representations import accepted, parse
from api.request import Request
from connector import aws, instances
from connector.errors import InvalidRequest
from connector.exporting import EXPORT_ID, Order, described
from connector.ledger import Ledger
from connector.settings import settings

# Of an export that ended so, what is missing can be asked for again. One that is under way says so
# at every round: after so many seconds of silence its execution was ended from outside.
OPEN_ENDS, UNDER_WAY = ("incomplete", "failed"), ("queued", "exporting")
SILENCE = 1800.0


def create(request: Request) -> Answer:
    """Body, all of it optional: `filters`, `includes`, `fields`, `format`; or `export`, the id of
    one that ended without everything, to go on with it."""
    instance, resource = instances.check(request.instance), request.part("resource")
    accepted(request.headers, (JSON,))
    body = parse(request) if request.body.strip() else {}
    if not isinstance(body, Mapping):
        raise InvalidRequest("The body is a JSON object.", status=422, pointer="")
    if "export" in body:
        told = _resumed(instance, resource, body)
    else:
        told = described(uuid4().hex, Order.of(instance, resource, body), datetime.now(UTC))
        _ledger().tell(told["export"], told)
    _start(told)
    place = f"{request.base}/instances/{instance}/exports/{told['export']}"
    return Answer(dumps(_shown(told)), 202, headers={"location": place})


def show(request: Request) -> Answer:
    instance = instances.check(request.instance)
    return answer(request, _shown(_told(instance, request.part("id"))))


def _resumed(instance: str, resource: str, body: Mapping[str, Any]) -> dict[str, Any]:
    if set(body) != {"export"} or not isinstance(body["export"], str):
        raise InvalidRequest(
            "To go on with an export, send its id alone: it keeps what it began with.",
            status=422,
            pointer="/export",
        )
    told = _told(instance, body["export"])
    if told["resource"] != resource:
        raise InvalidRequest(f"That export is of {told['resource']}.", status=422)
    silent = told["status"] in UNDER_WAY and time.time() - told["seen"] > SILENCE
    if told["status"] not in OPEN_ENDS and not silent:
        raise InvalidRequest(
            f"That export is {told['status']}: there is nothing to go on with.", status=409
        )
    return told


def _told(instance: str, export: str) -> dict[str, Any]:
    told = _ledger().told(export) if EXPORT_ID.fullmatch(export) else None
    if told is None or told.get("instance") != instance:
        raise InvalidRequest("There is no such export.", status=404)
    return told


def _start(told: Mapping[str, Any]) -> None:
    """Each run has a name of its own, which begins with the export's."""
    given = {name: told[name] for name in ("export", "instance", "resource")}
    aws.client("stepfunctions").start_execution(
        stateMachineArn=settings().exports,
        name=f"{told['export'][:64]}-{uuid4().hex[:8]}",
        input=json.dumps(given),
    )


def _shown(told: Mapping[str, Any]) -> dict[str, Any]:
    order = told.get("order") or {}
    asked = {name: order.get(name) for name in ("filters", "includes", "fields", "format")}
    kept = ("export", "instance", "resource", "status")
    ends = ("progress", "counts", "problem", "bucket", "manifest", "asked_at", "completed_at")
    return {
        **{name: told.get(name) for name in kept},
        **asked,
        **{name: told.get(name) for name in ends},
    }


def _ledger() -> Ledger:
    return Ledger(aws.client("dynamodb"), settings().table, "export")
