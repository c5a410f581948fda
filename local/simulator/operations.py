"""What each method does to each resource: create, retrieve, list, update, delete, related."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Resource
from local.simulator import documents, event_stores, query, scopes, validation
from local.simulator.behaviour import deletion, triggers, writes
from local.simulator.documents import Context
from local.simulator.errors import (
    ApiError,
    error,
    method_not_allowed,
    no_such_path,
    record_not_found,
)
from local.simulator.selection import select
from local.simulator.store import Record

_VERSION = re.compile(r"\d{4}-\d{2}")
MEDIA_TYPE = "application/vnd.api+json"


@dataclass(frozen=True, slots=True)
class Request:
    """`segments` is the path below /api; `application` and `scope` are those of the token."""

    method: str
    segments: tuple[str, ...]
    query: str
    headers: Mapping[str, str]
    body: bytes
    application: Record
    scope: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""


def split(path: str) -> tuple[str, tuple[str, ...]]:
    """`/api/2017-08/skus/abc` -> its beginning, `/api/2017-08`, and the segments below."""
    api, *segments = filter(None, path.split("/"))
    if segments and _VERSION.fullmatch(segments[0]):
        return f"/{api}/{segments[0]}", tuple(segments[1:])
    return f"/{api}", tuple(segments)


def answer(context: Context, request: Request) -> Answer:
    """Raises ApiError for every refusal."""
    resource, operation = route(request.method, request.segments)
    _check_media_types(request)
    with context.store.lock:
        return _OPERATIONS[operation](context, request, resource)


def route(method: str, segments: tuple[str, ...]) -> tuple[Resource, str]:
    """The resource and the operation that a path means."""
    name = segments[0] if segments else ""
    resource = catalog.resource(name) if catalog.known(name) else None
    # A singleton is known by its path alone: /api/organizations does not exist.
    if resource is None or resource.path != name:
        raise no_such_path("/".join(segments) or "/")
    depth = len(segments) + resource.singleton
    if depth == 1:
        operation = {"GET": "list", "POST": "create"}.get(method)
    elif depth == 2:
        operation = {"GET": "retrieve", "PATCH": "update", "DELETE": "delete"}.get(method)
    elif depth == 3:
        operation = {"GET": "related"}.get(method)
    else:
        raise no_such_path("/".join(segments))
    if operation is None or operation not in resource.operations | {"related"}:
        raise method_not_allowed(method)
    return resource, operation


def _check_media_types(request: Request) -> None:
    if not any(_acceptable(each) for each in request.headers.get("accept", "*/*").split(",")):
        detail = f"All requests must use the '{MEDIA_TYPE}' Accept without media type parameters."
        raise ApiError(error(406, "NOT_ACCEPTABLE", "Not acceptable", detail))
    if request.method in ("POST", "PATCH") and request.headers.get("content-type") != MEDIA_TYPE:
        detail = f"All requests that create or update must use the '{MEDIA_TYPE}' Content-Type."
        raise ApiError(error(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", detail))


def _acceptable(entry: str) -> bool:
    """The media type itself stands without parameters; wildcards may carry a weight."""
    return entry.strip() == MEDIA_TYPE or entry.partition(";")[0].strip() in (
        "*/*",
        "application/*",
    )


def _list(context: Context, request: Request, resource: Resource) -> Answer:
    asked = query.parse(resource.type, request.query)
    page = select(context.store, resource.type, asked)
    url = f"{context.base}/{resource.path}"
    return Answer(200, documents.collection(context, page, asked, url, request.query))


def _retrieve(context: Context, request: Request, resource: Resource) -> Answer:
    if resource.type == event_stores.TYPE:
        identifier = request.segments[1]
        body = event_stores.single(context, request.application, identifier, request.query)
        return Answer(200, body)
    asked = query.parse(resource.type, request.query)
    return Answer(200, documents.single(context, _record(context, request, resource), asked))


def _create(context: Context, request: Request, resource: Resource) -> Answer:
    asked = query.parse(resource.type, request.query)
    data = validation.document(request.body, resource.type)
    data = scopes.fill(context.store, resource.type, data, request.scope)
    change = validation.change(context.store, resource.type, data)
    context.admit(resource.type, change)
    newest = context.store.newest
    record = writes.create(context.store, resource.type, change)
    try:
        effects = triggers.plan(context.store, record, change.triggers)
    except ApiError:
        # What a trigger is refused for can only be seen on the record; so it goes again. It may
        # have been there before: a line item whose quantity was updated.
        if record.number > newest:
            deletion.delete(context.store, record)
            context.store.take_announced()
        raise
    for effect in effects:
        effect()
    return Answer(201, documents.single(context, record, asked))


def _update(context: Context, request: Request, resource: Resource) -> Answer:
    asked = query.parse(resource.type, request.query)
    record = _record(context, request, resource)
    data = validation.document(request.body, record.type, request.segments[1])
    change = validation.change(context.store, record.type, data, record)
    effects = triggers.plan(context.store, record, change.triggers, change.relationships)
    writes.update(context.store, record, change)
    for effect in effects:
        effect()
    return Answer(200, documents.single(context, record, asked))


def _delete(context: Context, request: Request, resource: Resource) -> Answer:
    deletion.delete(context.store, _record(context, request, resource))
    return Answer(204)


def _related(context: Context, request: Request, resource: Resource) -> Answer:
    record = _record(context, request, resource)
    name = request.segments[-1]
    relationship = resource.relationships.get(name)
    if relationship is None or not relationship.fetchable:
        raise no_such_path("/".join(request.segments))
    url = f"{context.base}/{'/'.join(request.segments)}"
    if name == event_stores.TYPE:
        body = event_stores.page(context, request.application, record, url, request.query)
        return Answer(200, body)
    kind = relationship.types[0]
    if not relationship.many:
        other = next(iter(context.store.related(record, name)), None)
        asked = query.parse(other.type if other else kind, request.query)
        return Answer(200, documents.single(context, other, asked))
    asked = query.parse(kind, request.query)
    numbers = context.store.related_numbers(record, name)
    page = select(context.store, kind, asked, among=numbers)
    return Answer(200, documents.collection(context, page, asked, url, request.query))


def _record(context: Context, request: Request, resource: Resource) -> Record:
    if resource.type == "applications":
        return request.application
    if resource.singleton:
        return context.store.all(resource.type)[0]
    record = context.store.get(resource.type, request.segments[1])
    if record is None:
        raise record_not_found()
    return record


_OPERATIONS = {
    "list": _list,
    "retrieve": _retrieve,
    "create": _create,
    "update": _update,
    "delete": _delete,
    "related": _related,
}
