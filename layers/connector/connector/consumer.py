"""For those who consume the events: handle each once, and fetch what was too large for the bus.

    from consumer import Once, resource

    once = Once("my-handled-events")

    def handler(event, context):
        once(event["detail"], handle, seconds=context.get_remaining_time_in_millis() / 1000)

    def handle(detail):
        order = resource(detail)

Copy this one file into your own code: it needs boto3 and nothing else, and nothing of the
connector uses it. docs/consumers.md tells more, and how to make the table.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# Longer than any event may come back: the archive's 30 days and the two weeks that a dead letter
# is kept. Raise it with the parameter ArchiveRetentionDays.
KEEP_DAYS = 45
# As long as a Lambda function may run.
LONGEST_SECONDS = 900.0

logger = logging.getLogger(__name__)


class Busy(Exception):
    """Somebody else is handling this event right now: let it come again."""


class ClaimCheckFailed(Exception):
    """What the event points to cannot be had, or is not what was published."""


class Once:
    """Remembers the `id`s of events in a DynamoDB table of yours (partition key `id`, a string)."""

    def __init__(
        self,
        table: str,
        *,
        client: Any = None,
        keep_days: float = KEEP_DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client or boto3.client("dynamodb")
        self._table, self._keep, self._clock = table, keep_days * 24 * 3600, clock

    def __call__(
        self,
        detail: Mapping[str, Any],
        handle: Callable[[Mapping[str, Any]], object],
        *,
        seconds: float = LONGEST_SECONDS,
    ) -> bool:
        """Call `handle(detail)`, unless that was done before; tell whether it was called.

        Raises Busy while another call for the same event is under way, and whatever `handle`
        raises: then the event counts as not handled. `seconds` is how long handling may take. If
        the process is killed, the event can be handled again after that time.
        """
        owner = uuid4().hex
        if not self._claim(detail["id"], owner, seconds):
            return False
        try:
            handle(detail)
        except BaseException:
            self._release(detail["id"], owner)
            raise
        self._mark(detail["id"], owner)
        return True

    def _claim(self, event_id: str, owner: str, seconds: float) -> bool:
        """Whether it is ours to handle; False if it is done with."""
        now = self._clock()
        try:
            # What has expired may still be there: DynamoDB deletes late. And it may be held by
            # ourselves: boto3 repeats a call whose answer got lost.
            self._client.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": event_id},
                    "held_by": {"S": owner},
                    "claimed_until": {"N": str(now + seconds)},
                    "expires_at": {"N": str(int(now + self._keep))},
                },
                ConditionExpression="attribute_not_exists(id) OR claimed_until < :now"
                " OR expires_at < :now OR held_by = :owner",
                ExpressionAttributeValues={":now": {"N": str(now)}, ":owner": {"S": owner}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refusal:
            there: Any = refusal.response.get("Item", {})
            if "claimed_until" in there:
                raise Busy(f"The event {event_id} is being handled.") from None
            return False
        return True

    def _release(self, event_id: str, owner: str) -> None:
        """If this fails, the claim still ends by itself."""
        with suppress(ClientError, BotoCoreError):
            self._client.delete_item(
                TableName=self._table,
                Key={"id": {"S": event_id}},
                ConditionExpression="held_by = :owner",
                ExpressionAttributeValues={":owner": {"S": owner}},
            )

    def _mark(self, event_id: str, owner: str) -> None:
        """Handled. To raise now would only have it handled again."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"id": {"S": event_id}},
                UpdateExpression="SET expires_at = :e REMOVE held_by, claimed_until",
                # Not there: somebody took the claim over, after its time, and failed.
                ConditionExpression="held_by = :owner OR attribute_not_exists(id)",
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":e": {"N": str(int(self._clock() + self._keep))},
                },
            )
        except (ClientError, BotoCoreError) as error:
            logger.warning("Handled, but not marked: %s (%s)", event_id, type(error).__name__)


def resource(detail: Mapping[str, Any], *, client: Any = None) -> dict[str, Any]:
    """The record of an event, from S3 if the event holds a claim check only.

    Raises ClaimCheckFailed if the object is gone or altered. The caller needs `s3:GetObject` on
    the bucket of the connector. `client` is an S3 client; by default a new one.
    """
    payload = detail["payload"]
    if payload is None:
        return dict(detail["resource"])
    where = f"s3://{payload['bucket']}/{payload['key']}"
    try:
        answer = (client or boto3.client("s3")).get_object(
            Bucket=payload["bucket"], Key=payload["key"]
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("NoSuchKey", "AccessDenied"):
            raise  # may be better next time
        raise ClaimCheckFailed(f"{where}: {code}. It is gone, or you may not read it.") from None
    # No more than it should be, whatever lies there.
    body = answer["Body"].read(payload["size"] + 1)
    if len(body) != payload["size"]:
        raise ClaimCheckFailed(f"{where} is not {payload['size']} bytes long.")
    if hashlib.sha256(body).hexdigest() != payload["sha256"]:
        raise ClaimCheckFailed(f"{where} was altered: its sha256 is another.")
    found: dict[str, Any] = json.loads(body)
    return found
