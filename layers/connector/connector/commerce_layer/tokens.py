"""Access tokens by OAuth2 client credentials: one a container, asked for once.

- Expiry goes by the wall clock, which runs on while a container is frozen.
- The API hands every caller of a credential the same token, until 15 minutes before its end;
  then a new one, and both are valid. So: renewed 10 minutes early, never revoked.
- 30 token requests a minute are allowed to an IP address. Threads that need a token at once
  ask once, and a credential that was refused is not tried again for a minute: a wrong secret
  must not starve the healthy instances beside it.
"""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from threading import Lock
from typing import Any, Protocol

from connector.commerce_layer.messages import Response
from connector.deadline import Deadline
from connector.errors import (
    AuthenticationRefused,
    ConfigurationError,
    ConnectorError,
    DeadlineExceeded,
    RateLimited,
    ServerFault,
)
from connector.instances import Instance

EARLY = 600.0  # seconds before its end that a token is renewed
SHORTEST = 60.0  # seconds that a new token is used at least, even if our clock is wrong
PAUSE = 60.0  # seconds without a question after a refusal


@dataclass(frozen=True, slots=True)
class Token:
    """`renew_at` and `ends_at` are wall time; `claims` are not verified: they came over TLS."""

    value: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    renew_at: float
    ends_at: float

    @property
    def test(self) -> bool:
        """Whether it opens the test environment, with half of the rate limits."""
        return self.claims.get("test") is not False


class Load(Protocol):
    """`instances.load`, for one name."""

    def __call__(self, *, fresh: bool) -> Instance: ...


# Posts the token request, paced and retried; 2xx and 4xx are answers, the rest is raised.
Post = Callable[[str, bytes, Deadline], Response]


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    error: Callable[[], ConnectorError]


class Tokens:
    """The token of one instance. Thread-safe."""

    def __init__(
        self, instance: Instance, load: Load, post: Post, clock: Callable[[], float] = time.time
    ) -> None:
        self.instance = instance
        self._load = load
        self._post = post
        self._clock = clock
        self._lock = Lock()
        self._token: Token | None = None
        self._dropped = ""
        self._pause: _Pause | None = None

    def get(self, deadline: Deadline) -> Token:
        """A token that is good for a while.

        Raises AuthenticationRefused or ConfigurationError (at once, while a refusal is fresh),
        or what stands in the way: RateLimited, ServerFault, Unreachable, DeadlineExceeded.
        """
        token = self._token
        if token and self._clock() < token.renew_at:
            return token
        if not self._lock.acquire(timeout=deadline.left()):
            raise DeadlineExceeded("Another thread has been asking for a token all this time.")
        try:
            token = self._token
            if token and self._clock() < token.renew_at:
                return token
            self._token = self._renewed(token, deadline)
            return self._token
        finally:
            self._lock.release()

    def drop(self, token: Token) -> None:
        """Forget that very token, which Commerce Layer refused; a newer one stays."""
        with self._lock:
            if self._token is token:
                self._token = None
                self._dropped = token.value

    def _renewed(self, token: Token | None, deadline: Deadline) -> Token:
        try:
            return self._ask(deadline)
        except ConnectorError as error:
            if token is None or not error.retryable or self._clock() >= token.ends_at:
                raise
            # The old one has minutes left: use it, and ask again in a while.
            return Token(token.value, token.claims, self._clock() + PAUSE / 2, token.ends_at)

    def _ask(self, deadline: Deadline) -> Token:
        if self._pause:
            if self._clock() < self._pause.until:
                raise self._pause.error()
            self._pause = None
            self._dropped = ""  # what refused that token may have been a fault that passed
            self.instance = self._load(fresh=True)  # it may have been corrected meanwhile
        answer = self._request(deadline)
        if answer.status >= 400:
            error = self._halt(PAUSE, _why(answer, self.instance))
            refused = self.instance.secret_version
            self.instance = self._load(fresh=True)
            if self.instance.secret_version == refused:
                raise error
            self._pause = None  # the secret has been rotated
            answer = self._request(deadline)
            if answer.status >= 400:
                raise self._halt(PAUSE, _why(answer, self.instance))
        token = self._read(answer)
        slug = _slug(token.claims)
        if slug not in ("", self.instance.slug):
            raise self._halt(
                PAUSE,
                lambda: ConfigurationError(
                    f"Instance {self.instance.name!r}: the secret's domain is"
                    f" {self.instance.slug!r}, but its credentials belong to {slug!r}."
                ),
            )
        if token.value == self._dropped:
            raise self._halt(
                PAUSE,
                lambda: AuthenticationRefused(
                    "Commerce Layer refuses the very token that it hands out.", status=401
                ),
            )
        return token

    def _request(self, deadline: Deadline) -> Response:
        instance = self.instance
        body = {
            "grant_type": "client_credentials",
            "client_id": instance.client_id,
            "client_secret": instance.client_secret,
        }
        if instance.scope:
            body["scope"] = instance.scope
        try:
            return self._post(instance.auth_url, json.dumps(body).encode(), deadline)
        except RateLimited as error:
            message, wait = str(error), max(error.retry_after, 1.0)
            self._halt(wait, lambda: RateLimited(message, retry_after=wait, status=429))
            raise

    def _halt(self, seconds: float, error: Callable[[], ConnectorError]) -> ConnectorError:
        """Answer with that error, made anew each time, and ask nothing for so long."""
        self._pause = _Pause(self._clock() + seconds, error)
        return error()

    def _read(self, answer: Response) -> Token:
        document = answer.document()
        key = self.instance.response_auth_token_key
        value = next((document[k] for k in _spellings(key) if k in document), None)
        if not isinstance(value, str) or not value:
            raise self._halt(
                PAUSE,
                lambda: ConfigurationError(
                    f"Instance {self.instance.name!r}: the token response has no {key!r}."
                    " Leave response_auth_token_key out of the secret, or correct it."
                ),
            )
        now, claims = self._clock(), _claims(value)
        lifetime = _seconds(document.get("expires_in"))
        ends_at = _seconds(claims.get("exp")) or (lifetime and now + lifetime)
        if not ends_at:
            raise ServerFault("The token response does not tell how long the token lives.")
        return Token(value, claims, max(ends_at - EARLY, now + SHORTEST), ends_at)


def _spellings(key: str) -> tuple[str, ...]:
    """The key exactly, then its twin: `accessToken` is `access_token` in the live API."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
    camel = re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), key)
    return key, snake, camel


def _claims(token: str) -> Mapping[str, Any]:
    """What a JWT says; nothing if it is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _slug(claims: Mapping[str, Any]) -> str:
    organization = claims.get("organization")
    return str(organization.get("slug") or "") if isinstance(organization, dict) else ""


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return 0.0
    return max(0.0, float(value))


def _why(answer: Response, instance: Instance) -> Callable[[], ConnectorError]:
    status, errors = answer.status, answer.errors()
    # Code and title alone: nothing that the request held is quoted in them.
    about: list[dict[str, Any]] = [
        {k: e[k] for k in e.keys() & {"title", "code", "status"}} for e in errors
    ]
    titles = {str(error.get("title")) for error in about}
    if status == 401 or "invalid_client" in titles:
        reason = "Commerce Layer refused client_id or client_secret"
    else:
        reason = f"Commerce Layer refused the token request ({status}); scope is the first suspect"
    message = (
        f"{reason} of instance {instance.name!r}. Correct its secret; it is tried again within"
        f" {PAUSE:.0f} s."
    )
    return lambda: AuthenticationRefused(
        message, status=status, errors=about, request_id=answer.request_id
    )
