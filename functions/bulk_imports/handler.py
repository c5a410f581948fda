"""The `bulk_imports` function: the tasks of the state machine that imports files.

plan     {"task", "execution", "detail"}   what EventBridge tells of an object -> chunks
carry    {"task", "import", "chunk"}       one chunk, as far as it goes without waiting
report   {"task", "import"}                all chunks' reports as one, and the event
fail     {"task", "execution", "detail"}   a step failed to the end: whoever waits is told
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bulk_imports import tasks
from connector.deadline import Deadline, LambdaContext
from connector.observability import correlate, logger, metrics


class Context(LambdaContext, Protocol):
    aws_request_id: str


TASKS: Mapping[str, Callable[[Mapping[str, Any], Deadline], dict[str, Any]]] = {
    "plan": tasks.plan,
    "carry": tasks.carry,
    "report": tasks.report,
    "fail": tasks.fail,
}


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Raises what the state machine has to try again; everything else is a status."""
    task = event["task"]
    correlate(event.get("import"), context.aws_request_id)
    try:
        result = TASKS[task](event, Deadline.of(context))
    except Exception as error:
        logger.exception("Failed.", extra={"task": task, "category": type(error).__name__})
        raise
    logger.info("Done.", extra={"task": task, "outcome": result["status"]})
    if task == "report":
        count(result)
    return result


def count(result: Mapping[str, Any]) -> None:
    metrics.add_dimension("outcome", result["status"])
    metrics.add_metric("Imports", unit="Count", value=1)
    for status, rows in result["counts"].items():
        metrics.add_metric(f"ImportRows_{status}", unit="Count", value=rows)
    metrics.flush_metrics()
