"""The DynamoDB table of the stack: where sync streams are, and which events were seen.

    pk                          sk             attributes
    stream#<instance>#<stream>  state          bookmark, settled, fingerprint, generation,
                                               lease_owner, lease_until, last_run,
                                               late_arrivals; what operators wish, in
                                               connector/wishes.py; how far that is
    ids#<instance>#<stream>#…   …              sets of record ids, in sync/known_ids.py
    seen#<event id>             <who saw it>   expires_at, and claimed_until while it is published
    attempt#<digest of a key>   api, command   phase, digest, lease_owner, lease_until, sends,
                                               sent_at, evidence, outcome, expires_at
    turn#<digest of a record>   state          lease_owner, lease_until, order_keys, expires_at
    import#<import>             import, …      in connector/import_ledger.py
    slots#<organization>#<kind> state          in connector/job_slots.py
    echo#<digest of a version>  command        command_id, expires_at

A bookmark and its lease share one item, so that one conditional write can say "move on, if I
still hold the lease". The guardian has a lease too, `<instance>#guardian`, and no bookmark.
`lease_until`, `claimed_until` and `expires_at` are epoch seconds; DynamoDB deletes an item some
time after `expires_at`. Attempts, turns and echoes have modules of their own.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar
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

    Key = dict[str, AttributeValueTypeDef]

T = TypeVar("T")

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

    `bookmark` and `settled` are None and `generation` is 0 until the first `reset`. `notes` are
    the other texts of the stream's item; `report`, if set, is left there as `last_run`.
    """

    table: "Table"
    stream: str
    owner: str
    bookmark: str | None = None
    settled: str | None = None
    fingerprint: str | None = None
    generation: int = 0
    late_arrivals: int = 0
    paused: bool = False
    notes: dict[str, str] = field(default_factory=dict)
    report: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the next run in at once. If this fails, the lease still ends by itself."""
        values: dict[str, UniversalAttributeValueTypeDef] = {":owner": {"S": self.owner}}
        change = "REMOVE lease_owner, lease_until"
        if self.report is not None:
            change = f"SET last_run = :report, late_arrivals = :late {change}"
            values |= {":report": {"S": self.report}, ":late": {"N": str(self.late_arrivals)}}
        with suppress(ClientError, BotoCoreError):
            self.table.client.update_item(
                TableName=self.table.name,
                Key=stream_key(self.stream),
                UpdateExpression=change,
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues=values,
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
            remove=("reset_from",),
        )
        self.notes.pop("reset_from", None)
        self.bookmark = self.settled = bookmark
        self.fingerprint = fingerprint
        self.generation += 1

    def note(self, name: str, text: str | None, *, done: tuple[str, ...] = ()) -> None:
        """Keep `text` (None: nothing) as `name`, drop the notes `done`, and renew the lease."""
        remove = done if text is not None else (*done, name)
        if text is None:
            self._update("SET", {}, remove=remove)
        else:
            self._update(f"SET {name} = :t", {":t": {"S": text}}, remove=remove)
            self.notes[name] = text
        for each in remove:
            self.notes.pop(each, None)

    def _update(
        self,
        change: str,
        values: "dict[str, UniversalAttributeValueTypeDef]",
        remove: tuple[str, ...] = (),
    ) -> None:
        until = self.table.clock() + LEASE_SECONDS
        separator = " " if change == "SET" else ", "
        change = f"{change}{separator}lease_until = :until"
        if remove:
            change += f" REMOVE {', '.join(remove)}"
        try:
            answer = self.table.client.update_item(
                TableName=self.table.name,
                Key=stream_key(self.stream),
                UpdateExpression=change,
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues={
                    **values,
                    ":owner": {"S": self.owner},
                    ":until": {"N": str(until)},
                },
                ReturnValues="ALL_NEW",
            )
        except self.table.client.exceptions.ConditionalCheckFailedException:
            raise LeaseLost(f"Another run took over the stream {self.stream}.") from None
        self.paused = "paused_at" in answer["Attributes"]


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
                Key=stream_key(stream),
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
            generation=_number(item, "generation"),
            late_arrivals=_number(item, "late_arrivals"),
            paused="paused_at" in item,
            notes={name: value["S"] for name, value in item.items() if "S" in value},
        )

    def seen(self, event_ids: Iterable[str], by: str) -> set[str]:
        """Those of `event_ids` that `by` (for example a stream) has marked."""
        return self.seen_and(event_ids, by, ())[0]

    def seen_and(
        self, event_ids: Iterable[str], by: str, keys: "Iterable[Key]"
    ) -> "tuple[set[str], dict[str, dict[str, AttributeValueTypeDef]]]":
        """As `seen`; and what there is of other items, in the same calls, by their `pk`."""
        marks = [_seen_key(event_id, by) for event_id in dict.fromkeys(event_ids)]
        found = {item["pk"]["S"]: item for item in self.items([*marks, *keys])}
        seen = {each["pk"]["S"] for each in marks} & set(found)
        others = {pk: item for pk, item in found.items() if pk not in seen}
        return {pk.removeprefix("seen#") for pk in seen}, others

    def items(self, keys: "Iterable[Key]") -> "Iterator[dict[str, AttributeValueTypeDef]]":
        """Those of these items that exist, in any order. Each key may be asked for once."""
        for batch in _batches(keys, READ_BATCH):
            # Consistent: a mark may be older by one page only.
            asked: KeysAndAttributesTypeDef | KeysAndAttributesOutputTypeDef = {
                "Keys": batch,
                "ConsistentRead": True,
            }
            for _ in self._attempts("BatchGetItem"):
                answer = self.client.batch_get_item(RequestItems={self.name: asked})
                yield from answer["Responses"].get(self.name, [])
                if self.name not in answer["UnprocessedKeys"]:
                    break
                asked = answer["UnprocessedKeys"][self.name]

    def below(self, pk: str) -> "Iterator[dict[str, AttributeValueTypeDef]]":
        """All items with this partition key."""
        after: dict[str, Any] = {}
        while True:
            answer = self.client.query(
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
                **after,
            )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            after = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

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
        self.write(
            {"PutRequest": {"Item": {**_seen_key(event_id, by), "expires_at": expires_at}}}
            for event_id in dict.fromkeys(event_ids)
        )

    def write(self, requests: "Iterable[WriteRequestTypeDef]") -> None:
        """Put and delete items, each of them once at most. Raises TableBusy."""
        for batch in _batches(requests, WRITE_BATCH):
            asked: Sequence[WriteRequestTypeDef | WriteRequestOutputTypeDef] = batch
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


def stream_key(stream: str) -> "Key":
    return {"pk": {"S": f"stream#{stream}"}, "sk": {"S": "state"}}


def _seen_key(event_id: str, by: str) -> "Key":
    return {"pk": {"S": f"seen#{event_id}"}, "sk": {"S": by}}


def _text(item: "dict[str, AttributeValueTypeDef]", name: str) -> str | None:
    return item[name]["S"] if name in item else None


def _number(item: "dict[str, AttributeValueTypeDef]", name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """`itertools.batched` of Python 3.12."""
    waiting = iter(values)
    while batch := list(islice(waiting, size)):
        yield batch
