"""Leases on the job slots of a Commerce Layer organization, counted in the table of the stack.

    pk                            sk      attributes
    slots#<organization>#<kind>   state   holders: holder -> until (epoch seconds), version

Commerce Layer runs ten jobs of a kind at a time for the whole organization. Whoever wants to start
one takes a slot first, so that all functions together never ask for more than their share; others'
jobs are not counted here, and a creation that is refused for their sake is a wait.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.errors import TableBusy

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ATTEMPTS = 8
# A holder that is gone keeps its slot for so long; every look at its job renews it.
LEASE_SECONDS = 900


class JobSlots:
    """`organization` is the slug with its mode: test and live have slots of their own."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        organization: str,
        kind: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._table, self._clock = client, table, clock
        self._key = f"slots#{organization}#{kind}"

    def take(self, holder: str, limit: int) -> bool:
        """A slot for `holder`, or the one it has already, renewed. False if `limit` are taken."""

        def change(holders: dict[str, float], now: float) -> bool:
            if holder not in holders and len(holders) >= limit:
                return False
            holders[holder] = now + LEASE_SECONDS
            return True

        return self._change(change)

    def release(self, holder: str) -> None:
        def change(holders: dict[str, float], _: float) -> bool:
            return holders.pop(holder, None) is not None

        self._change(change)

    def _change(self, change: Callable[[dict[str, float], float], bool]) -> bool:
        """Read, change, write if nobody else has written in between. Raises TableBusy."""
        for _ in range(ATTEMPTS):
            version, holders = self._read()
            now = self._clock()
            holders = {name: until for name, until in holders.items() if until > now}
            if not change(holders, now):
                return False
            if self._write(version, holders):
                return True
        raise TableBusy(f"Too many want the slots {self._key} at the same time.")

    def _read(self) -> tuple[int, dict[str, float]]:
        item = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": self._key}, "sk": {"S": "state"}},
            ConsistentRead=True,
        ).get("Item", {})
        holders = item.get("holders", {"M": {}})["M"]
        version = int(item.get("version", {"N": "0"})["N"])
        return version, {name: float(until["N"]) for name, until in holders.items()}

    def _write(self, version: int, holders: dict[str, float]) -> bool:
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": self._key},
                    "sk": {"S": "state"},
                    "version": {"N": str(version + 1)},
                    "holders": {"M": {name: {"N": str(at)} for name, at in holders.items()}},
                },
                ConditionExpression="attribute_not_exists(pk) OR version = :version",
                ExpressionAttributeValues={":version": {"N": str(version)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
