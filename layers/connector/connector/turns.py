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
from uuid import uuid4

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
    """`kept`: nobody else has had a turn since the one of this `serial` began. `order_keys` are
    the newest, by attribute."""

    turns: "Turns"
    name: str
    owner: str
    serial: str
    kept: bool
    order_keys: Mapping[str, Any]

    def claim(self, order_keys: Mapping[str, Any]) -> None:
        """Before the write: if this turn never ends properly, others go by these keys too."""
        self.turns.claim(self, order_keys)

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

    def take(self, record: Any, owner: str, *, serial: str | None = None) -> Turn:
        """`record` is whatever names it; `owner` the key of the attempt, `serial` that of a turn
        it has had before. Raises AttemptBusy."""
        name, fresh = digest(record), uuid4().hex
        if serial and (there := self._update(name, owner, serial, "serial = :serial")) is not None:
            return Turn(self, name, owner, serial, True, _order_keys(there, owner))
        condition = (
            "attribute_not_exists(lease_owner) OR lease_until < :now OR lease_owner = :owner"
        )
        there = self._update(name, owner, fresh, condition)
        if there is None:
            raise AttemptBusy("Another write to the record is under way.", retry_after=5)
        return Turn(self, name, owner, fresh, not serial, _order_keys(there, owner))

    def _update(
        self, name: str, owner: str, serial: str, condition: str
    ) -> "dict[str, AttributeValueTypeDef] | None":
        """The item, with the turn taken; None if the condition does not hold."""
        now = self._clock()
        values: dict[str, UniversalAttributeValueTypeDef] = {
            ":owner": {"S": owner},
            ":serial": {"S": serial},
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
                " serial = :serial, expires_at = :expires_at",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return answer["Attributes"]

    def claim(self, turn: Turn, order_keys: Mapping[str, Any]) -> None:
        """Raises AttemptBusy if the turn was lost meanwhile."""
        claimed = {"by": turn.owner, "keys": dict(order_keys)}
        if not self._set(turn, "claimed = :claimed", {":claimed": {"S": json.dumps(claimed)}}):
            raise AttemptBusy("Another write to the record is under way.", retry_after=5)

    def end(self, turn: Turn, order_keys: Mapping[str, Any]) -> None:
        """A turn that was lost meanwhile stays lost."""
        values: dict[str, UniversalAttributeValueTypeDef] = {
            ":until": {"N": "0"},
            ":order_keys": {"S": json.dumps(order_keys)},
            ":claimed": {"S": "{}"},
        }
        change = "lease_until = :until, order_keys = :order_keys, claimed = :claimed"
        self._set(turn, change, values)

    def _set(
        self, turn: Turn, change: str, values: "dict[str, UniversalAttributeValueTypeDef]"
    ) -> bool:
        """Whether the turn was still its owner's."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(turn.name),
                UpdateExpression=f"SET {change}",
                ConditionExpression="lease_owner = :owner",
                ExpressionAttributeValues={**values, ":owner": {"S": turn.owner}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(name: str) -> "dict[str, AttributeValueTypeDef]":
    return {"pk": {"S": f"turn#{name}"}, "sk": {"S": "state"}}


def _order_keys(item: "dict[str, AttributeValueTypeDef]", owner: str) -> dict[str, Any]:
    """With what another owner claimed and never ended: it may have been written."""
    known: dict[str, Any] = json.loads(item.get("order_keys", {"S": "{}"})["S"])
    claimed = json.loads(item.get("claimed", {"S": "{}"})["S"])
    return known if claimed.get("by", owner) == owner else known | claimed["keys"]
