"""The DynamoDB table of the stack: where sync streams are, and which events were seen.

    pk                          sk             attributes
    stream#<instance>#<stream>  state          bookmark, settled, fingerprint, generation,
                                               lease_owner, lease_until
    seen#<event id>             <who saw it>   expires_at, and claimed_until while it is published

A bookmark and its lease share one item, so that one conditional write can say "move on, if I
still hold the lease". `lease_until`, `claimed_until` and `expires_at` are epoch seconds; DynamoDB
deletes an item some time after `expires_at`.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from connector.errors import LeaseLost, StreamBusy, TableBusy

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        KeysAndAttributesOutputTypeDef,
        KeysAndAttributesTypeDef,
        UniversalAttributeValueTypeDef,
        WriteRequestOutputTypeDef,
        WriteRequestTypeDef,
    )

# Longer than one page can take with its waits and retries; every page renews it. A killed run
# blocks its stream for this long, whatever the timeout of the function is.
LEASE_SECONDS = 120

# Limits of BatchGetItem and BatchWriteItem.
READ_BATCH = 100
WRITE_BATCH = 25
ATTEMPTS = 8

# Until a claim that nobody turned into a mark is forgotten.
CLAIM_KEPT_SECONDS = 24 * 3600


class Claim(Enum):
    """What came of the wish to be the only one who publishes an event."""

    TAKEN = "taken"
    BUSY = "busy"  # somebody else has it right now
    SEEN = "seen"  # it has been published


@dataclass(slots=True)
class Lease:
    """The right to move one stream, while the `with` block lasts, and where the stream is.

    `bookmark` and `settled` are None and `generation` is 0 until the first `reset`.
    """

    table: "Table"
    stream: str
    owner: str
    bookmark: str | None = None
    settled: str | None = None
    fingerprint: str | None = None
    generation: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the next run in at once. If this fails, the lease still ends by itself."""
        with suppress(ClientError, BotoCoreError):
            self.table.client.update_item(
                TableName=self.table.name,
                Key=_stream_key(self.stream),
                UpdateExpression="REMOVE lease_owner, lease_until",
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues={":owner": {"S": self.owner}},
            )

    def advance(self, bookmark: str, settled: str) -> None:
        """Move the stream and renew the lease. Raises LeaseLost if another run has it now."""
        self._update(
            "SET bookmark = :b, settled = :s", {":b": {"S": bookmark}, ":s": {"S": settled}}
        )
        self.bookmark, self.settled = bookmark, settled

    def reset(self, bookmark: str, fingerprint: str) -> None:
        """Begin anew at `bookmark`; what was seen in earlier generations is seen no more."""
        self._update(
            "SET bookmark = :b, settled = :b, fingerprint = :f, generation = :g",
            {
                ":b": {"S": bookmark},
                ":f": {"S": fingerprint},
                ":g": {"N": str(self.generation + 1)},
            },
        )
        self.bookmark = self.settled = bookmark
        self.fingerprint = fingerprint
        self.generation += 1

    def _update(self, change: str, values: "dict[str, UniversalAttributeValueTypeDef]") -> None:
        until = self.table.clock() + LEASE_SECONDS
        try:
            self.table.client.update_item(
                TableName=self.table.name,
                Key=_stream_key(self.stream),
                UpdateExpression=f"{change}, lease_until = :until",
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues={
                    **values,
                    ":owner": {"S": self.owner},
                    ":until": {"N": str(until)},
                },
            )
        except self.table.client.exceptions.ConditionalCheckFailedException:
            raise LeaseLost(f"Another run took over the stream {self.stream}.") from None


