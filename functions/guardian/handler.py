"""The `guardian` function: on a schedule, the declared webhooks of an instance are kept alive."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from connector import aws, instances
from connector.connections import connect, transport
from connector.deadline import Deadline, LambdaContext
from connector.errors import ConfigurationError, InvalidRequest, StreamBusy
from connector.observability import correlate, logger, metrics
from connector.settings import Settings, settings
from connector.table import Table
from guardian import probe
from guardian.plan import Kind, Place
from guardian.run import Report, Run

# Made while the container starts, when Lambda gives a full processor.
aws.client("dynamodb")

# What is left at the end to store the secrets of the webhooks that were created.
STORE_SECONDS = 10.0


class Context(LambdaContext, Protocol):
    aws_request_id: str
    function_name: str


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """`{"instance"}` -> what was found and done.

    Raises what the retries and the dead-letter queue of the schedule must see.
    """
    correlate(None, context.aws_request_id)
    instance = decode(event)
    own = settings()
    if not own.webhook_topics:
        return {"outcome": "nothing declared", "instance": instance}
    report = Report()
    try:
        # Two runs at a time would create everything twice. The lease outlives the function.
        with Table(aws.client("dynamodb"), own.table).lease(f"{instance}#guardian"):
            guard(instance, own, report, Deadline.of(context, STORE_SECONDS))
    except StreamBusy:
        logger.info("Another run is under way.", extra={"instance": instance})
        return {"outcome": "busy", "instance": instance}
    except Exception as error:
        category = type(error).__name__
        logger.exception("Failed.", extra={"instance": instance, "category": category})
        raise
    finally:
        tell(instance, report)
        count(instance, report, context.function_name)
    logger.info("Ran.", extra=(answer := encode(instance, report)))
    return answer


def guard(instance: str, own: Settings, report: Report, deadline: Deadline) -> None:
    if not own.webhook_base_url:
        raise ConfigurationError("WEBHOOK_BASE_URL is empty: no webhook could find us.")
    place = Place(own.webhook_base_url, instance)

    def ask(topic: str, secret: str) -> str | None:
        return probe.send(transport(), place.address(topic), topic, secret, deadline)

    client = connect(instance, deadline)
    Run(place, own.webhook_topics, client, ask, now(), report).go()


def decode(event: Mapping[str, Any]) -> str:
    """Raises UnknownInstance or InvalidRequest that says what to send instead."""
    if set(event) != {"instance"} or not isinstance(event["instance"], str):
        raise InvalidRequest('An event names an instance and no more: {"instance": "default"}.')
    return instances.check(event["instance"])


def encode(instance: str, report: Report) -> dict[str, Any]:
    return {
        "outcome": "done",
        "instance": instance,
        "open": len(report.open or ()),
        "made": report.count("repaired", Kind.MISSING),
        "repaired": report.count("repaired", Kind.INCLUDE, Kind.DISABLED),
        "reset": report.count("repaired", Kind.CIRCUIT_OPEN),
        "needs_a_person": report.needs_a_person,
    }


def tell(instance: str, report: Report) -> None:
    for found in report.found:
        finding = found.finding
        about: dict[str, Any] = {
            "instance": instance,
            "topic": finding.topic,
            "category": finding.kind.value,
        }
        about |= {"webhook": finding.webhook, "outcome": found.outcome, "reason": found.reason}
        logger.warning("A webhook is not as declared.", extra=about)


def count(instance: str, report: Report, function: str) -> None:
    """For the alarms by function, which are of this stack; the others tell where to look."""
    if report.open is None:
        return  # nothing is known, which is not the same as nothing is wrong
    for topic in report.open:
        emit({"instance": instance, "topic": topic}, CircuitOpen=1)
    for kind in Kind:
        if found := sum(each.finding.kind is kind for each in report.found):
            emit({"instance": instance, "kind": kind.value}, Drift=found)
    totals = encode(instance, report)
    emit(
        {"function_name": function},
        CircuitsOpen=totals["open"],
        CircuitsReset=totals["reset"],
        WebhooksInNeed=totals["needs_a_person"],
    )


def emit(dimensions: Mapping[str, str], **values: int) -> None:
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, number in values.items():
        metrics.add_metric(name, unit="Count", value=number)
    metrics.flush_metrics()


def now() -> datetime:
    return datetime.now(UTC)
