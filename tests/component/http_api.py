"""What API Gateway does with a request: find the route, make the event, give back the answer."""

import base64
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import LambdaContext

HOST = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
BASE = f"https://{HOST}/instances/default/api"
JSON_API = "application/vnd.api+json"


@dataclass(frozen=True)
class Result:
    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@cache
def routes() -> tuple[str, ...]:
    """The route keys of template.yaml: a route that is not there is not served here either."""
    template = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    return tuple(re.findall(r"RouteKey: (\S+ /instances\S*)", template))


def match(method: str, path: str) -> tuple[str, dict[str, str]]:
    for route in routes():
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]*)", route)
        if found := re.fullmatch(pattern, f"{method} {path}"):
            return route, found.groupdict()
    raise LookupError(f"API Gateway has no route for {method} {path}")


def event(
    method: str,
    path: str,
    query: str = "",
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    encoded: bool = False,
) -> dict[str, Any]:
    """A body that is no text is sent as JSON; `encoded` sends it in base64."""
    route, parameters = match(method, path)
    sent = {"host": HOST, "x-forwarded-proto": "https", **(headers or {})}
    if body is not None:
        sent.setdefault("content-type", "application/json")
        body = body if isinstance(body, str) else json.dumps(body)
        body = base64.b64encode(body.encode()).decode() if encoded else body
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {
            "domainName": HOST,
            "http": {"method": method, "path": path},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
        },
        **({"pathParameters": parameters} if parameters else {}),
        **({} if body is None else {"body": body}),
        "isBase64Encoded": encoded,
    }


def invoke(sent: dict[str, Any], context: LambdaContext | None = None) -> Result:
    from api.handler import handler  # noqa: PLC0415 - after the environment is set

    answer = handler(sent, context or LambdaContext())
    assert json.loads(json.dumps(answer)) == answer
    return Result(answer["statusCode"], answer["headers"], answer["body"])


def call(
    method: str,
    path: str,
    query: str = "",
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    encoded: bool = False,
) -> Result:
    return invoke(event(method, path, query, body, headers, encoded=encoded))
