"""Where imports and their chunks are, in the table of the stack.

    pk               sk             attributes
    import#<import>  import         execution, doc (JSON: what the API tells), expires_at
    import#<import>  chunk#<n>      doc (JSON: the state of the chunk), version, writer,
                                    expires_at

The HTTP API makes an item before it puts the file where its event starts the import; for other
files the import itself makes it. A chunk changes from version to version: of two that carry it on
at the same time, which a repeated task can be, only one comes through.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Files of the HTTP API are called by the id of their import.
OWN_NAME = "api-"
KEPT_SECONDS = 90 * 24 * 3600


class Overtaken(Exception):
    """Somebody else carries this chunk on."""


class Ledger:
    def __init__(
        self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client, self._table, self.clock = client, table, clock

    def announce(self, import_id: str, doc: Mapping[str, Any]) -> dict[str, Any] | None:
        """Make the item of an import that is still to come; what is there already, if so."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(import_id, "import"),
                    "doc": {"S": json.dumps(doc)},
                    "expires_at": self._expires(),
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.told(import_id)
        return None

    def told(self, import_id: str) -> dict[str, Any] | None:
        """What `tell` said last."""
        key = _key(import_id, "import")
        answer = self._client.batch_get_item(
            RequestItems={self._table: {"Keys": [key], "ConsistentRead": True}}
        )
        items = answer["Responses"].get(self._table) or []
        return json.loads(items[0]["doc"]["S"]) if items else None

    def begin(self, import_id: str, execution: str, doc: Mapping[str, Any]) -> bool:
        """False if another execution has this import: its event came twice."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(import_id, "import"),
                    "execution": {"S": execution},
                    "doc": {"S": json.dumps(doc)},
                    "expires_at": self._expires(),
                },
                ConditionExpression="attribute_not_exists(execution) OR execution = :execution",
                ExpressionAttributeValues={":execution": {"S": execution}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def tell(self, import_id: str, doc: Mapping[str, Any]) -> None:
        """What the API answers from now on."""
        self._client.update_item(
            TableName=self._table,
            Key=_key(import_id, "import"),
            UpdateExpression="SET doc = :doc, expires_at = :until",
            ExpressionAttributeValues={
                ":doc": {"S": json.dumps(doc)},
                ":until": self._expires(),
            },
        )

    def chunk(self, import_id: str, number: int) -> tuple[dict[str, Any], int]:
        """Its state and version; `({}, 0)` before it has any."""
        answer = self._client.get_item(
            TableName=self._table, Key=_key(import_id, _sort(number)), ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            return {}, 0
        return json.loads(item["doc"]["S"]), int(item["version"]["N"])

    def move(self, import_id: str, number: int, state: Mapping[str, Any], version: int) -> int:
        """From `version` to the next, which is returned. Raises Overtaken."""
        writer = {"S": uuid4().hex}  # botocore repeats a call whose answer got lost
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(import_id, _sort(number)),
                    "doc": {"S": json.dumps(state)},
                    "version": {"N": str(version + 1)},
                    "writer": writer,
                    "expires_at": self._expires(),
                },
                ConditionExpression="attribute_not_exists(pk) OR version = :version"
                " OR writer = :writer",
                ExpressionAttributeValues={":version": {"N": str(version)}, ":writer": writer},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise Overtaken(f"chunk {number}") from None
        return version + 1

    def _expires(self) -> Any:
        return {"N": str(int(self.clock() + KEPT_SECONDS))}


def _sort(number: int) -> str:
    return f"chunk#{number:05d}"


def _key(import_id: str, sort: str) -> Any:
    return {"pk": {"S": f"import#{import_id}"}, "sk": {"S": sort}}
