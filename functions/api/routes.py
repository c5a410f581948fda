"""Which function answers which route; the routes are those of template.yaml."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from api import connection, discovery, resources, triggers
from api.answer import Answer
from api.request import Request
from connector.errors import InvalidRequest


def _late(module: str, name: str) -> Callable[[Request], Answer]:
    """Loaded at the first call: few ask, and every cold start would pay for it."""

    def call(request: Request) -> Answer:
        answer: Answer = getattr(import_module(f"api.{module}"), name)(request)
        return answer

    return call


ROUTES: Mapping[str, Callable[[Request], Answer]] = {
    "GET /instances": discovery.list_instances,
    "GET /instances/{instance}": connection.check_connection,
    "GET /instances/{instance}/resources": discovery.list_resources,
    "GET /instances/{instance}/resources/{resource}": discovery.describe_resource,
    "GET /instances/{instance}/streams": _late("streams", "list_streams"),
    "GET /instances/{instance}/streams/{stream}": _late("streams", "show"),
    "PATCH /instances/{instance}/streams/{stream}": _late("streams", "steer"),
    "POST /instances/{instance}/replays": _late("streams", "replay"),
    "POST /instances/{instance}/imports/{resource}": _late("imports", "start"),
    "GET /instances/{instance}/imports/{id}": _late("imports", "show"),
    "POST /instances/{instance}/exports/{resource}": _late("exports", "create"),
    "GET /instances/{instance}/exports/{id}": _late("exports", "show"),
    "GET /instances/{instance}/api/{resource}": resources.list_or_singleton,
    "POST /instances/{instance}/api/{resource}": resources.create,
    "GET /instances/{instance}/api/{resource}/{id}": resources.retrieve,
    "PATCH /instances/{instance}/api/{resource}/{id}": resources.update,
    "DELETE /instances/{instance}/api/{resource}/{id}": resources.delete,
    "GET /instances/{instance}/api/{resource}/{id}/{relationship}": resources.related,
    "POST /instances/{instance}/api/{resource}/{id}/triggers/{trigger}": triggers.trigger,
}


def find(event: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """The route and the parts of its path. Raises InvalidRequest (404).

    API Gateway has found both. Where it, or what stands in for it, has a catch-all route, they
    are found here, by the path.
    """
    route = event.get("routeKey", "")
    parameters = event.get("pathParameters") or {}
    if route in ROUTES and route.count("{") == len(parameters):
        return route, parameters
    method = event.get("requestContext", {}).get("http", {}).get("method", "")
    _, found, rest = event.get("rawPath", "").partition("/instances")
    segments = f"{method} {found}{rest}".split("/")
    for candidate in ROUTES:
        names = candidate.split("/")
        if len(names) == len(segments) and all(
            name == segment or name.startswith("{")
            for name, segment in zip(names, segments, strict=True)
        ):
            parts = zip(names, segments, strict=True)
            return candidate, {n[1:-1]: segment for n, segment in parts if n.startswith("{")}
    raise InvalidRequest("There is no such route; docs/api.md lists them.", status=404)
