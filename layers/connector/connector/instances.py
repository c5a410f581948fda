"""An instance: the credentials of one Commerce Layer organization, by name.

One Secrets Manager secret an instance, named `<prefix>/<instance>`, holds a JSON object. Its
keys are matched without regard to case, spaces, `_` and `-`, so that the labels of a form
work when they are pasted. Where requests go follows from the organization's slug and the
stack's settings alone: no secret can point credentials at another host.
"""

import json
import re
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from connector import secret_store
from connector.errors import ConfigurationError, SecretUnavailable, UnknownInstance
from connector.settings import settings

TTL = 300.0  # seconds by the wall clock, which goes on while a container is frozen
SPARE = 30.0  # seconds that an old read goes on to serve while Secrets Manager has a fault

_DOMAIN = re.compile(
    r"(?:https://)?([a-z0-9][a-z0-9-]{0,62})\.commercelayer\.io/?|([a-z0-9][a-z0-9-]{0,62})"
)
_SCOPE = re.compile(r"market:all|(?:market|stock_location|store):(?:id|code):[^\s,:]+")
_API_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}")

# Labels that other connectors put on the same key.
_ALIASES = {"responseauthenticationtokenkey": "responseauthtokenkey"}


@dataclass(frozen=True, slots=True)
class Instance:
    """`scope` is space-separated; `rate_limit` is requests a minute; URLs end without a slash."""

    name: str
    slug: str
    client_id: str
    client_secret: str = field(repr=False)
    api_url: str
    auth_url: str
    scope: str = ""
    response_auth_token_key: str = "accessToken"  # noqa: S105 - the name of a JSON key
    api_version: str | None = None
    rate_limit: int | None = None
    secret_version: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    instance: Instance
    at: float


_cache: dict[str, _Read] = {}
_reading = Lock()


def names() -> tuple[str, ...]:
    """The configured instances, in the deployer's order."""
    return settings().instances


def check(name: str) -> str:
    """`name` itself, or UnknownInstance; comes before any call to AWS."""
    if name not in names():
        raise UnknownInstance(
            f"Unknown instance {name[:40]!r}. Configured: {', '.join(names())}."
            " Names stand in the stack parameter Instances."
        )
    return name


def load(name: str, *, fresh: bool = False) -> Instance:
    """The instance of that name; `fresh` reads the secret even if the cache has it.

    Raises UnknownInstance, or ConfigurationError that names the secret and the key. From what
    AWS may recover by itself (throttling, no network) an older read helps for another while;
    without one it is SecretUnavailable.
    """
    check(name)
    kept = _cache.get(name)
    if kept and not fresh and _young(kept):
        return kept.instance
    with _reading:
        kept = _cache.get(name)
        if kept and not fresh and _young(kept):
            return kept.instance  # another thread has read it meanwhile
        try:
            text, version = _read(f"{settings().secret_prefix}/{name}")
        except SecretUnavailable:
            if kept is None or fresh:
                raise
            _cache[name] = _Read(kept.instance, time.time() - TTL + SPARE)
            return kept.instance
        instance = parse(name, text, version)
        _cache[name] = _Read(instance, time.time())
        return instance


def _young(read: _Read) -> bool:
    return 0 <= time.time() - read.at < TTL


def forget() -> None:
    """Empty the cache, for tests."""
    with _reading:
        _cache.clear()


def _read(secret: str) -> tuple[str, str]:
    found = secret_store.find(secret)
    if found is None:
        raise ConfigurationError(f"Secret {secret!r} does not exist: create it.")
    return found.text, found.version


def parse(name: str, text: str, version: str) -> Instance:
    """The instance from its secret's text. No message holds a value: it may be the secret."""
    values = _Values(f"{settings().secret_prefix}/{name}", text)
    slug = values.domain()
    values.grant_type()
    api_version = values.api_version()
    api_url = settings().api_url.replace("{slug}", slug)
    return Instance(
        name=name,
        slug=slug,
        client_id=values.required("client_id"),
        client_secret=values.required("client_secret"),
        scope=values.scope(),
        response_auth_token_key=values.optional("response_auth_token_key") or "accessToken",
        api_version=api_version,
        rate_limit=values.rate_limit(),
        secret_version=version,
        api_url=f"{api_url}/{api_version}" if api_version else api_url,
        auth_url=settings().auth_url.replace("{slug}", slug),
    )


class _Values:
    """The pasted JSON object, with every complaint naming the secret and the key."""

    def __init__(self, secret: str, text: str) -> None:
        self.secret = secret
        pairs = _parsed(text)
        if pairs is None:
            raise ConfigurationError(
                f"Secret {secret!r} is not JSON: store an object such as"
                ' {"domain": "…", "client_id": "…", "client_secret": "…"}.'
            )
        if not isinstance(pairs, _Pairs):
            raise ConfigurationError(f"Secret {secret!r} holds JSON that is not an object.")
        self.values: dict[str, Any] = {}
        for key, value in pairs:
            plain = _plain(key)
            if plain in self.values:
                raise self.wrong(plain, "stands there twice (case, spaces, _ and - do not count)")
            self.values[plain] = value

    def wrong(self, key: str, what: str) -> ConfigurationError:
        label = next((known for known in _KEYS if _plain(known) == key), "a key")
        return ConfigurationError(f"Secret {self.secret!r}: {label} {what}.")

    def optional(self, key: str) -> str:
        value = self.values.get(_plain(key))
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(_plain(key), "must be text")
        return value.strip()

    def required(self, key: str) -> str:
        value = self.optional(key)
        if not value:
            missing = "is empty" if _plain(key) in self.values else "is missing"
            raise self.wrong(_plain(key), missing)
        return value

    def domain(self) -> str:
        match = _DOMAIN.fullmatch(self.required("domain").lower())
        if match is None:
            raise self.wrong(
                "domain",
                "must be the organization's slug, <slug>.commercelayer.io or"
                " https://<slug>.commercelayer.io, with no path, port, user or other host",
            )
        return match[1] or match[2]

    def grant_type(self) -> None:
        if self.optional("grant_type") not in ("", "client_credentials"):
            raise self.wrong("granttype", "must be client_credentials, the only one supported")

    def scope(self) -> str:
        parts = self.optional("scope").replace(",", " ").split()
        for position, part in enumerate(parts, 1):
            if not _SCOPE.fullmatch(part):
                raise self.wrong(
                    "scope",
                    f"number {position} must be market:all or"
                    " {market|stock_location|store}:{id|code}:…",
                )
        return " ".join(parts)

    def api_version(self) -> str | None:
        value = self.optional("api_version")
        if value and not _API_VERSION.fullmatch(value):
            raise self.wrong("apiversion", "must look like 2017-08")
        return value or None

    def rate_limit(self) -> int | None:
        value = self.values.get("ratelimit")
        if value in (None, ""):
            return None
        text = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"[1-9][0-9]{0,4}", text):
            raise self.wrong("ratelimit", "must be a whole number of requests a minute, at least 1")
        return int(text)


_KEYS = (
    "domain",
    "client_id",
    "client_secret",
    "scope",
    "grant_type",
    "response_auth_token_key",
    "api_version",
    "rate_limit",
)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object before duplicate keys are lost."""


def _parsed(text: str) -> Any:
    """None if it is not JSON. The parser's own error is dropped: it quotes the secret."""
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None


def _plain(key: str) -> str:
    plain = re.sub(r"[\s_-]", "", key).lower()
    return _ALIASES.get(plain, plain)
