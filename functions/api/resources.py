"""Commerce Layer's own paths and verbs, under an instance."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from api.answer import Answer
from api.problems import MethodNotAllowed
from api.representations import accepted, document, present
from api.request import Request
from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Resource
from connector.commerce_layer.client import Response
from connector.connections import connect
from connector.errors import InvalidRequest, NotFound

# operation -> method, in two groups: on the collection and on one record
COLLECTION = {"list": "GET", "create": "POST"}
RECORD = {"retrieve": "GET", "update": "PATCH", "delete": "DELETE"}


def list_or_singleton(request: Request) -> Answer:
    resource = described(request)
    if resource and resource.singleton:
        return present(request, ask(request, "GET", resource.path))
    require(resource, "list", COLLECTION)
    return present(request, ask(request, "GET", request.part("resource")), pages=True)


def create(request: Request) -> Answer:
    resource = described(request)
    require(resource, "create", {"retrieve": "GET"} if _single(resource) else COLLECTION)
    name = request.part("resource")
    body = document(request, name, resource.type if resource else name)
    return present(request, ask(request, "POST", name, body))


def retrieve(request: Request) -> Answer:
    require(described(request), "retrieve", RECORD)
    return present(request, ask(request, "GET", record_path(request)))


def update(request: Request) -> Answer:
    resource = described(request)
    require(resource, "update", RECORD)
    name = request.part("resource")
    body = document(request, name, resource.type if resource else name, request.part("id"))
    return present(request, ask(request, "PATCH", record_path(request), body))


def delete(request: Request) -> Answer:
    require(described(request), "delete", RECORD)
    return present(request, ask(request, "DELETE", record_path(request)))


def related(request: Request) -> Answer:
    path = f"{record_path(request)}/{request.part('relationship')}"
    return present(request, ask(request, "GET", path), pages=True)


def described(request: Request) -> Resource | None:
    """The catalog's entry; None for a path that it does not know, which the API may know."""
    name = request.part("resource")
    resource = catalog.resource(name) if catalog.known(name) else None
    return resource if resource and resource.path == name else None


def record_path(request: Request) -> str:
    resource = described(request)
    if _single(resource):
        raise InvalidRequest(
            f"There is one {request.part('resource')} only: leave the id out of the path.",
            status=404,
        )
    return f"{request.part('resource')}/{request.part('id')}"


def require(resource: Resource | None, operation: str, group: Mapping[str, str]) -> None:
    """Raises MethodNotAllowed if the catalog knows the resource and not the operation on it."""
    if resource is None or operation in resource.operations:
        return
    allowed = [method for name, method in group.items() if name in resource.operations]
    supported = ", ".join(sorted(resource.operations))
    raise MethodNotAllowed(
        f"Commerce Layer has no {operation} for {resource.path}. It supports: {supported}.", allowed
    )


def ask(
    request: Request, method: str, path: str, body: Mapping[str, Any] | bytes | None = None
) -> Response:
    """Send it. A NotFound for a name that the catalog does not know names those like it."""
    accepted(request.headers)  # before a write is done whose answer nobody could read
    client = connect(request.instance, request.deadline)
    try:
        if method != "GET" and "idempotency-key" in request.headers:
            # Loaded when it is used: other requests keep no state.
            once = import_module("api.idempotency").once
            return cast("Response", once(client, request, method, body))
        return client.send(method, path, request.query, document=body)
    except NotFound as error:
        near = _near(request)
        if not near:
            raise
        raise NotFound(
            f"{error} Did you mean {' or '.join(near)}?",
            status=error.status,
            errors=error.errors,
            request_id=error.request_id,
        ) from error


def _single(resource: Resource | None) -> bool:
    return resource is not None and resource.singleton


def _near(request: Request) -> list[str]:
    resource = described(request)
    if resource is None:
        names = catalog.nearest(request.part("resource"))
        return [catalog.resource(name).path for name in names]
    relationship = request.parameters.get("relationship")
    if relationship is None or relationship in resource.relationships:
        return []
    return catalog.nearest(relationship, tuple(resource.relationships))