class Table:
    """`clock` is the wall clock: leases are compared between machines."""

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self.name = name
        self.clock = clock
        self._sleep = sleep

    def lease(self, stream: str) -> Lease:
        """Take the lease of `<instance>#<stream>`. Raises StreamBusy if another run holds it."""
        owner = uuid4().hex
        now = self.clock()
        try:
            # The owner itself may ask again: botocore repeats a call whose answer got lost.
            answer = self.client.update_item(
                TableName=self.name,
                Key=_stream_key(stream),
                UpdateExpression="SET lease_owner = :owner, lease_until = :until",
                ConditionExpression="attribute_not_exists(lease_owner) OR lease_until < :now"
                " OR lease_owner = :owner",
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":until": {"N": str(now + LEASE_SECONDS)},
                    ":now": {"N": str(now)},
                },
                ReturnValues="ALL_NEW",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            raise StreamBusy(f"Another run of the stream {stream} is under way.") from None
        item = answer["Attributes"]
        return Lease(
            table=self,
            stream=stream,
            owner=owner,
            bookmark=_text(item, "bookmark"),
            settled=_text(item, "settled"),
            fingerprint=_text(item, "fingerprint"),
            generation=int(item.get("generation", {"N": "0"})["N"]),
        )

    def seen(self, event_ids: Iterable[str], by: str) -> set[str]:
        """Those of `event_ids` that `by` (for example a stream) has marked."""
        found: set[str] = set()
        for batch in _batches(event_ids, READ_BATCH):
            asked: KeysAndAttributesTypeDef | KeysAndAttributesOutputTypeDef = {
                # Consistent: a mark may be older by one page only.
                "Keys": [_seen_key(event_id, by) for event_id in batch],
                "ConsistentRead": True,
                "ProjectionExpression": "pk",
            }
            for _ in self._attempts("BatchGetItem"):
                answer = self.client.batch_get_item(RequestItems={self.name: asked})
                found |= {
                    item["pk"]["S"].removeprefix("seen#")
                    for item in answer["Responses"].get(self.name, [])
                }
                if self.name not in answer["UnprocessedKeys"]:
                    break
                asked = answer["UnprocessedKeys"][self.name]
        return found

    def claim(self, event_id: str, by: str, seconds: float) -> Claim:
        """For that long nobody else gets it; `mark` makes it SEEN. Raises what DynamoDB raises."""
        now = self.clock()
        try:
            self.client.put_item(
                TableName=self.name,
                Item={
                    **_seen_key(event_id, by),
                    "claimed_until": {"N": str(now + seconds)},
                    "expires_at": {"N": str(int(now + CLAIM_KEPT_SECONDS))},
                },
                ConditionExpression="attribute_not_exists(pk) OR claimed_until < :now",
                ExpressionAttributeValues={":now": {"N": str(now)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.client.exceptions.ConditionalCheckFailedException as refusal:
            there: Any = refusal.response.get("Item", {})
            return Claim.BUSY if "claimed_until" in there else Claim.SEEN
        return Claim.TAKEN

    def mark(self, event_ids: Iterable[str], by: str, keep: float) -> None:
        """Remember for `keep` seconds that `by` has seen `event_ids`."""
        expires_at = {"N": str(int(self.clock() + keep))}
        for batch in _batches(event_ids, WRITE_BATCH):
            asked: Sequence[WriteRequestTypeDef | WriteRequestOutputTypeDef] = [
                {"PutRequest": {"Item": {**_seen_key(event_id, by), "expires_at": expires_at}}}
                for event_id in batch
            ]
            for _ in self._attempts("BatchWriteItem"):
                answer = self.client.batch_write_item(RequestItems={self.name: asked})
                asked = answer["UnprocessedItems"].get(self.name, [])
                if not asked:
                    break

    def _attempts(self, operation: str) -> Iterator[int]:
        """Pause between two attempts; raise TableBusy when the last one was not enough."""
        for attempt in range(ATTEMPTS):
            yield attempt
            self._sleep(random.uniform(0, min(1.0, 0.05 * 2**attempt)))  # noqa: S311 - jitter
        raise TableBusy(f"The table left a part of {operation} undone, {ATTEMPTS} times.")


def _stream_key(stream: str) -> "dict[str, AttributeValueTypeDef]":
    return {"pk": {"S": f"stream#{stream}"}, "sk": {"S": "state"}}


def _seen_key(event_id: str, by: str) -> "dict[str, AttributeValueTypeDef]":
    return {"pk": {"S": f"seen#{event_id}"}, "sk": {"S": by}}


def _text(item: "dict[str, AttributeValueTypeDef]", name: str) -> str | None:
    return item[name]["S"] if name in item else None


def _batches(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """`itertools.batched` of Python 3.12, without repeated values: DynamoDB refuses them."""
    unique = list(dict.fromkeys(values))
    for first in range(0, len(unique), size):
        yield unique[first : first + size]
