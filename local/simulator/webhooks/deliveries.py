"""From an announcement to the requests at the addresses of the webhooks.

A body is made at once, so that it shows the state that the request left behind. The rest goes on
in the background: nothing here delays an answer.
"""

import asyncio

from local.simulator.background import Background
from local.simulator.documents import Context
from local.simulator.environment import Environment
from local.simulator.jobs.attachments import Attachments
from local.simulator.settings import Settings
from local.simulator.store import RETRIGGER, Announcement, Record
from local.simulator.webhooks import payload, policy
from local.simulator.webhooks.ledger import Ledger
from local.simulator.webhooks.policy import Circuit
from local.simulator.webhooks.sender import Outcome, Sender
from local.simulator.webhooks.signing import signature


class Deliveries:
    """Of one environment."""

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        background: Background,
        sender: Sender,
        attachments: Attachments,
    ) -> None:
        self._environment, self._settings = environment, settings
        self._background, self._sender, self._attachments = background, sender, attachments
        self._store = environment.store
        self._ledger = Ledger(environment.store, settings)
        environment.listeners.append(self.hear)
        environment.chores.append(self._ledger.expire)

    def hear(self, announcement: Announcement) -> None:
        topic, record = announcement
        if topic == RETRIGGER:
            self._again(record)
        else:
            self._send(topic, record, self._ledger.event(topic, record))

    def _again(self, event: Record) -> None:
        """With what the record is by now."""
        subject = self._ledger.subject(event)
        if subject:
            self._send(event.attributes["name"], subject, event)

    def _send(self, topic: str, record: Record, event: Record) -> None:
        for webhook in self._store.having("webhooks", "topic", topic):
            if self._callable(webhook):
                include = webhook.get("include_resources") or []
                body = payload.render(self._context(), topic, record, include)
                self._background.spawn(self._deliver(webhook, event, topic, body))

    async def _deliver(self, webhook: Record, event: Record, topic: str, body: bytes) -> None:
        failed = 0
        while True:
            async with self._sender.slots:
                if not self._callable(webhook):
                    return
                url = webhook.attributes["callback_url"]
                outcome = await self._post(webhook, url, topic, body)
            self._note(webhook, outcome)
            self._ledger.callback(event, webhook, url, body, outcome)
            if policy.succeeded(outcome.code):
                return
            failed += 1
            wait = policy.pause(failed, self._settings.webhook_retry_pause)
            if wait is None:
                return
            await asyncio.sleep(wait)

    async def _post(self, webhook: Record, url: str, topic: str, body: bytes) -> Outcome:
        headers = {
            "Content-Type": "application/json",
            "X-CommerceLayer-Topic": topic,
            "X-CommerceLayer-Signature": signature(webhook.attributes["shared_secret"], body),
        }
        return await self._sender.post(url, body, headers, self._settings.webhook_timeout)

    def _callable(self, webhook: Record) -> bool:
        """Asked before every attempt: a webhook may be disabled or deleted meanwhile."""
        return (
            webhook.number in self._store.records
            and webhook.get("disabled_at") is None
            and not self._circuit(webhook).open
        )

    def _note(self, webhook: Record, outcome: Outcome) -> None:
        """Into the circuit. This is no change of the webhook: `updated_at` stays."""
        if webhook.number not in self._store.records:
            return
        before = self._circuit(webhook)
        after = before.after(succeeded=policy.succeeded(outcome.code))
        if after != before:
            values = {"circuit_state": after.state, "circuit_failure_count": after.failures}
            self._store.change(webhook, values, updated_at=webhook.updated_at)

    def _circuit(self, webhook: Record) -> Circuit:
        return Circuit.of(webhook.get("circuit_state"), webhook.get("circuit_failure_count"))

    def _context(self) -> Context:
        environment = self._environment
        organization = environment.organization.id
        meta = self._settings.meta
        return Context(
            environment.store,
            payload.BASE,
            environment.mode,
            organization,
            meta,
            attachment_url=self._attachments.url,
        )
