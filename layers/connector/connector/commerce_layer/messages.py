"""One request, its answer, and what an answer that is a refusal means to us.

Pure. Both error shapes are read: `{"errors": [{…}]}`, as documented, and `{"errors": {…}}`,
as seen live with a 429; `status` is text in one and a number in the other.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from connector.errors import (
    AuthenticationRefused,
    CommerceLayerError,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RequestRefused,
    ServerFault,
)


@dataclass(frozen=True, slots=True)
class Request:
    """`safe`: it changes nothing, or twice is as good as once. `kind` and `endpoint` are what
    its rate limits go by. Headers and content hold credentials and stay out of the repr.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    safe: bool
    kind: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` has lower-case names. `safe`: the request changed nothing, whatever came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    safe: bool = True

    def document(self) -> dict[str, Any]:
        """The parsed body; ServerFault, or OutcomeUnknown after a write, if it is not JSON."""
        parsed = self._json()
        if not isinstance(parsed, dict):
            raise self.unreadable()
        return parsed

    def errors(self) -> list[dict[str, Any]]:
        """Commerce Layer's error objects, always as a list; empty if the body has none."""
        parsed = self._json()
        errors = parsed.get("errors") if isinstance(parsed, dict) else None
        if isinstance(errors, dict):
            errors = [errors]
        return [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []

    def looks_whole(self) -> bool:
        """A cheap look at both ends: tells HTML and a body cut short from a JSON object."""
        if self.status == 204 and not self.content:
            return True
        return self.content.lstrip()[:1] == b"{" and self.content.rstrip()[-1:] == b"}"

    def unreadable(self) -> CommerceLayerError:
        message = (
            f"Commerce Layer answered {self.status} with {len(self.content)} bytes of"
            f" {self.headers.get('content-type', 'no content type')!r} that cannot be read."
        )
        if self.safe or self.status >= 300:
            return ServerFault(message, status=self.status, request_id=self.request_id)
        return OutcomeUnknown(
            f"{message} The write was most likely done: read the record back.",
            status=self.status,
            request_id=self.request_id,
        )

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")

    def _json(self) -> Any:
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


def refusal(  # noqa: PLR0911 - one for each meaning
    response: Response, now: float
) -> CommerceLayerError:
    """The error for an answer that is not 2xx. `now` is wall time, to read a `Retry-After` date.

    A write that met a 500 may have been done in part, so that it is not `retryable`; behind a
    502 or 504 nobody knows.
    """
    status, errors = response.status, response.errors()
    about: dict[str, Any] = {
        "status": status,
        "errors": errors,
        "request_id": response.request_id,
    }
    codes = {str(error.get("code", "")) for error in errors}
    said = _said(errors)
    if status == 403 or (status == 401 and "UNAUTHORIZED" in codes):
        return PermissionDenied(
            f"The API credential has no permission for this{said}."
            " Give its role access in Commerce Layer.",
            **about,
        )
    if status == 401:
        return AuthenticationRefused(f"Commerce Layer refused the access token{said}.", **about)
    if status == 404:
        return NotFound(f"Commerce Layer has no such record or path{said}.", **about)
    if status == 429:
        return RateLimited(
            "Commerce Layer's rate limit is used up.",
            retry_after=retry_after(response.headers, now) or 0.0,
            **about,
        )
    if 400 <= status < 500:
        return RequestRefused(f"Commerce Layer refused the request: {status}{said}.", **about)
    if not response.safe and status in (502, 504):
        return OutcomeUnknown(
            f"A gateway answered {status} for Commerce Layer: the write may have been done."
            " Read the record back.",
            **about,
        )
    if status < 500:
        fault = ServerFault(f"Commerce Layer answered with a redirect ({status}).", **about)
        fault.retryable = False
        return fault
    fault = ServerFault(f"Commerce Layer has a fault of its own: {status}{said}.", **about)
    fault.retryable = response.safe
    return fault


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, from either form of `Retry-After`; None if it is absent or not understood."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return min(float(value), 86_400.0)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _said(errors: list[dict[str, Any]]) -> str:
    """` (CODE)` of the first error: codes are Commerce Layer's words, details may quote data."""
    code = str(errors[0].get("code") or "") if errors else ""
    return f" ({code})" if code.replace("_", "").isalnum() and len(code) <= 60 else ""
