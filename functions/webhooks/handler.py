"""The `webhooks` function: what Commerce Layer tells lands on the event bus.

It answers two callers: API Gateway, with one delivery, and the queue, with deliveries that could
not be published when they came.
"""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from connector import aws, probe
from connector.deadline import Deadline, LambdaContext
from connector.errors import UnknownInstance
from connector.event_bus import EventBus
from connector.observability import correlate, logger, metrics
from connector.settings import settings
from connector.table import Table
from webhooks.delivery import Delivery, Refused, now
from webhooks.hand_over import Services, hand_over, publish

# Made while the container starts, when Lambda gives a full processor.
aws.client("secretsmanager", aws.QUICK)
aws.client("dynamodb", aws.QUICK)
aws.client("events", aws.QUICK)

# What publishing one may take when AWS is slow: a claim, two attempts at the bus, a mark.
MESSAGE_SECONDS = 7.0


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    return redrive(event, Deadline.of(context)) if "Records" in event else receive(event)


def receive(event: Mapping[str, Any]) -> dict[str, Any]:
    """One delivery. 200 means that it is on the bus or in our queue."""
    started = time.perf_counter()
    correlation_id = correlate(None, event.get("requestContext", {}).get("requestId", "unknown"))
    about: dict[str, Any] = {}
    try:
        delivery = Delivery.of(event, settings().max_webhook_bytes)
        delivery.authenticate()
        # Only now they are somebody's word: until then anybody can write anything there.
        about |= {"instance": delivery.instance, "topic": delivery.topic}
        status, outcome, detail = 200, accept(delivery, correlation_id), ""
    except Refused as refusal:
        status, outcome, detail = refusal.status, refusal.category, str(refusal)
    except UnknownInstance:
        status, outcome, detail = 404, "unknown-instance", "There is no such instance."
    except Exception as error:  # noqa: BLE001 - the sender has to come again, whatever it was
        logger.exception("Failed.", extra={**about, "category": type(error).__name__})
        status, outcome = 503, "failed"
        detail = "Not taken: send it again."
    count(outcome)
    about |= {"outcome": outcome, "duration_ms": round((time.perf_counter() - started) * 1e3)}
    logger.info("Answered.", extra={**about, "status": status})
    return encode(status, outcome, detail)


def accept(delivery: Delivery, correlation_id: str) -> str:
    """What became of a delivery that is Commerce Layer's word, or the guardian's."""
    if probe.is_probe(delivery.body):
        return probe.ACCEPTED
    return hand_over(delivery.event(correlation_id, now()), services()).value


def redrive(event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """A batch of the queue -> the messages that have to come again."""
    failed = []
    for record in event["Records"]:
        try:
            deadline.require(MESSAGE_SECONDS, "A message of the queue")
            count(publish(json.loads(record["body"]), services()).value)
        except Exception as error:  # noqa: BLE001 - the others of the batch go on
            logger.warning("Not yet published.", extra={"category": type(error).__name__})
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def services() -> Services:
    own = settings()
    return Services(
        table=Table(aws.client("dynamodb", aws.QUICK), own.table),
        bus=EventBus(
            aws.client("events", aws.QUICK),
            own.event_bus,
            bucket=own.claim_check_bucket,
            s3=lambda: aws.client("s3", aws.QUICK),
            attempts=2,
        ),
        sqs=lambda: aws.client("sqs", aws.QUICK),
        queue=own.webhook_queue,
    )


def encode(status: int, outcome: str, detail: str) -> dict[str, Any]:
    if status == HTTPStatus.OK:
        return {"statusCode": status, "headers": {"content-type": "application/json"},
                "body": json.dumps({"outcome": outcome})}  # fmt: skip
    problem = {
        "type": f"urn:commerce-layer-connector:problem:{outcome}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "category": outcome,
    }
    return {
        "statusCode": status,
        "headers": {"content-type": "application/problem+json", "cache-control": "no-store"},
        "body": json.dumps(problem),
    }


def count(outcome: str) -> None:
    metrics.add_dimension("outcome", outcome)
    metrics.add_metric("Deliveries", unit="Count", value=1)
    metrics.flush_metrics()
