"""The table and the bus in memory, with the faults that a test asks for.

Only the calls that connector.table and connector.event_bus make, on clients of the same shape;
a hundred times quicker than moto, where tests/component holds the same code to the same account.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from botocore.exceptions import ClientError, ReadTimeoutError

# What goes wrong with one call. "lost" calls fail, without or with their effect; "refused" ones
# are taken in part.
Fault = Literal["killed before", "killed after", "lost before", "lost after", "refused"]


class Killed(BaseException):
    """The process is gone: nothing of it runs on, not even its `finally`."""


class ConditionalCheckFailedException(ClientError):
    """`there` is the item that the condition did not hold for."""

    def __init__(self, there: Mapping[str, Any] | None = None) -> None:
        answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": there or {}}
        super().__init__(answer, "UpdateItem")


class Exceptions:
    ConditionalCheckFailedException = ConditionalCheckFailedException


class Dynamo:
    """One table with the keys `pk` and `sk`. `call` decides on every call's fate."""

    exceptions = Exceptions

    def __init__(self, items: dict[tuple[str, str], dict[str, Any]], call: "Call") -> None:
        self._items = items
        self._call = call

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._call("update_item", lambda _: self._update(**request))

    def _update(
        self,
        *,
        TableName: str,  # noqa: N803 - the names are DynamoDB's
        Key: Mapping[str, Any],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        item = dict(self._items.get(_key(Key), Key))
        values = ExpressionAttributeValues
        if not any(_holds(term, item, values) for term in ConditionExpression.split(" OR ")):
            raise ConditionalCheckFailedException
        sets, _, removes = UpdateExpression.partition("REMOVE ")
        for change in sets.removeprefix("SET ").strip().split(", ") if sets else ():
            name, value = change.split(" = ")
            item[name] = values[value]
        for name in removes.split(", ") if removes else ():
            item.pop(name, None)
        self._items[_key(Key)] = item
        return {"Attributes": item} if ReturnValues == "ALL_NEW" else {}

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._call("put_item", lambda _: self._put(**request))

    def _put(
        self,
        *,
        TableName: str,  # noqa: N803
        Item: Mapping[str, Any],  # noqa: N803
        ConditionExpression: str = "attribute_not_exists(nothing)",  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any] | None = None,  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "ALL_OLD",  # noqa: N803
    ) -> dict[str, Any]:
        assert ReturnValuesOnConditionCheckFailure == "ALL_OLD"
        there = self._items.get(_key(Item), {})
        terms = ConditionExpression.split(" OR ")
        if not any(_holds(term, there, ExpressionAttributeValues or {}) for term in terms):
            raise ConditionalCheckFailedException(there)
        self._items[_key(Item)] = dict(Item)
        return {}

    def get_item(self, *, TableName: str, Key: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        def get(_: bool) -> dict[str, Any]:
            return {"Item": self._items[_key(Key)]} if _key(Key) in self._items else {}

        return self._call("get_item", get)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        def get(refused: bool) -> dict[str, Any]:
            ((table, asked),) = RequestItems.items()
            assert asked["ConsistentRead"]
            done, left = _split(asked["Keys"], refused)
            found = [self._items[_key(key)] for key in done if _key(key) in self._items]
            return {
                "Responses": {table: found},
                "UnprocessedKeys": {table: {**asked, "Keys": left}} if left else {},
            }

        return self._call("batch_get_item", get)

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        def write(refused: bool) -> dict[str, Any]:
            ((table, asked),) = RequestItems.items()
            assert len(asked) <= 25
            done, left = _split(asked, refused)
            for request in done:
                if "DeleteRequest" in request:
                    self._items.pop(_key(request["DeleteRequest"]["Key"]), None)
                    continue
                item = request["PutRequest"]["Item"]
                self._items[_key(item)] = item
            return {"UnprocessedItems": {table: left} if left else {}}

        return self._call("batch_write_item", write)

    def query(self, **request: Any) -> dict[str, Any]:
        """Two items a page: whoever asks has to turn pages."""
        assert request["KeyConditionExpression"] == "pk = :pk"
        assert request["ConsistentRead"]

        def find(_: bool) -> dict[str, Any]:
            pk = request["ExpressionAttributeValues"][":pk"]["S"]
            after = request.get("ExclusiveStartKey", {"sk": {"S": ""}})["sk"]["S"]
            names = sorted(sk for part, sk in self._items if part == pk and sk > after)
            answer: dict[str, Any] = {"Items": [self._items[pk, sk] for sk in names[:2]]}
            if len(names) > 2:
                answer["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": names[1]}}
            return answer

        return self._call("query", find)


class Events:
    """A bus that keeps the details it was given."""

    def __init__(self, details: list[str], call: "Call") -> None:
        self._details = details
        self._call = call

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        def put(refused: bool) -> dict[str, Any]:
            assert 0 < len(Entries) <= 10
            answers: list[dict[str, str]] = []
            for position, entry in enumerate(Entries):
                if refused and position % 2 == 0:
                    answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"})
                else:
                    self._details.append(entry["Detail"])
                    answers.append({"EventId": str(len(self._details))})
            return {"Entries": answers, "FailedEntryCount": len(answers) // 2}

        return self._call("put_events", put)


# A call gets its name and what it does, told whether to take only a part.
Call = Callable[[str, Callable[[bool], dict[str, Any]]], dict[str, Any]]


def carry_out(
    fault: Fault | None, effect: Callable[[bool], dict[str, Any]], lost: Exception
) -> dict[str, Any]:
    """One call under one fault."""
    if fault == "killed before":
        raise Killed
    if fault == "lost before":
        raise lost
    answer = effect(fault == "refused")
    if fault == "killed after":
        raise Killed
    if fault == "lost after":
        raise lost
    return answer


def timeout() -> Exception:
    return ReadTimeoutError(endpoint_url="https://aws.test")


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _split(asked: Sequence[Any], refused: bool) -> tuple[Sequence[Any], list[Any]]:
    taken = len(asked) // 2 if refused else len(asked)
    return asked[:taken], list(asked[taken:])


def _holds(term: str, item: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if match := re.fullmatch(r"attribute_not_exists\((\w+)\)", term):
        return match[1] not in item
    name, operator, value = term.split(" ")
    if name not in item:
        return False
    if operator == "<":
        return float(item[name]["N"]) < float(values[value]["N"])
    assert operator == "="
    return bool(item[name] == values[value])
