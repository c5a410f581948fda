"""The `sync` function: on a schedule, changed records of one stream go onto the event bus."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from connector import aws, instances, streams
from connector.commerce_layer.changes import parse_time, print_time
from connector.commerce_layer.client import Client
from connector.commerce_layer.query import Query
from connector.connections import connect
from connector.deadline import Deadline, LambdaContext
from connector.errors import InvalidRequest, StreamBusy
from connector.event_bus import EventBus, Source
from connector.observability import correlate, logger, metrics
from connector.settings import settings
from connector.table import Table
from sync.run import run
from sync.work import Result, Services

# Made while the container starts, when Lambda gives a full processor.
aws.client("dynamodb")
aws.client("events")

KEYS = ("instance", "stream", "scheduled_time", "from")
# What a schedule's input holds if nothing put the time in its place.
UNFILLED = "<aws.scheduler.scheduled-time>"


class Context(LambdaContext, Protocol):
    aws_request_id: str


@dataclass(frozen=True, slots=True)
class Order:
    """What the event asks for. `begin` resets the stream."""

    instance: str
    stream: streams.Stream
    scheduled_time: datetime
    begin: streams.Beginning | None


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """`{"instance", "stream"[, "scheduled_time"][, "from"]}` -> the counts of the run.

    `from` is "now", "full" or an ISO date and resets the stream. Raises what the retries and the
    dead-letter queue of the schedule must see; a stream that is busy is none of that.
    """
    correlation_id = correlate(None, context.aws_request_id)
    order = decode(event)
    about = {"instance": order.instance, "stream": order.stream.name}
    try:
        client = connect(order.instance, Deadline.of(context))
        source = source_of(client, order, correlation_id)
        result = run(order.stream, source, services_of(client, order.stream.resource), order.begin)
    except StreamBusy:
        logger.info("Another run of the stream is under way.", extra=about)
        return encode(order, "busy")
    except Exception as error:
        logger.exception("Failed.", extra={**about, "category": type(error).__name__})
        raise
    logger.info("Ran.", extra={**about, **asdict(result)})
    if result.refused:
        logger.error(
            "More records are missing than is believed: see docs/operations.md.", extra=about
        )
    count(order, result)
    return encode(order, outcome_of(result), result)


def outcome_of(result: Result) -> str:
    if result.paused:
        return "paused"
    return "done" if result.complete else "time is up"


def encode(order: Order, outcome: str, result: Result | None = None) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "instance": order.instance,
        "stream": order.stream.name,
        "scheduled_time": print_time(order.scheduled_time),
        **(asdict(result) if result else {}),
    }


def decode(event: Mapping[str, Any]) -> Order:
    """Raises UnknownInstance or InvalidRequest that says what to send instead."""
    if unknown := sorted(set(event) - set(KEYS)):
        raise InvalidRequest(f"Unknown key {unknown[0][:60]!r}: an event has {', '.join(KEYS)}.")
    for key in event:
        if not isinstance(event[key], str):
            raise InvalidRequest(f"{key} must be text.")
    for key in ("instance", "stream"):
        if key not in event:
            raise InvalidRequest(f'{key} is missing: send {{"instance": "default", "stream": …}}.')
    try:
        scheduled = event.get("scheduled_time", UNFILLED)
        return Order(
            instance=instances.check(event["instance"]),
            stream=streams.find(event["stream"]),
            scheduled_time=datetime.now(UTC) if scheduled == UNFILLED else parse_time(scheduled),
            begin=streams.beginning(event["from"]) if "from" in event else None,
        )
    except ValueError as error:
        raise InvalidRequest(f"scheduled_time or from: {error}") from None


def source_of(client: Client, order: Order, correlation_id: str) -> Source:
    claims = client.claims()  # none, if the token is no JWT
    organization, test = claims.get("organization") or {}, claims.get("test")
    return Source(
        instance=order.instance,
        origin="sync",
        correlation_id=correlation_id,
        organization=organization.get("slug"),
        mode=None if test is None else "test" if test else "live",
        stream=order.stream.name,
    )


def services_of(client: Client, resource: str) -> Services:
    def fetch(query: Query) -> tuple[Mapping[str, Any], str | None]:
        answer = client.send("GET", resource, query)
        return answer.document(), answer.headers.get("date")

    own = settings()
    return Services(
        fetch=fetch,
        table=Table(aws.client("dynamodb"), own.table),
        bus=EventBus(
            aws.client("events"),
            own.event_bus,
            bucket=own.claim_check_bucket,
            s3=lambda: aws.client("s3"),
        ),
        deadline=client.deadline,
    )


def count(order: Order, result: Result) -> None:
    if result.refused:
        # Of all streams together: an alarm watches it.
        metrics.add_metric("DeletionsRefused", unit="Count", value=result.refused)
        metrics.flush_metrics()
    metrics.add_dimension("instance", order.instance)
    metrics.add_dimension("stream", order.stream.name)
    for name, value in (
        ("Published", result.published),
        ("Duplicates", result.duplicates),
        ("LateArrivals", result.late_arrivals),
        ("Replayed", result.replayed),
        ("Deleted", result.deleted),
        ("Requests", result.requests),
        ("Incomplete", int(not result.complete)),
    ):
        metrics.add_metric(name, unit="Count", value=value)
    metrics.flush_metrics()
