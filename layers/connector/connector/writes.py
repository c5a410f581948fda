"""A write under an attempt: sent once, read back where its outcome got lost, told truthfully.

attempt is    what happens
started       note what reading back would need, say `sent`, send
sent, unknown read back: done | proved undone, so that it starts again | unknown, never resent
done, refused nothing: what is known of it is told again
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector import errors
from connector.attempts import Attempt, Phase
from connector.commerce_layer import evidence
from connector.commerce_layer.client import Client, Response
from connector.commerce_layer.evidence import Judgement, Verdict, Write
from connector.errors import (
    AuthenticationRefused,
    CommerceLayerError,
    ConnectorError,
    InvalidRequest,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    ServerFault,
    Unreachable,
    UpstreamTimeout,
)
from connector.turns import Turn, Turns

# A request whose answer got lost may still be at work over there. Longer than that it takes none.
SETTLE_SECONDS = 60.0
# So often a write is sent that was proved undone each time.
MAX_SENDS = 3

# These say that the write itself was not carried out.
_UNSENT = (RateLimited, Unreachable, UpstreamTimeout, AuthenticationRefused)


@dataclass(frozen=True, slots=True)
class Done:
    """`outcome` has type, id, status and updated_at. `response` is the answer, if it came now;
    `record`, in JSON:API's form, is what was read back."""

    outcome: Mapping[str, Any]
    response: Response | None = None
    record: Mapping[str, Any] | None = field(default=None)


def carry_out(client: Client, write: Write, attempt: Attempt, turns: Turns) -> Done:
    """Do it, at most once, or tell what came of it.

    Raises what sending raises. RequestRefused, NotFound and PermissionDenied are final;
    OutcomeUnknown is, unless it has a `retry_after`; after anything else nothing was done, and
    the same call may be made again. AttemptBusy: others are at the same money.
    """
    if attempt.phase.final:
        return told_again(attempt)
    if attempt.phase is not Phase.STARTED and (done := read_back(client, write, attempt, turns)):
        return done
    return send(client, write, attempt, turns)


def send(client: Client, write: Write, attempt: Attempt, turns: Turns) -> Done:
    """Of an attempt that has `started`. Raises as `carry_out` does."""
    client.claims()  # a token, so that from here on a fault is the write's own
    turn = turns.take(_place(client, write), attempt.key) if write.money else None
    try:
        attempt.sent(evidence.note(client, write))
    except ConnectorError:
        _end(turn)
        raise
    try:
        response = client.send(write.method, write.path, write.query, _document(write))
        outcome = identity(response, write)
    except ConnectorError as fault:
        _failed(attempt, turn, fault)
        raise
    attempt.end(Phase.DONE, outcome)
    _end(turn)
    return Done(outcome, response)


def _failed(attempt: Attempt, turn: Turn | None, fault: ConnectorError) -> None:
    """Note it. What is not refused and may have been done raises OutcomeUnknown."""
    unsent = isinstance(fault, _UNSENT) or not isinstance(fault, CommerceLayerError)
    if unsent or (isinstance(fault, ServerFault) and fault.retryable):  # of the token's server
        attempt.again(unsent=True)
    elif isinstance(fault, OutcomeUnknown | ServerFault):
        attempt.end(Phase.UNKNOWN, {})
        raise OutcomeUnknown(
            str(fault),
            retry_after=SETTLE_SECONDS,
            status=fault.status,
            errors=fault.errors,
            request_id=fault.request_id,
        ) from fault
    else:
        attempt.end(Phase.REFUSED, refused(fault))
    _end(turn)


