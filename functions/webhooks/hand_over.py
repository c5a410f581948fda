"""A delivery that was accepted becomes durable: on the bus, or else in the queue.

Publish first, mark as seen second. Two deliveries of one event at the same time are kept apart by
a claim; the one that comes second waits in the queue, since the first may still fail.

    table      bus         queue       answer
    claimed    took it     -           200
    claimed    refused     took it     200, published from the queue later
    claimed    refused     refused     503, Commerce Layer sends again
    busy       -           took it     200, dropped from the queue later
    seen       -           -           200
    refused    took it     -           200, perhaps twice: consumers drop by `id`
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from connector.echoes import Echoes
from connector.errors import PublishFailed, TableBusy
from connector.event_bus import EventBus
from connector.table import Claim, Table
from webhooks.delivery import SEEN_DAYS

MARK = "webhook"
SEEN_SECONDS = SEEN_DAYS * 24 * 3600.0
# Longer than an invocation may take: then whoever holds the claim is dead.
CLAIM_SECONDS = 20.0
# A message of the queue comes back after the claim of whoever put it there has ended.
DELAY_SECONDS = 30


class Outcome(StrEnum):
    PUBLISHED = "published"
    QUEUED = "queued"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Services:
    """`sqs` gives the client: it is seldom needed. `queue` is the queue's URL."""

    table: Table
    bus: EventBus
    sqs: Callable[[], Any]
    queue: str


def hand_over(event: Mapping[str, Any], services: Services) -> Outcome:
    """Raises what SQS raises: then the event is nowhere, and the sender has to come again."""
    try:
        return publish(event, services)
    except (PublishFailed, Busy, ClientError, BotoCoreError):  # the last two are S3's
        services.sqs().send_message(
            QueueUrl=services.queue,
            MessageBody=json.dumps(event, ensure_ascii=False, separators=(",", ":")),
            DelaySeconds=DELAY_SECONDS,
        )
        return Outcome.QUEUED


class Busy(Exception):
    """Another invocation is publishing the same event, or died at it a moment ago."""


def publish(event: Mapping[str, Any], services: Services) -> Outcome:
    """Raises PublishFailed, or Busy."""
    claim = _claim(event["id"], services.table)
    if claim is Claim.SEEN:
        return Outcome.DUPLICATE
    if claim is Claim.BUSY:
        raise Busy
    services.bus.publish([{**event, "caused_by": _cause(event, services.table)}])
    _mark(event["id"], services.table)
    return Outcome.PUBLISHED


def _claim(event_id: str, table: Table) -> Claim:
    """Without the table an event may be doubled: better than lost."""
    try:
        return table.claim(event_id, MARK, CLAIM_SECONDS)
    except (ClientError, BotoCoreError):
        return Claim.TAKEN


def _cause(event: Mapping[str, Any], table: Table) -> str | None:
    """The command behind this version, if its echo is there already."""
    try:
        return Echoes(table.client, table.name).cause(event["instance"], event["change"])
    except (ClientError, BotoCoreError):
        return None


def _mark(event_id: str, table: Table) -> None:
    """The event is on the bus, whatever becomes of the mark."""
    try:
        table.mark([event_id], MARK, SEEN_SECONDS)
    except (ClientError, BotoCoreError, TableBusy):
        return
