"""Logger and metrics, made once for the container.

A log line is JSON and holds only the fields listed in `FIELDS`: an allow-list, because nobody can
list all the places where an e-mail address may turn up. A message is a constant sentence; what
differs from call to call goes into `extra`, under an allowed name.

Service, namespace and level come from POWERTOOLS_SERVICE_NAME, POWERTOOLS_METRICS_NAMESPACE and
POWERTOOLS_LOG_LEVEL, which Powertools reads itself.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from connector.errors import ConnectorError

FIELDS = frozenset(
    # what Powertools adds
    "level location message timestamp service correlation_id xray_trace_id"
    " exception exception_name"
    # what happened
    " instance category reason outcome topic task"
    # one run of the guardian
    " webhook open made repaired reset needs_a_person"
    # one HTTP request
    " route status duration_ms"
    # one run of a stream
    " stream published duplicates late_arrivals replayed deleted refused requests bookmark"
    " complete paused".split()
)

# A caller may send its own correlation id; what does not look like one is not repeated anywhere.
CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=;-]{0,127}")


class Formatter(LambdaPowertoolsFormatter):
    """Drops the fields that are not allowed, and tells a stack trace without its values."""

    def serialize(self, log: Mapping[str, Any]) -> str:
        return self.json_serializer({key: log[key] for key in log if key in FIELDS})

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """Types and places only. A foreign exception's text may hold data; ours never does."""
        lines = []
        error: BaseException | None = ei[1]
        while error is not None:
            text = f": {error}" if isinstance(error, ConnectorError) else ""
            lines.append(f"{type(error).__module__}.{type(error).__qualname__}{text}")
            lines += [
                f"  {frame.filename}:{frame.lineno} in {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            error = error.__cause__ or error.__context__
        return "\n".join(lines)


# `serialize_stacktrace` would write the text of every exception beside the lines above.
logger = Logger(logger_formatter=Formatter(utc=True, use_rfc3339=True, serialize_stacktrace=False))
metrics = Metrics()
metrics.namespace = metrics.namespace or "CommerceLayerConnector"  # flushing without one raises

# httpx logs every URL at INFO, and queries hold e-mail addresses; botocore logs bodies at DEBUG.
for name in ("httpx", "httpcore", "boto3", "botocore", "urllib3"):
    logging.getLogger(name).setLevel(logging.WARNING)


def correlate(offered: str | None, otherwise: str) -> str:
    """The correlation id of this invocation, also put on every log line from here on.

    `offered` is what the caller sent; it is taken if it looks like an id, else `otherwise`.
    """
    taken = offered if offered and CORRELATION_ID.fullmatch(offered) else otherwise
    logger.set_correlation_id(taken)
    return taken
