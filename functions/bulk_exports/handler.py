"""The `bulk_exports` function: the tasks of the state machine that exports.

    plan     {"task", "execution", "order"}    count the records, cut them into windows
    work     {"task", "execution", "export"}   one round: look, fetch, start
    finish   {"task", "execution", "export"}   the manifest and the event
    fail     {"task", "execution", "order"}    a step failed to the end: whoever waits is told

`order` is the input of the execution: `instance`, `resource` and what to export of it, and, to go
on with an export, its id as `export`. Without one it is the name of the execution.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bulk_exports import tasks
from connector.deadline import Deadline, LambdaContext
from connector.observability import correlate, logger, metrics


class Context(LambdaContext, Protocol):
    aws_request_id: str


TASKS: Mapping[str, Callable[[Mapping[str, Any], Deadline], dict[str, Any]]] = {
    "plan": tasks.plan,
    "work": tasks.work,
    "finish": tasks.finish,
    "fail": tasks.fail,
}


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Raises what the retries of the state machine must see."""
    correlate(tasks.export_of(event), context.aws_request_id)
    about = {"task": event["task"]}
    try:
        result = TASKS[event["task"]](event, Deadline.of(context))
    except Exception as error:
        logger.exception("Failed.", extra={**about, "category": type(error).__name__})
        raise
    logger.info("Done.", extra={**about, "outcome": result["status"]})
    if event["task"] in ("finish", "fail"):
        metrics.add_dimension("outcome", result["status"])
        metrics.add_metric("Exports", unit="Count", value=1)
        metrics.flush_metrics()
    return {**result, "execution": event["execution"]}
