"""Where long work stands, in the table of the stack.

    pk                  sk               attributes
    <kind>#<id>         about            doc (JSON: what the API tells of it), expires_at
    <kind>#<id>         <part>#<name>    doc (JSON: the state of the part), version, expires_at

A part changes from version to version: of two that carry it on at the same time, which a repeated
task can be, only one comes through.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 90 * 24 * 3600
ABOUT = "about"

Doc = dict[str, Any]


class Overtaken(Exception):
    """Somebody else carries this part on."""


class Ledger:
    """`kind` is what the work is: `export`. `clock` is the wall clock."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        kind: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._table, self._kind, self.clock = client, table, kind, clock

    def tell(self, work: str, doc: Mapping[str, Any]) -> None:
        """What the API answers from now on."""
        item = {**self._key(work, ABOUT), "doc": {"S": _dumps(doc)}, "expires_at": self._expires()}
        self._client.put_item(TableName=self._table, Item=item)

    def told(self, work: str) -> Doc | None:
        answer = self._client.get_item(
            TableName=self._table, Key=self._key(work, ABOUT), ConsistentRead=True
        )
        item: Any = answer.get("Item")
        return json.loads(item["doc"]["S"]) if item else None

    def parts(self, work: str, kind: str) -> dict[str, tuple[Doc, int]]:
        """Name -> state and version, of all parts of that kind, by name."""
        found: dict[str, tuple[Doc, int]] = {}
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :work AND begins_with(sk, :kind)",
            "ExpressionAttributeValues": {
                ":work": self._key(work, "")["pk"],
                ":kind": {"S": f"{kind}#"},
            },
            "ConsistentRead": True,
        }
        while True:
            answer: Any = self._client.query(**asked)
            for item in answer["Items"]:
                name = item["sk"]["S"].partition("#")[2]
                found[name] = json.loads(item["doc"]["S"]), int(item["version"]["N"])
            if "LastEvaluatedKey" not in answer:
                return found
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def move(self, work: str, kind: str, name: str, doc: Mapping[str, Any], version: int) -> int:
        """From `version`, 0 before the first, to the next, which is returned. Raises Overtaken."""
        item = {
            **self._key(work, f"{kind}#{name}"),
            "doc": {"S": _dumps(doc)},
            "version": {"N": str(version + 1)},
            "expires_at": self._expires(),
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if version:
            condition = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": {"N": str(version)}},
            }
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            raise Overtaken(f"{self._kind} {work}, {kind} {name}") from None
        return version + 1

    def _key(self, work: str, sort: str) -> Any:
        return {"pk": {"S": f"{self._kind}#{work}"}, "sk": {"S": sort}}

    def _expires(self) -> Any:
        return {"N": str(int(self.clock() + KEPT_SECONDS))}


def _dumps(doc: Mapping[str, Any]) -> str:
    return json.dumps(doc, ensure_ascii=False, separators=(",", ":"))
