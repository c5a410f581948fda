"""What to do about the webhooks that are there, so that they become those that are declared.

Pure: the webhooks of Commerce Layer and the stored secrets go in, what to do comes out.

A webhook is *ours* if it calls exactly our address of its topic. What calls the same path at
another host may belong to a second connector, or to a former address of this one: it is named and
never touched. Nothing is ever deleted, and nothing is disabled.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, Self
from urllib.parse import urlsplit

from connector.settings import Topic
from connector.webhook_secrets import MOST, Topics


class Kind(StrEnum):
    """How a webhook differs from what is declared."""

    MISSING = "missing"
    INCLUDE = "other-include"
    DISABLED = "disabled"
    CIRCUIT_OPEN = "circuit-open"
    SECRET_UNKNOWN = "secret-unknown"  # noqa: S105 - a name, not a secret
    DUPLICATE = "duplicate"
    MISDIRECTED = "misdirected"
    UNDECLARED = "undeclared"
    ELSEWHERE = "elsewhere"


# What the guardian does not put right, and what costs something until somebody does.
NEEDS_A_PERSON = frozenset({Kind.SECRET_UNKNOWN, Kind.DUPLICATE, Kind.MISDIRECTED})


@dataclass(frozen=True, slots=True)
class Webhook:
    """One of Commerce Layer's. `secret` is None if Commerce Layer does not tell it."""

    id: str
    topic: str
    address: str
    include: tuple[str, ...] = ()
    disabled: bool = False
    circuit_open: bool = False
    secret: str | None = field(default=None, repr=False)
    created_at: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        values = record.get("attributes") or {}
        return cls(
            id=record["id"],
            topic=values.get("topic") or "",
            address=values.get("callback_url") or "",
            include=tuple(values.get("include_resources") or ()),
            disabled=values.get("disabled_at") is not None,
            circuit_open=values.get("circuit_state") == "open",
            secret=values.get("shared_secret") or None,
            created_at=values.get("created_at") or "",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where the webhooks of an instance call: `<base>/webhooks/<instance>/<topic>`."""

    base: str
    instance: str

    def address(self, topic: str) -> str:
        return f"{self.base}{self._path(topic)}"

    def ours(self, webhook: Webhook) -> bool:
        return webhook.address == self.address(webhook.topic)

    def like_ours(self, webhook: Webhook) -> bool:
        """The path is that of its topic, whatever the host."""
        return urlsplit(webhook.address).path.endswith(self._path(webhook.topic))

    def misdirected(self, webhook: Webhook) -> bool:
        """It comes to us, where deliveries of its topic are not taken."""
        return webhook.address.startswith(self.address("")) and not self.ours(webhook)

    def _path(self, topic: str) -> str:
        return f"/webhooks/{self.instance}/{topic}"


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    topic: str
    webhook: str | None = None  # its id


@dataclass(frozen=True, slots=True)
class Repair:
    """One PATCH, and what it puts right."""

    webhook: Webhook
    attributes: Mapping[str, Any]
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`named` is only told: it is not ours, or needs a person."""

    missing: tuple[Topic, ...]
    repairs: tuple[Repair, ...]
    open: tuple[Webhook, ...]
    named: tuple[Finding, ...]


def plan(place: Place, declared: Sequence[Topic], webhooks: Sequence[Webhook]) -> Plan:
    kept = {topic.name: _ours(place, topic.name, webhooks) for topic in declared}
    pairs = [(topic, kept[topic.name][0]) for topic in declared if kept[topic.name]]
    return Plan(
        missing=tuple(topic for topic in declared if not kept[topic.name]),
        repairs=tuple(repair for pair in pairs if (repair := _repair(*pair)).kinds),
        open=tuple(webhook for _, webhook in pairs if webhook.circuit_open),
        named=(
            *_duplicates(kept.values()),
            *chain.from_iterable(_others(place, kept, webhook) for webhook in webhooks),
        ),
    )


def secrets(
    place: Place,
    declared: Sequence[Topic],
    webhooks: Sequence[Webhook],
    stored: Topics,
    *,
    young: bool,
) -> Topics:
    """What should be stored: the secret that Commerce Layer signs with first, at most two a topic.

    A secret that no webhook signs with any more is kept while the stored ones are `young`: what
    was signed with it may be under way. Those of a topic that is not declared go likewise.
    """
    wanted = {}
    for topic in dict.fromkeys([*stored, *(each.name for each in declared)]):
        is_declared = any(each.name == topic for each in declared)
        here = _ours(place, topic, webhooks) if is_declared else []
        signing = [
            each.secret for each in webhooks if each.topic == topic and place.like_ours(each)
        ]
        in_use = [secret for secret in stored.get(topic, ()) if secret in signing]
        # Who does not tell a secret may sign with any of them.
        former = stored.get(topic, ()) if young or None in signing else ()
        told = [webhook.secret for webhook in here if webhook.secret]
        if found := tuple(dict.fromkeys([*told, *in_use, *former]))[:MOST]:
            wanted[topic] = found
    return wanted


def unknown_secrets(
    place: Place, declared: Iterable[Topic], webhooks: Sequence[Webhook], stored: Topics
) -> Iterator[Finding]:
    """Webhooks whose deliveries cannot be checked: Commerce Layer tells their secret no more."""
    for topic in declared:
        for webhook in _ours(place, topic.name, webhooks)[:1]:
            if topic.name not in stored:
                yield Finding(Kind.SECRET_UNKNOWN, topic.name, webhook.id)


def _ours(place: Place, topic: str, webhooks: Iterable[Webhook]) -> list[Webhook]:
    """The one to keep first: the oldest that is not disabled."""
    found = [each for each in webhooks if each.topic == topic and place.ours(each)]
    return sorted(found, key=lambda each: (each.disabled, each.created_at, each.id))


def _repair(topic: Topic, webhook: Webhook) -> Repair:
    attributes: dict[str, Any] = {}
    kinds = []
    if set(webhook.include) != set(topic.include):
        attributes["include_resources"] = list(topic.include)
        kinds.append(Kind.INCLUDE)
    if webhook.disabled:
        attributes["_enable"] = True
        kinds.append(Kind.DISABLED)
    return Repair(webhook, attributes, tuple(kinds))


def _duplicates(kept: Iterable[Sequence[Webhook]]) -> Iterator[Finding]:
    for _, *others in filter(None, kept):
        for webhook in others:
            yield Finding(Kind.DUPLICATE, webhook.topic, webhook.id)


def _others(place: Place, declared: Mapping[str, Any], webhook: Webhook) -> Iterator[Finding]:
    if place.ours(webhook):
        if webhook.topic not in declared:
            yield Finding(Kind.UNDECLARED, webhook.topic, webhook.id)
    elif place.misdirected(webhook):
        yield Finding(Kind.MISDIRECTED, webhook.topic, webhook.id)
    elif place.like_ours(webhook):
        yield Finding(Kind.ELSEWHERE, webhook.topic, webhook.id)
