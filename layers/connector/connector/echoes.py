"""Echoes: which version of a record is the work of which command.

For a while after a write, so that the event of that version can say `caused_by`, and whoever sent
the command can tell its own change from others'. An echo that is lost costs no more than that.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from connector.attempts import digest

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Sync reads a version again after `settle`, and Commerce Layer sends webhooks again for hours.
KEEP_SECONDS = 24 * 3600.0


class Echoes:
    def __init__(
        self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def remember(
        self, instance: str, kind: str, record_id: str, updated_at: str, command_id: str
    ) -> None:
        change = {"type": kind, "id": record_id, "updated_at": updated_at}
        self._client.put_item(
            TableName=self._table,
            Item={
                **echo_key(instance, change),
                "command_id": {"S": command_id},
                "expires_at": {"N": str(int(self._clock() + KEEP_SECONDS))},
            },
        )

    def cause(self, instance: str, change: Mapping[str, Any]) -> str | None:
        """The command behind a version, if one is remembered."""
        answer = self._client.get_item(TableName=self._table, Key=echo_key(instance, change))
        return answer["Item"]["command_id"]["S"] if "Item" in answer else None


def echo_key(instance: str, change: Mapping[str, Any]) -> "dict[str, AttributeValueTypeDef]":
    """`change` is that of an event: type, id, updated_at."""
    name = digest(instance, change["type"], change["id"], change["updated_at"])
    return {"pk": {"S": f"echo#{name}"}, "sk": {"S": "command"}}
