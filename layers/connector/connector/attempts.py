"""Attempts: what is known of a write that must not be done twice, kept in the table.

    started ──> sent ──> done        it was done; the record's identity is kept
       ^         │ └───> refused     Commerce Layer, or a check of ours, said no
       │         v
       └───── unknown                nobody knows; it is read back before anything else

An attempt belongs to one owner at a time, until its lease ends. Whose owner died in `started` has
not been sent and is taken over; whose owner died in `sent` is as good as unknown. The way back to
`started` is for what is proved undone: reading back may prove it, and so does a refusal to take
the request at all.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from connector.errors import AttemptBusy, KeyReused

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        UniversalAttributeValueTypeDef,
    )


class Phase(StrEnum):
    STARTED = "started"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def final(self) -> bool:
        return self in (Phase.DONE, Phase.REFUSED)


def digest(*parts: Any) -> str:
    """Of anything that is JSON; the order of names does not matter."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


@dataclass(slots=True)
class Attempt:
    """One attempt, in our hands until the lease ends, or final.

    `sends` counts how often it was sent and taken, or may have been; `sent_at` is when it was sent
    last. `evidence` is what reading back goes by, `outcome` what is known of the end.
    """

    attempts: "Attempts" = field(repr=False)
    key: str
    owner: str
    phase: Phase
    sends: int = 0
    sent_at: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """If there is more to do, others may do it at once. If this fails, the lease still ends."""
        if not self.phase.final:
            with suppress(ClientError, BotoCoreError, AttemptBusy):
                self.attempts.update(self, "lease_until = :u", {":u": {"N": "0"}})

    def sent(self, evidence: Mapping[str, Any]) -> None:
        """Say so before it is. Raises AttemptBusy if another owner took over meanwhile."""
        self.sends, self.sent_at = self.sends + 1, self.attempts.clock()
        self.phase, self.evidence = Phase.SENT, evidence
        self._save("phase", "sends", "sent_at", "evidence")

    def again(self, *, unsent: bool = False) -> None:
        """It is proved that nothing was done: as if it had just started. `unsent`: not even
        taken, which does not count as sent."""
        self.phase, self.sends = Phase.STARTED, self.sends - unsent
        self._save("phase", "sends")

    def end(self, phase: Phase, outcome: Mapping[str, Any]) -> None:
        self.phase, self.outcome = phase, outcome
        self._save("phase", "outcome")

    def _save(self, *names: str) -> None:
        values = {f":{name}": _encoded(getattr(self, name)) for name in names}
        change = ", ".join(f"{name} = :{name}" for name in names)
        self.attempts.update(self, change, values)


class Attempts:
    """`kind` keeps the keys of those who write apart; `keep` is seconds from the last change."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        kind: str,
        *,
        keep: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self._client = client
        self._table = table
        self._kind = kind
        self._keep = keep

    def begin(self, key: str, request: str, seconds: float) -> Attempt:
        """Begin, take over, or look at what came of it; ours for so many seconds.

        `request` is the digest of what is to be done. Raises KeyReused if it is not what the key
        stands for, AttemptBusy if somebody else is at it.
        """
        attempt = Attempt(self, key, uuid4().hex, Phase.STARTED)
        now = self.clock()
        item = {
            **self._key(key),
            "phase": _encoded(attempt.phase),
            "digest": {"S": request},
            "lease_owner": {"S": attempt.owner},
            "lease_until": {"N": str(now + seconds)},
            "expires_at": self._expiry(),
        }
        try:
            # The owner itself may ask again: botocore repeats a call whose answer got lost.
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR expires_at < :now"
                " OR lease_owner = :owner",
                ExpressionAttributeValues={
                    ":now": {"N": str(int(now))},
                    ":owner": {"S": attempt.owner},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refusal:
            answer: Any = refusal.response
            return self._join(attempt, answer["Item"], request, seconds)
        return attempt

    def _join(
        self, attempt: Attempt, there: Mapping[str, Any], request: str, seconds: float
    ) -> Attempt:
        if there["digest"]["S"] != request:
            raise KeyReused("The same key was used for another request: take a new one.")
        _restore(attempt, there)
        if attempt.phase.final:
            return attempt
        left = float(there["lease_until"]["N"]) - self.clock()
        if left > 0:
            raise AttemptBusy("The same request is being worked on.", retry_after=left)
        now = self.clock()
        answer = self.update(
            attempt,
            "lease_owner = :owner, lease_until = :until",
            {":until": {"N": str(now + seconds)}, ":old": there["lease_owner"]},
            "lease_owner = :old OR lease_owner = :owner",
        )
        _restore(attempt, answer)  # the former owner may have come further than we saw
        return attempt

    def update(
        self,
        attempt: Attempt,
        change: str,
        values: "dict[str, UniversalAttributeValueTypeDef]",
        condition: str = "lease_owner = :owner",
    ) -> "dict[str, AttributeValueTypeDef]":
        """The item as it is now. Raises AttemptBusy unless the attempt is (still) ours."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=self._key(attempt.key),
                UpdateExpression=f"SET {change}, expires_at = :expires_at",
                ConditionExpression=condition,
                ExpressionAttributeValues={
                    **values,
                    ":owner": {"S": attempt.owner},
                    ":expires_at": self._expiry(),
                },
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise AttemptBusy("Somebody else took the request over.", retry_after=1.0) from None
        return answer["Attributes"]

    def _key(self, key: str) -> "dict[str, AttributeValueTypeDef]":
        return {"pk": {"S": f"attempt#{key}"}, "sk": {"S": self._kind}}

    def _expiry(self) -> "AttributeValueTypeDef":
        return {"N": str(int(self.clock() + self._keep))}


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    return {"S": json.dumps(value, separators=(",", ":"), ensure_ascii=False)}


def _restore(attempt: Attempt, item: Mapping[str, Any]) -> None:
    attempt.phase = Phase(item["phase"]["S"])
    attempt.sends = int(item.get("sends", {"N": "0"})["N"])
    attempt.sent_at = float(item.get("sent_at", {"N": "0"})["N"])
    attempt.evidence = json.loads(item.get("evidence", {"S": "{}"})["S"])
    attempt.outcome = json.loads(item.get("outcome", {"S": "{}"})["S"])
