"""The secrets that webhooks are signed with: one Secrets Manager secret an instance.

`<prefix>-webhooks/<instance>` holds a JSON object, at most two secrets a topic so that one can be
replaced while deliveries are under way; the newest stands first:

    {"orders.place": ["0f9c…", "77ab…"], "orders.approve": ["4d1e…"]}

It is apart from the credentials: it is all that the public `webhooks` function can read.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from connector import aws, instances, secret_store
from connector.errors import ConfigurationError, SecretUnavailable
from connector.settings import settings

TTL = 300.0  # seconds by the wall clock
# After a signature that did not fit, the secret is read again, since it may be new: but not more
# often than this, whoever knocks at the door.
RETRY = 10.0

Topics = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Read:
    topics: Topics
    at: float


_cache: dict[str, _Read] = {}
_reading = Lock()


def name_of(instance: str) -> str:
    return f"{settings().secret_prefix}-webhooks/{instance}"


def load(instance: str, *, fresh: bool = False) -> Topics:
    """Topic -> secrets; empty if there is no such secret (yet). `fresh`: at most RETRY old.

    Raises UnknownInstance before any call to AWS, ConfigurationError that names the secret, never
    its text, and SecretUnavailable, unless an older read serves.
    """
    instances.check(instance)
    oldest = RETRY if fresh else TTL
    kept = _cache.get(instance)
    if kept and 0 <= time.time() - kept.at < oldest:
        return kept.topics
    with _reading:
        kept = _cache.get(instance)
        if kept and 0 <= time.time() - kept.at < oldest:
            return kept.topics  # another thread has read it meanwhile
        try:
            topics = _read(name_of(instance))
        except SecretUnavailable:
            if kept is None:
                raise
            topics = kept.topics
        _cache[instance] = _Read(topics, time.time())
        return topics


def forget() -> None:
    """Empty the cache, for tests."""
    with _reading:
        _cache.clear()


def _read(name: str) -> Topics:
    found = secret_store.find(name, aws.QUICK)
    return parse(name, found[0]) if found else {}


def parse(name: str, text: str) -> Topics:
    """Raises ConfigurationError. No message holds a value."""
    wrong = ConfigurationError(
        f'Secret {name!r} must be a JSON object of lists of text: {{"orders.place": ["…"]}}.'
    )
    try:
        found = json.loads(text)
    except ValueError:
        raise wrong from None
    if not isinstance(found, dict):
        raise wrong
    for secrets in found.values():
        if not isinstance(secrets, list) or not all(s and isinstance(s, str) for s in secrets):
            raise wrong
    return {topic: tuple(secrets[:2]) for topic, secrets in found.items()}
