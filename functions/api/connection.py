"""The connection test of an instance."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.answer import Answer
from api.discovery import answer
from api.request import Request
from connector.connections import connect


def check_connection(request: Request) -> Answer:
    """Reads the secret, gets a token and makes one call with it.

    A connection that fails is answered like any other error, with its category and a status of
    its own: a monitor needs to look at the status only.
    """
    client = connect(request.instance, request.deadline)
    claims = client.claims()
    response = client.send("GET", "application", "fields[applications]=kind")
    return answer(request, report(request.instance, claims, response.headers))


def report(instance: str, claims: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """`claims` are the token's; `headers` those of an answer of the API."""
    organization, application = claims.get("organization", {}), claims.get("application", {})
    expiry, test = claims.get("exp"), claims.get("test")
    return {
        "instance": instance,
        "connected": True,
        "organization": {"id": organization.get("id"), "slug": organization.get("slug")},
        "application": {"id": application.get("id"), "kind": application.get("kind")},
        "mode": None if test is None else "test" if test else "live",
        "scope": claims.get("scope"),
        "token_expires_at": expiry and datetime.fromtimestamp(expiry, UTC).isoformat(),
        # Of the class of requests that the test itself belongs to: reads that are not cached.
        "rate_limit": {
            "limit": _number(headers, "x-ratelimit-limit"),
            "remaining": _number(headers, "x-ratelimit-remaining"),
            "interval_seconds": _number(headers, "x-ratelimit-interval"),
        },
    }


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isdecimal() else None
