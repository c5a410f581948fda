"""Turns: one write at a time to a record, where that matters, and the order of writes to it.

Money triggers take turns, so that what changed at an authorization since one was sent is that
one's doing. Commands with an `order_key` take turns too, and the newest key that an attribute was
written with is kept beside.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.attempts import digest
from connector.errors import AttemptBusy

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        UniversalAttributeValueTypeDef,
    )

# For an outcome that is not known there must be time to read it back. Then others come in, and
# what they do cannot be told from what we did.
TURN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Turn:
    """`kept`: nobody else has had it since its owner took it first. `order_keys` are the newest,
    by attribute."""

    turns: "Turns"
    name: str
    owner: str
    kept: bool
    order_keys: Mapping[str, Any]

    def end(self, order_keys: Mapping[str, Any] | None = None) -> None:
        """Let others in; remember the keys that attributes were written with."""
        self.turns.end(self, {**self.order_keys, **(order_keys or {})})


class Turns:
    """`keep`: seconds that order keys are remembered after the last write."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        keep: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._table = table
        self._keep = keep
        self._clock = clock

    def take(self, record: Any, owner: str, *, again: bool = False) -> Turn:
        """`record` is whatever names it; `owner` the key of the attempt, which may take it
        `again` after a crash. Raises AttemptBusy."""
        name = digest(record)
        if again and (there := self._update(name, owner, "lease_owner = :owner")) is not None:
            return Turn(self, name, owner, kept=True, order_keys=_order_keys(there))
        condition = (
            "attribute_not_exists(lease_owner) OR lease_until < :now OR lease_owner = :owner"
        )
        there = self._update(name, owner, condition)
        if there is None:
            raise AttemptBusy("Another write to the record is under way.", retry_after=5)
        return Turn(self, name, owner, kept=not again, order_keys=_order_keys(there))

    def _update(
        self, name: str, owner: str, condition: str
    ) -> "dict[str, AttributeValueTypeDef] | None":
        """The item, with the turn taken; None if the condition does not hold."""
        now = self._clock()
        values: dict[str, UniversalAttributeValueTypeDef] = {
            ":owner": {"S": owner},
            ":until": {"N": str(now + TURN_SECONDS)},
            ":expires_at": {"N": str(int(now + self._keep))},
        }
        if ":now" in condition:  # DynamoDB refuses values that nothing uses
            values[":now"] = {"N": str(now)}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(name),
                UpdateExpression="SET lease_owner = :owner, lease_until = :until,"
                " expires_at = :expires_at",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return answer["Attributes"]

    def end(self, turn: Turn, order_keys: Mapping[str, Any]) -> None:
        """Raises what DynamoDB raises; a turn that was lost meanwhile stays lost."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(turn.name),
                UpdateExpression="SET lease_until = :until, order_keys = :order_keys",
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues={
                    ":until": {"N": "0"},
                    ":order_keys": {"S": json.dumps(order_keys)},
                    ":owner": {"S": turn.owner},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return


def _key(name: str) -> "dict[str, AttributeValueTypeDef]":
    return {"pk": {"S": f"turn#{name}"}, "sk": {"S": "state"}}


def _order_keys(item: "dict[str, AttributeValueTypeDef]") -> dict[str, Any]:
    return dict(json.loads(item["order_keys"]["S"])) if "order_keys" in item else {}
