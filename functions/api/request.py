"""An HTTP API event (payload 2.0), decoded."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from connector.deadline import Deadline
from connector.errors import InvalidRequest

# What may stand in a path that is sent on. Nothing here ever decodes a percent sign: depending on
# who calls the function, a path arrives decoded or not, and `..%2Fa` is refused either way.
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Request:
    """`query` is raw, as it came; `headers` have lower-case names; `base` is this API's own
    address down to the stage, without a slash at its end; `caller` is who signed, or whose token
    it is."""

    parameters: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: bytes
    base: str
    caller: str
    deadline: Deadline

    @classmethod
    def of(
        cls, event: Mapping[str, Any], parameters: Mapping[str, str], deadline: Deadline
    ) -> "Request":
        """Raises InvalidRequest (400) if the body is not the base64 it says it is."""
        headers = headers_of(event)
        return cls(
            parameters=parameters,
            query=event.get("rawQueryString") or "",
            headers=headers,
            body=_body(event),
            base=_base(event, headers),
            caller=_caller(event),
            deadline=deadline,
        )

    @property
    def instance(self) -> str:
        return self.parameters["instance"]

    @property
    def include(self) -> list[str]:
        """The paths of `include`, which both `,` and a repeated parameter separate."""
        asked = [value for key, value in parse_qsl(self.query) if key == "include"]
        return [path for value in asked for path in value.split(",") if path]

    def part(self, name: str) -> str:
        """A part of the path that may be sent on. Raises InvalidRequest (400)."""
        value = self.parameters[name]
        if not SEGMENT.fullmatch(value):
            raise InvalidRequest(
                f"The {name} in the path is not valid: it takes letters, digits, _ and - only."
            )
        return value


def headers_of(event: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InvalidRequest("The body is not valid base64.") from error


def _base(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Scheme and host, and the stage or the custom domain's mapping where the path has one."""
    host = event.get("requestContext", {}).get("domainName", "localhost")
    # The headers are the caller's word: they may add a port (emulators), not another host.
    name, _, port = headers.get("host", "").partition(":")
    if name == host and port.isdecimal():
        host = f"{host}:{port}"
    scheme = "http" if headers.get("x-forwarded-proto") == "http" else "https"
    prefix, found, _ = event.get("rawPath", "").partition("/instances")
    return f"{scheme}://{host}{prefix if found else ''}"


def _caller(event: Mapping[str, Any]) -> str:
    """The user or role that signed, all sessions of a role alike, or the subject of the token."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    iam, claims = authorizer.get("iam") or {}, (authorizer.get("jwt") or {}).get("claims") or {}
    if iam:
        principal, _, _ = str(iam.get("userId")).partition(":")
        return f"iam {iam.get('accountId')} {principal}"
    return f"jwt {claims.get('iss')} {claims.get('sub') or claims.get('client_id')}"