def read_back(client: Client, write: Write, attempt: Attempt, turns: Turns) -> Done | None:
    """Of an attempt that was `sent`, or is `unknown`, and whose lease is ours.

    None: it is proved that nothing was done, and it may be sent. Raises as `carry_out` does.
    """
    wait = attempt.sent_at + SETTLE_SECONDS - attempt.attempts.clock()
    if wait > 0:
        raise OutcomeUnknown("The outcome is not known yet: it is read back.", retry_after=wait)
    turn = None
    if write.money:
        turn = turns.take(_place(client, write), attempt.key, again=True)
    known = evidence.judge(
        client, write, attempt.evidence, attempt.sent_at, alone=turn is None or turn.kept
    )
    if known.verdict is Verdict.DONE:
        done = _is_done(write, attempt, known)
        _end(turn)
        return done
    if known.verdict is Verdict.UNDONE and attempt.sends < MAX_SENDS:
        attempt.again()
        return None
    if known.verdict is Verdict.UNSURE:
        attempt.end(Phase.UNKNOWN, {})
        _end(turn)
        raise OutcomeUnknown(f"The write may have been done or not. {known.reason}".rstrip())
    reason = known.reason or f"It was sent {attempt.sends} times and never came to anything."
    fault = RequestRefused(f"The write was not done. {reason}")
    attempt.end(Phase.REFUSED, refused(fault))
    _end(turn)
    raise fault


def _is_done(write: Write, attempt: Attempt, known: Judgement) -> Done:
    record = known.record or {"type": write.type, "id": write.id, "attributes": {}}
    status = {"POST": 201, "PATCH": 200, "DELETE": 204}[write.method]
    outcome = _outcome(record, status) | {"read_back": True}
    attempt.end(Phase.DONE, outcome)
    return Done(outcome, record=known.record)


def identity(response: Response, write: Write) -> dict[str, Any]:
    """What is kept of an answer. Raises OutcomeUnknown if it cannot be read."""
    if not response.content:
        record: Mapping[str, Any] = {"type": write.type, "id": write.id}
        return _outcome(record, response.status)
    data = response.document().get("data")
    if not isinstance(data, Mapping) or not {"type", "id"} <= set(data):
        raise response.unreadable()
    return _outcome(data, response.status)


def _outcome(record: Mapping[str, Any], status: int) -> dict[str, Any]:
    return {
        "type": record["type"],
        "id": record["id"],
        "status": status,
        "updated_at": (record.get("attributes") or {}).get("updated_at"),
    }


def refused(fault: ConnectorError) -> dict[str, Any]:
    """What is kept of a refusal. Commerce Layer's own texts may quote customer data: they stay
    behind, their codes and pointers do not."""
    told = [
        {name: each[name] for name in ("title", "code", "status", "source") if name in each}
        | ({"meta": {"error": each["meta"]["error"]}} if _has_reason(each) else {})
        for each in getattr(fault, "errors", [])[:10]
    ]
    return {
        "class": type(fault).__name__,
        "detail": str(fault),
        "status": getattr(fault, "status", None),
        "pointer": getattr(fault, "pointer", None),
        "errors": told,
    }


def told_again(attempt: Attempt) -> Done:
    """What was kept of an attempt that has ended. Raises the refusal that was kept."""
    outcome = attempt.outcome
    if attempt.phase is Phase.DONE:
        return Done(outcome)
    kind = getattr(errors, outcome["class"])
    if issubclass(kind, CommerceLayerError):
        raise kind(outcome["detail"], status=outcome["status"], errors=outcome["errors"])
    raise InvalidRequest(outcome["detail"], status=422, pointer=outcome["pointer"])


def _has_reason(error: Mapping[str, Any]) -> bool:
    return isinstance(error.get("meta"), Mapping) and "error" in error["meta"]


def _document(write: Write) -> Mapping[str, Any] | bytes | None:
    if write.document is not None or write.method == "DELETE":
        return write.document
    data: dict[str, Any] = {"type": write.type, "attributes": write.attributes}
    if write.id is not None:
        data["id"] = write.id
    if write.relationships:
        data["relationships"] = write.relationships
    return {"data": data}


def _place(client: Client, write: Write) -> list[Any]:
    return [client.instance.name, write.type, write.id]


def _end(turn: Turn | None) -> None:
    if turn:
        turn.end()
