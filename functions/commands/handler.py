"""The `commands` function: commands of the queue -> writes in Commerce Layer, one result each."""

import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from commands.command import Message
from commands.execute import Result, Services, execute
from commands.results import NOBODY, category, event
from connector import aws
from connector.attempts import Attempts
from connector.commerce_layer.changes import parse_time
from connector.commerce_layer.client import Client
from connector.connections import connect
from connector.deadline import MARGIN, Deadline, LambdaContext
from connector.echoes import Echoes
from connector.errors import ConnectorError, InvalidRequest, KeyReused, UnknownInstance
from connector.event_bus import EventBus, Source
from connector.observability import correlate, logger, metrics
from connector.settings import settings
from connector.turns import Turns
from connector.writes import refused

# Made while the container starts, when Lambda gives a full processor.
aws.client("dynamodb")
aws.client("events")

# What one command may take: look-ups, the write with its waiting, the result.
COMMAND_SECONDS = 30.0
# A lease ends when the invocation is over for certain.
GRACE = MARGIN + 2.0
# Seconds until a command that had to wait comes again: at first, and at most.
FIRST, LONGEST = 10.0, 900.0


class Context(LambdaContext, Protocol):
    aws_request_id: str


def handler(batch: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A batch of the queue -> the messages that have to come again."""
    correlation_id = correlate(None, context.aws_request_id)
    deadline = Deadline.of(context)
    failed = []
    for record in batch["Records"]:
        try:
            deadline.require(COMMAND_SECONDS, "A command")
            outcome = handle(Message.of(record), correlation_id, deadline)
        except Exception as error:  # noqa: BLE001 - the others of the batch go on
            outcome = "later"
            logger.warning("Comes again.", extra={"category": category(type(error).__name__)})
            failed.append({"itemIdentifier": record["messageId"]})
            put_off(record, getattr(error, "retry_after", None) or 0.0)
        count(outcome)
    return {"batchItemFailures": failed}


def handle(message: Message, correlation_id: str, deadline: Deadline) -> str:
    """Carry it out and publish what came of it: its outcome. Raises what must come again."""
    command, client = None, None
    try:
        command = message.parse()
        refuse_old(message)
        client = connect(command.instance, deadline)
        result = execute(command, services(client, deadline))
    except (InvalidRequest, UnknownInstance, KeyReused, TooOld) as fault:
        result = Result("not_done", refused(fault))
    speaker = source(message.instance, client, correlation_id)
    bus().publish([event(message, command, result, speaker)])
    logger.info("Carried out.", extra={"outcome": result.outcome, "instance": speaker.instance})
    return result.outcome


class TooOld(ConnectorError):
    """Attempts are forgotten after a time; nobody could tell whether it has been done."""


def refuse_old(message: Message) -> None:
    days = settings().attempt_days
    try:
        at = parse_time(message.sent_at)
    except (TypeError, ValueError):
        raise InvalidRequest("`sent_at` is no ISO date.", status=422, pointer="/sent_at") from None
    if at < datetime.now(UTC) - timedelta(days=days):
        raise TooOld(f"The command is older than {days} days: send it anew, with a new command_id.")


def services(client: Client, deadline: Deadline) -> Services:
    own, dynamodb = settings(), aws.client("dynamodb")
    keep = own.attempt_days * 86_400.0
    return Services(
        client=client,
        attempts=Attempts(dynamodb, own.table, "command", keep=keep),
        turns=Turns(dynamodb, own.table, keep=keep),
        echoes=Echoes(dynamodb, own.table),
        lease=deadline.left() + GRACE,
    )


def bus() -> EventBus:
    own = settings()
    return EventBus(
        aws.client("events"),
        own.event_bus,
        bucket=own.claim_check_bucket,
        s3=lambda: aws.client("s3"),
    )


def source(instance: str | None, client: Client | None, correlation_id: str) -> Source:
    """Of organization and mode the token tells, if there is one."""
    claims: Mapping[str, Any] = {}
    if client:
        with suppress(ConnectorError):
            claims = client.claims()
    organization, test = claims.get("organization") or {}, claims.get("test")
    return Source(
        instance=instance or NOBODY,
        origin="command",
        correlation_id=correlation_id,
        organization=organization.get("slug"),
        mode=None if test is None else "test" if test else "live",
    )


def put_off(record: Mapping[str, Any], hint: float) -> None:
    """Longer each time, so that waiting for hours takes few of the receives that the queue
    allows. If this fails, the message comes again when its visibility ends."""
    times = int(record["attributes"]["ApproximateReceiveCount"])
    wait = max(hint, min(LONGEST, FIRST * 2 ** min(times - 1, 10)))
    try:
        aws.client("sqs").change_message_visibility(
            QueueUrl=settings().command_queue,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=int(wait * random.uniform(1.0, 1.2)) + 1,  # noqa: S311 - jitter
        )
    except Exception as error:  # noqa: BLE001
        logger.warning("Not put off.", extra={"category": type(error).__name__})


def count(outcome: str) -> None:
    metrics.add_dimension("outcome", outcome)
    metrics.add_metric("Commands", unit="Count", value=1)
    metrics.flush_metrics()
