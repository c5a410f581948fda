"""Triggers: `POST …/orders/{id}/triggers/approve` becomes one PATCH with `_approve: true`."""

from collections.abc import Mapping

from api.answer import Answer
from api.representations import parse, present
from api.request import Request
from api.resources import ask, described, record_path, require
from connector.commerce_layer.documents import document_of
from connector.commerce_layer.triggers import value_of
from connector.errors import InvalidRequest


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
    value = value_of(resource, name, body) if resource else body.get("value", True)
    document = document_of(
        request.part("resource"),
        {**body.get("attributes", {}), name: value},
        id=request.part("id"),
        at="/attributes",
    )
    return present(request, ask(request, "PATCH", record_path(request), document))
