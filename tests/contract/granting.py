"""Bare token requests, for the cases that look at the token endpoint itself."""

import json
from typing import Any

import jwt

from connector.commerce_layer.messages import Request, Response
from tests.contract.target import Target


def token_request(target: Target, **changes: str) -> Request:
    """What the client asks for a token with, but for the `changes`."""
    body = {
        "grant_type": "client_credentials",
        "client_id": target.client_id,
        "client_secret": target.client_secret,
        **({"scope": target.scope} if target.scope else {}),
        **changes,
    }
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    return Request(
        "POST", target.auth_url, headers, json.dumps(body).encode(), True, "token", "token"
    )


def claims(answer: Response) -> dict[str, Any]:
    """What the token says; nothing if it is no JWT."""
    try:
        found: dict[str, Any] = jwt.decode(
            answer.document()["access_token"], options={"verify_signature": False}
        )
    except (jwt.DecodeError, KeyError):
        return {}
    return found
