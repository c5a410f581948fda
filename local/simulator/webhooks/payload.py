"""The body of a webhook: the document that a GET of the resource would answer.

Its links are relative. Of a deleted record only type and id are left.
"""

import json

from local.simulator import documents
from local.simulator.documents import Context
from local.simulator.store import Record
from local.simulator.webhooks import includes

# Where the links of a webhook begin.
BASE = "/api"


def render(context: Context, topic: str, record: Record, include: list[str]) -> bytes:
    """`include` are the webhook's own include_resources."""
    kind, _, event = topic.partition(".")
    if record.number not in context.store.records:
        gone = {"id": record.id, "type": record.type, "attributes": None, "relationships": None}
        return json.dumps({"data": gone}, separators=(",", ":")).encode()
    paths = [*include, "tags"] if event == "tagged" else include
    return documents.single(context, record, includes.query(kind, paths))
