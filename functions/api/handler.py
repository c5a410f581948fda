"""The `api` function: Commerce Layer behind the HTTP API."""

import time
from collections.abc import Mapping
from typing import Any

from api import problems
from api.request import Request, headers_of
from api.routes import ROUTES, find
from connector.deadline import MARGIN, Deadline, LambdaContext
from connector.observability import correlate, logger, metrics

# The HTTP API hangs up after 30 seconds, however long the function may run.
API_LIMIT = 29.0


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    started = time.perf_counter()
    request_id = event.get("requestContext", {}).get("requestId", "unknown")
    correlation_id = correlate(headers_of(event).get("x-correlation-id"), request_id)
    about: dict[str, Any] = {"route": "none"}
    try:
        route, parameters = find(event)
        about["route"] = route
        seconds = min(context.get_remaining_time_in_millis() / 1000, API_LIMIT) - MARGIN
        answer = ROUTES[route](Request.of(event, parameters, Deadline.after(seconds)))
    except Exception as error:  # noqa: BLE001 - the one place that turns errors into answers
        answer = problems.problem(error, event.get("rawPath", ""), correlation_id)
        about["category"] = problems.category(error)
        if answer.status >= 500:
            logger.exception("Failed.", extra=about)
            metrics.add_dimension("category", about["category"])
            metrics.add_metric("Failures", unit="Count", value=1)
            metrics.flush_metrics()
    about |= {"status": answer.status, "duration_ms": round((time.perf_counter() - started) * 1e3)}
    logger.info("Answered.", extra=about)
    encoded = answer.encode()
    encoded["headers"]["x-correlation-id"] = correlation_id
    return encoded
