"""Errors -> RFC 9457 problem details. The one place that does."""

import math
import re
from typing import Any

from api.answer import PROBLEM, Answer, dumps
from connector.errors import (
    AttemptBusy,
    AuthenticationRefused,
    CommerceLayerError,
    ConfigurationError,
    ConnectorError,
    DeadlineExceeded,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RequestRefused,
    SecretUnavailable,
    ServerFault,
    TableBusy,
    UnknownInstance,
    Unreachable,
    UpstreamTimeout,
)

# The first class that fits decides. A refusal of *our* credentials is no fault of the caller's.
STATUS: dict[type[Exception], int] = {
    UnknownInstance: 404,
    ConfigurationError: 500,
    SecretUnavailable: 503,
    TableBusy: 503,
    DeadlineExceeded: 504,
    AttemptBusy: 409,
    KeyReused: 422,
    AuthenticationRefused: 502,
    PermissionDenied: 403,
    NotFound: 404,
    RateLimited: 429,
    ServerFault: 502,
    Unreachable: 502,
    UpstreamTimeout: 504,
    OutcomeUnknown: 504,
}

UNEXPECTED = "Something went wrong in the connector. Its log tells more, under the correlation id."


class MethodNotAllowed(InvalidRequest):
    """`allowed` are HTTP methods, for the header `Allow`."""

    def __init__(self, message: str, allowed: list[str]) -> None:
        super().__init__(message, status=405)
        self.allowed = allowed


def category(error: Exception) -> str:
    """`RateLimited` -> `rate-limited`; what is not ours -> `unexpected`."""
    if not isinstance(error, ConnectorError):
        return "unexpected"
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


def status(error: Exception) -> int:
    if isinstance(error, InvalidRequest):
        return error.status
    if isinstance(error, RequestRefused):
        return error.status or 502
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)


def problem(error: Exception, path: str, correlation_id: str) -> Answer:
    """`errors` is Commerce Layer's own list, or one entry of the same form by us.

    Only the text of our own errors is repeated: another exception's may hold anything.
    """
    code, name = status(error), category(error)
    title = name.replace("-", " ").capitalize()
    detail = str(error) if isinstance(error, ConnectorError) else UNEXPECTED
    ours: dict[str, Any] = {"title": title, "detail": detail, "code": name, "status": str(code)}
    if isinstance(error, InvalidRequest) and error.pointer is not None:
        ours["source"] = {"pointer": error.pointer}
    body: dict[str, Any] = {
        "type": f"urn:commerce-layer-connector:problem:{name}",
        "title": title,
        "status": code,
        "detail": detail,
        "instance": path,
        "category": name,
        "correlation_id": correlation_id,
        "retryable": isinstance(error, ConnectorError) and error.retryable,
        "errors": (isinstance(error, CommerceLayerError) and error.errors) or [ours],
    }
    headers = {}
    if isinstance(error, OutcomeUnknown):
        body["outcome"] = "unknown"
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        headers["retry-after"] = str(max(1, math.ceil(wait)))
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    return Answer(dumps(body), code, PROBLEM, headers)
