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
from datetime import datetime
from threading import Lock

from botocore.config import Config

from connector import aws, instances, secret_store
from connector.errors import ConfigurationError, SecretUnavailable
from connector.settings import settings

TTL = 300.0  # seconds by the wall clock
# After a signature that did not fit, the secret is read again, since it may be new: but not more
# often than this, whoever knocks at the door.
RETRY = 10.0

MOST = 2  # secrets a topic

Topics = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Stored:
    """`changed_at` is None where there is no such secret yet, or nobody tells."""

    topics: Topics
    changed_at: datetime | None = None


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
            topics = _read(name_of(instance), aws.QUICK).topics
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


def stored(instance: str) -> Stored:
    """What is there now, past the cache. Raises as `load` does."""
    return _read(name_of(instances.check(instance)), aws.CONFIG)


def store(instance: str, topics: Topics) -> None:
    """In place of what is there. Raises SecretUnavailable."""
    name = name_of(instances.check(instance))
    secret_store.put(name, json.dumps(topics), "What Commerce Layer signs webhooks with")


def _read(name: str, config: Config) -> Stored:
    found = secret_store.find(name, config)
    return Stored(parse(name, found.text), found.since) if found else Stored({})


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
    return {topic: tuple(secrets[:MOST]) for topic, secrets in found.items()}
