"""The `include_resources` of a webhook, which depend on its topic."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from local.simulator.errors import ApiError, validation
from local.simulator.query import Query, parse
from local.simulator.store import Record
from local.simulator.topics import TOPICS


def refused(
    kind: str, changed: Mapping[str, Any], record: Record | None
) -> Iterator[dict[str, Any]]:
    """What is wrong with them after that change, if it is one of a webhook."""
    if kind != "webhooks" or not changed.keys() & {"topic", "include_resources"}:
        return
    values = (record.attributes if record else {}) | dict(changed)
    topic, paths = values.get("topic"), values.get("include_resources")
    if topic not in TOPICS or paths is None:
        return
    pointer = "/data/attributes/include_resources"
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        yield validation(pointer, "invalid", "is invalid", value=paths)
        return
    try:
        query(topic.partition(".")[0], paths)
    except ApiError:
        yield validation(pointer, "invalid", "is invalid", value=paths)


def query(kind: str, include: list[str]) -> Query:
    """Raises ApiError for a path that the resource does not have."""
    return parse(kind, urlencode({"include": ",".join(include)}))
