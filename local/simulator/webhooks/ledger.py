"""The records that webhooks leave behind: `events` and `event_callbacks`.

Both are kept as far as --events-kept goes, and callbacks no longer than a month.
"""

from collections import deque

from connector.commerce_layer import catalog
from local.simulator.clock import SECOND
from local.simulator.settings import Settings
from local.simulator.store import Record, Store
from local.simulator.webhooks.sender import Outcome

_MONTH = 30 * 24 * 3600 * SECOND
# So many does `last_event_callbacks` show, the newest first.
_LAST = 10


class Ledger:
    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._events: deque[tuple[Record, Record]] = deque()
        self._subjects: dict[int, Record] = {}
        self._callbacks: deque[Record] = deque()

    def event(self, topic: str, subject: Record) -> Record:
        """A new one, which shows among the `events` of the record that it is about."""
        event = self._store.put("events", {"name": topic})
        if "events" in catalog.resource(subject.type).relationships:
            subject.links.setdefault("events", []).append(event.number)
        self._subjects[event.number] = subject
        self._events.append((event, subject))
        while len(self._events) > self._settings.events_kept:
            self._forget_event(*self._events.popleft())
        return event

    def subject(self, event: Record) -> Record | None:
        """The record that the event is about, which may be gone."""
        return self._subjects.get(event.number)

    def callback(
        self, event: Record, webhook: Record, url: str, body: bytes, outcome: Outcome
    ) -> None:
        """One attempt to deliver the event."""
        alive = webhook.number in self._store.records
        callback = self._store.put(
            "event_callbacks",
            {
                "callback_url": url,
                "payload": body,
                "response_code": None if outcome.code is None else str(outcome.code),
                "response_message": outcome.message,
            },
            {"webhook": webhook if alive else None},
        )
        for owner in (event, webhook):
            before = owner.links.get("last_event_callbacks", [])
            owner.links["last_event_callbacks"] = [callback.number, *before][:_LAST]
        self._callbacks.append(callback)
        while len(self._callbacks) > self._settings.events_kept:
            self._forget(self._callbacks.popleft())

    def expire(self) -> None:
        """By the simulator's clock."""
        limit = self._store.clock.now() - _MONTH
        while self._callbacks and self._callbacks[0].created_at <= limit:
            self._forget(self._callbacks.popleft())

    def _forget_event(self, event: Record, subject: Record) -> None:
        del self._subjects[event.number]
        if event.number in subject.links.get("events", ()):
            subject.links["events"].remove(event.number)
        self._forget(event)

    def _forget(self, record: Record) -> None:
        if record.number in self._store.records:
            self._store.delete(record.type, record.id)
