"""Events: the one envelope that every origin uses, and the way onto the stack's event bus.

docs/events.md describes the envelope for its readers, docs/events/*.json holds its schemas.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from connector.errors import PublishFailed

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

# PutEvents takes 10 entries. It took 256 KiB a call before it took 1 MiB; the smaller number costs
# nothing and is accepted everywhere.
BATCH_ENTRIES = 10
BATCH_BYTES = 256 * 1024
# Above it the resource goes to S3: targets such as SQS have to carry the entry too.
CLAIM_CHECK_BYTES = 200 * 1024
ATTEMPTS = 4


def version_id(instance: str, stream: str, kind: str, record_id: str, updated_at: str) -> str:
    """The event id of one version of a record on one stream: the same whenever it is read."""
    # As a JSON list, so that no two lists of parts make the same text.
    parts = json.dumps([instance, stream, kind, record_id, updated_at])
    return hashlib.sha256(parts.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """Who publishes: the part of the envelope that all events of one invocation share.

    `origin` is webhook, sync, command, import, export, guardian or replay; `mode` is live, test
    or None.
    """

    instance: str
    origin: str
    correlation_id: str
    organization: str | None = None
    mode: str | None = None
    stream: str | None = None


def change_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Which version of which record, a record in flat form is."""
    names = ("type", "id", "updated_at")
    return {name: resource.get(name) for name in names}


def envelope(
    source: Source, topic: str, event_id: str, resource: Mapping[str, Any], received_at: str
) -> dict[str, Any]:
    """The `detail` of an event about `resource`, a record in flat form."""
    updated_at = resource.get("updated_at")
    return {
        "version": "1",
        "id": event_id,
        "instance": source.instance,
        "organization": source.organization,
        "mode": source.mode,
        "origin": source.origin,
        "stream": source.stream,
        "topic": topic,
        "occurred_at": updated_at,
        "received_at": received_at,
        "change": change_of(resource),
        "resource": resource,
        "payload": None,
        "caused_by": None,
        "correlation_id": source.correlation_id,
    }


class EventBus:
    """`bucket` takes what is too large for an entry."""

    def __init__(  # noqa: PLR0913 - all but two of them by name
        self,
        client: "EventBridgeClient",
        name: str,
        *,
        bucket: str,
        s3: Callable[[], Any],
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`s3` gives the S3 client: it is dear, and most runs never need it."""
        self._client = client
        self._name = name
        self._bucket = bucket
        self._s3 = s3
        self._attempts = attempts
        self._sleep = sleep

    def publish(self, details: Iterable[Mapping[str, Any]]) -> None:
        """Put envelopes on the bus; when this returns, all of them are there.

        Raises PublishFailed if the bus refuses some of them to the end, or if a call was not
        acknowledged: those events may be on the bus or not.
        """
        waiting = {detail["id"]: self._entry(detail) for detail in details}
        total, published, reason = len(waiting), list[str](), ""
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(random.uniform(0.05, 0.2) * 2**attempt)  # noqa: S311 - jitter
            for batch in _batches(waiting):
                try:
                    answer = self._client.put_events(Entries=list(batch.values()))
                except (ClientError, BotoCoreError) as error:
                    # botocore has tried again already.
                    raise PublishFailed(
                        f"The event bus did not acknowledge {len(waiting)} of {total} events"
                        f" ({type(error).__name__}).",
                        published=published,
                    ) from error
                for event_id, entry in zip(batch, answer["Entries"], strict=True):
                    if "ErrorCode" not in entry:
                        published.append(event_id)
                        del waiting[event_id]
                    else:
                        reason = entry["ErrorCode"]
            if not waiting:
                return
        raise PublishFailed(
            f"The event bus refused {len(waiting)} of {total} events ({reason}).",
            published=published,
        )

    def _entry(self, detail: Mapping[str, Any]) -> "PutEventsRequestEntryTypeDef":
        entry: PutEventsRequestEntryTypeDef = {
            "EventBusName": self._name,
            "Source": f"commerce-layer.{detail['instance']}",
            "DetailType": detail["topic"],
            "Detail": _compact(detail),
        }
        if _size(entry) > CLAIM_CHECK_BYTES:
            entry["Detail"] = _compact(self._with_claim_check(detail))
        return entry

    def _with_claim_check(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        resource = detail["resource"]
        body = _compact(resource).encode()
        # The same event has the same key: a repeated publish leaves no second object.
        key = f"{detail['instance']}/{detail['topic']}/{detail['id']}.json"
        self._s3().put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType="application/json"
        )
        return {
            **detail,
            "resource": {"type": resource["type"], "id": resource["id"]},
            "payload": {
                "bucket": self._bucket,
                "key": key,
                "size": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
            },
        }


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _size(entry: "PutEventsRequestEntryTypeDef") -> int:
    """As PutEvents counts it, in bytes of UTF-8."""
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _batches(
    entries: Mapping[str, "PutEventsRequestEntryTypeDef"],
) -> Iterator[dict[str, "PutEventsRequestEntryTypeDef"]]:
    batch: dict[str, PutEventsRequestEntryTypeDef] = {}
    size = 0
    for event_id, entry in list(entries.items()):
        more = _size(entry)
        if batch and (len(batch) == BATCH_ENTRIES or size + more > BATCH_BYTES):
            yield batch
            batch, size = {}, 0
        batch[event_id] = entry
        size += more
    if batch:
        yield batch
