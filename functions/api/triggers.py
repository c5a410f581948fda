"""Triggers: `POST …/orders/{id}/triggers/approve` becomes one PATCH with `_approve: true`."""

from collections.abc import Mapping
from typing import Any

from api.answer import Answer
from api.representations import parse, present
from api.request import Request
from api.resources import ask, described, record_path, require
from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Resource
from connector.commerce_layer.documents import document_of
from connector.errors import InvalidRequest

JSON_TYPES = {"string": str, "integer": int}


def trigger(request: Request) -> Answer:
    """Body, all of it optional: `{"attributes": {…}}` sent along in the same PATCH, and
    `{"value": …}` for a trigger that takes one. Raises InvalidRequest (400, 404, 422)."""
    resource = described(request)
    require(resource, "update", {})  # a base type has triggers, and its variants fire them
    name = f"_{request.part('trigger').removeprefix('_')}"
    body = parse(request) if request.body.strip() else {}
    if not isinstance(body, Mapping) or not isinstance(body.get("attributes", {}), Mapping):
        raise InvalidRequest('The body is {"attributes": {…}, "value": …}.', status=422, pointer="")
    for key in body:
        if key not in ("attributes", "value"):
            raise InvalidRequest(
                f"`{key[:60]}` is not a name here: put it into `attributes`.",
                status=422,
                pointer=f"/{key[:60]}",
            )
    value = _value(resource, name, body) if resource else body.get("value", True)
    document = document_of(
        request.part("resource"),
        {**body.get("attributes", {}), name: value},
        id=request.part("id"),
        at="/attributes",
    )
    return present(request, ask(request, "PATCH", record_path(request), document))


def _value(resource: Resource, name: str, body: Mapping[str, Any]) -> Any:
    triggers = {n: t for n, t in resource.triggers.items() if t.updatable}
    if name not in triggers:
        near = catalog.nearest(name, tuple(triggers))
        hint = f" Did you mean {' or '.join(n[1:] for n in near)}?" if near else ""
        raise InvalidRequest(f"{resource.type} have no trigger {name[1:]}.{hint}", status=404)
    takes = triggers[name].type
    if takes == "boolean":
        if "value" in body:
            raise InvalidRequest(
                f"{name[1:]} takes no value.{_companion(name, triggers)}",
                status=422,
                pointer="/value",
            )
        return True
    value = body.get("value")
    if not isinstance(value, JSON_TYPES.get(takes, object)) or isinstance(value, bool):
        raise InvalidRequest(
            f'{name[1:]} takes a value: {{"value": <{takes}>}}.', status=422, pointer="/value"
        )
    return value


def _companion(name: str, triggers: Mapping[str, Attribute]) -> str:
    """What the caller may have meant: `_capture_amount_cents` beside `_capture`."""
    stem = name.rstrip("e")  # _authorize goes with _authorization_amount_cents
    names = [n for n, t in triggers.items() if t.type != "boolean" and n.startswith(stem)]
    if not names:
        return ""
    return f' Send it beside the trigger: {{"attributes": {{"{names[0]}": …}}}}.'
