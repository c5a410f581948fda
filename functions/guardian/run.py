"""One run: look at the webhooks of an instance, make them what is declared, and tell.

Any step may be the last one: the next run goes on from what it finds. A webhook is created first
and its secret stored after, since Commerce Layer chooses it. What is delivered in between is
refused, and Commerce Layer sends it again.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector import webhook_secrets
from connector.commerce_layer.client import Client
from connector.commerce_layer.query import Query
from connector.errors import CommerceLayerError, NotFound, RequestRefused
from connector.settings import Topic
from connector.webhook_secrets import Stored
from guardian.plan import (
    NEEDS_A_PERSON,
    Finding,
    Kind,
    Place,
    Repair,
    Webhook,
    plan,
    secrets,
    unknown_secrets,
)

# How long a secret that no webhook signs with stays good: longer than Commerce Layer sends again.
FORMER_FOR = timedelta(days=1)
# So many webhooks are created before their secrets are stored.
BATCH = 10

FIELDS = (
    "topic", "callback_url", "include_resources", "disabled_at", "circuit_state",
    "shared_secret", "created_at",
)  # fmt: skip

_POINTER = re.compile(r"/data/attributes/[a-z_]{1,60}")

# (topic, secret) -> None if our address takes what is signed with it, else why not.
Probe = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and what came of it: `outcome` is repaired, left or failed."""

    finding: Finding
    outcome: str = "left"
    reason: str | None = None

    @property
    def needs_a_person(self) -> bool:
        """An open circuit has an alarm of its own."""
        kind = self.finding.kind
        return kind in NEEDS_A_PERSON or (self.outcome == "failed" and kind != Kind.CIRCUIT_OPEN)


@dataclass(slots=True)
class Report:
    """Filled while the run goes on: one that fails has told what it saw.

    `open` are the topics whose circuit was open when the run began; None until it has looked.
    """

    open: tuple[str, ...] | None = None
    found: list[Found] = field(default_factory=list)

    def add(
        self, findings: Iterable[Finding], outcome: str = "left", reason: str | None = None
    ) -> None:
        self.found += [Found(finding, outcome, reason) for finding in findings]

    def count(self, outcome: str, *kinds: Kind) -> int:
        return sum(
            each.outcome == outcome and each.finding.kind in (kinds or Kind) for each in self.found
        )

    @property
    def needs_a_person(self) -> int:
        return sum(each.needs_a_person for each in self.found)


@dataclass(slots=True)
class Run:
    place: Place
    declared: Sequence[Topic]
    client: Client
    probe: Probe
    now: datetime
    report: Report

    def go(self) -> None:
        """Raises what Commerce Layer and Secrets Manager raise; the refusal of one topic is told.

        The secrets are read first: nothing is created whose secret could not be stored.
        """
        stored = webhook_secrets.stored(self.place.instance)
        query = Query(fields={"webhooks": FIELDS})
        webhooks = [Webhook.of(each) for each in self.client.scan("webhooks", query)]
        todo = plan(self.place, self.declared, webhooks)
        self.report.open = tuple(webhook.topic for webhook in todo.open)
        self.report.add(todo.named)
        for repair in todo.repairs:
            self._repair(repair)
        stored = self._store(webhooks, stored)
        for webhook in todo.open:
            self._close(webhook, stored)
        for first in range(0, len(todo.missing), BATCH):
            try:
                for topic in todo.missing[first : first + BATCH]:
                    webhooks += self._create(topic)
            finally:
                stored = self._store(webhooks, stored)
        self.report.add(unknown_secrets(self.place, self.declared, webhooks, stored.topics))

    def _create(self, topic: Topic) -> list[Webhook]:
        """The webhook; none if Commerce Layer refuses it."""
        finding = Finding(Kind.MISSING, topic.name)
        attributes = {
            "topic": topic.name,
            "callback_url": self.place.address(topic.name),
            "include_resources": list(topic.include),
        }
        try:
            created = Webhook.of(self.client.create("webhooks", attributes)["data"])
        except RequestRefused as refusal:
            self.report.add([finding], "failed", _reason(refusal))
            return []
        self.report.add([Finding(Kind.MISSING, topic.name, created.id)], "repaired")
        return [created]

    def _repair(self, repair: Repair) -> None:
        webhook = repair.webhook
        findings = [Finding(kind, webhook.topic, webhook.id) for kind in repair.kinds]
        try:
            self.client.update("webhooks", webhook.id, repair.attributes)
        except (RequestRefused, NotFound) as refusal:
            self.report.add(findings, "failed", _reason(refusal))
        else:
            self.report.add(findings, "repaired")

    def _store(self, webhooks: Sequence[Webhook], stored: Stored) -> Stored:
        """Only if something has changed: Secrets Manager counts versions."""
        young = stored.changed_at is None or self.now - stored.changed_at < FORMER_FOR
        wanted = secrets(self.place, self.declared, webhooks, stored.topics, young=young)
        if wanted == stored.topics:
            return stored
        webhook_secrets.store(self.place.instance, wanted)
        return Stored(wanted, self.now)

    def _close(self, webhook: Webhook, stored: Stored) -> None:
        """Reset the circuit, if what Commerce Layer signs will be taken."""
        finding = [Finding(Kind.CIRCUIT_OPEN, webhook.topic, webhook.id)]
        current = stored.topics.get(webhook.topic, ())[:1]
        refused = self.probe(webhook.topic, *current) if current else "its secret is not known"
        if refused:
            self.report.add(finding, "left", f"The probe: {refused}.")
            return
        try:
            self.client.trigger("webhooks", webhook.id, "reset_circuit")
        except (RequestRefused, NotFound) as refusal:
            self.report.add(finding, "failed", _reason(refusal))
        else:
            self.report.add(finding, "repaired")


def _reason(refusal: CommerceLayerError) -> str:
    """Our words, and which attributes Commerce Layer means; its own words may quote anything."""
    sources = [error.get("source") for error in refusal.errors]
    pointers = {str(each.get("pointer")) for each in sources if isinstance(each, dict)}
    return " ".join([str(refusal), *sorted(filter(_POINTER.fullmatch, pointers))])
