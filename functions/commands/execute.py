"""One command, carried out under its attempt: at most once, and told truthfully."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from commands.business_keys import NotOne
from commands.command import Command
from connector.attempts import Attempt, Attempts, Phase, digest
from connector.commerce_layer.client import Client
from connector.commerce_layer.documents import flatten
from connector.commerce_layer.evidence import Write
from connector.commerce_layer.query import Query
from connector.echoes import Echoes
from connector.errors import (
    CommerceLayerError,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RequestRefused,
)
from connector.turns import Turn, Turns
from connector.writes import Done, read_back, refused, send

METHODS = {"create": "POST", "update": "PATCH", "trigger": "PATCH", "delete": "DELETE"}
# What ends a command; after anything else it comes again.
FINAL = (RequestRefused, NotFound, PermissionDenied, NotOne, InvalidRequest)


@dataclass(frozen=True, slots=True)
class Services:
    client: Client
    attempts: Attempts
    turns: Turns
    echoes: Echoes
    lease: float


@dataclass(frozen=True, slots=True)
class Result:
    """`outcome` is done, superseded, not_done or unknown.

    `about` has what is known of the record (type, id, status, updated_at), or of the refusal
    (class, detail, status, errors); `record` is flat. `superseded` names what newer commands had
    written already.
    """

    outcome: str
    about: Mapping[str, Any]
    record: Mapping[str, Any] | None = None
    superseded: tuple[str, ...] = ()


def execute(command: Command, services: Services) -> Result:
    """Raises what must come again: nothing was done, or it is not known yet."""
    key = digest(command.instance, command.command_id)
    with services.attempts.begin(key, command.digest, services.lease) as attempt:
        return _Execution(command, services, attempt).run()


class _Execution:
    def __init__(self, command: Command, services: Services, attempt: Attempt) -> None:
        self._command, self._services, self._attempt = command, services, attempt
        self._client = services.client
        self._fresh = attempt.phase is Phase.STARTED

    def run(self) -> Result:
        turn = self._turn()
        try:
            if self._attempt.phase.final:
                return self._told_again(turn)
            return self._carry_out(turn)
        except FINAL as fault:
            if self._attempt.phase in (Phase.SENT, Phase.UNKNOWN):
                return self._end(turn, "unknown", refused(fault))  # reading back was refused
            if not self._attempt.phase.final:
                self._attempt.end(Phase.REFUSED, refused(fault))
            return self._end(turn, "not_done", self._attempt.outcome)
        except OutcomeUnknown as fault:
            if fault.retry_after is not None:
                raise  # the turn is kept: whoever writes now could not be told from us
            return self._end(turn, "unknown", refused(fault))
        except Exception:
            if self._attempt.phase is Phase.STARTED:
                self._end(turn)
            raise

    def _turn(self) -> Turn | None:
        """Commands with an `order_key` for one record, named the same way, come one by one."""
        command = self._command
        if command.order_key is None:
            return None
        name = command.id or (command.match and dict(command.match.values))
        record = [command.instance, command.resource.type, name]
        return self._services.turns.take(record, self._attempt.key, again=not self._fresh)

    def _carry_out(self, turn: Turn | None) -> Result:
        services, old = self._services, self._superseded(turn)
        if not self._fresh:
            write = self._written(self._attempt.evidence, old)
            done = read_back(self._client, write, self._attempt, services.turns)
            if done:
                return self._done(done, turn, old)
        write, old = self._write(old)
        if old and not write.attributes and not write.relationships:
            outcome = {"type": write.type, "id": write.id, "status": 200, "updated_at": write.seen}
            self._attempt.end(Phase.DONE, {**outcome, "superseded": old})
            return self._end(turn, "superseded", outcome, superseded=old)
        return self._done(send(self._client, write, self._attempt, services.turns), turn, old)

    def _done(self, done: Done, turn: Turn | None, old: tuple[str, ...]) -> Result:
        command, outcome = self._command, done.outcome
        version = outcome["updated_at"]
        if version and not outcome.get("read_back"):
            with suppress(ClientError, BotoCoreError):
                self._services.echoes.remember(
                    command.instance, outcome["type"], outcome["id"], version, command.command_id
                )
        self._order(turn, old)
        return Result("done", outcome, _flat(done), old)

    def _told_again(self, turn: Turn | None) -> Result:
        """A repeat: the record is read again; if it cannot be read, its identity does."""
        outcome = self._attempt.outcome
        if self._attempt.phase is Phase.REFUSED:
            return self._end(turn, "not_done", outcome)
        if old := tuple(outcome.get("superseded", ())):
            return self._end(turn, "superseded", outcome, superseded=old)
        old = self._superseded(turn)
        self._order(turn, old)  # the first time may have ended before it came to that
        record = None
        if outcome["status"] != 204:
            with suppress(CommerceLayerError):
                path = self._command.resource.path
                record = flatten(self._client.retrieve(path, outcome["id"], Query()))
        return Result("done", outcome, record, old)

    def _order(self, turn: Turn | None, old: tuple[str, ...]) -> None:
        command = self._command
        if turn:
            names = {*command.attributes, *command.relationships, *command.related} - set(old)
            turn.end(dict.fromkeys(names, command.order_key))

    def _end(
        self,
        turn: Turn | None,
        outcome: str = "",
        about: Mapping[str, Any] = MappingProxyType({}),
        superseded: tuple[str, ...] = (),
    ) -> Result:
        if turn:
            turn.end()
        return Result(outcome, about, superseded=superseded)

    def _superseded(self, turn: Turn | None) -> tuple[str, ...]:
        """What a newer command has written already. Raises InvalidRequest if the keys are of two
        kinds."""
        command = self._command
        own: Any = command.order_key
        if turn is None or own is None:
            return ()
        old = []
        for name in (*command.attributes, *command.relationships, *command.related):
            known: Any = turn.order_keys.get(name, own)
            if type(known) is not type(own):
                raise InvalidRequest(
                    "`order_key` is a number here and a text there: they cannot be compared.",
                    status=422,
                    pointer="/order_key",
                )
            if known > own:
                old.append(name)
        return tuple(old)

    def _write(self, old: tuple[str, ...]) -> tuple[Write, tuple[str, ...]]:
        """What is to be sent; looks up what the command means by business keys."""
        command = self._command
        found = self._find()
        identity = found["id"] if found else command.id
        creating = identity is None
        old = () if creating else old
        attributes = {n: v for n, v in command.attributes.items() if n not in old}
        related = {n: key for n, key in command.related.items() if n not in old}
        if creating:
            written, looked_up = self._given_to_new()
            attributes, related = {**written, **attributes}, {**looked_up, **related}
        linkage = {name: {"data": _pair(key.get(self._client))} for name, key in related.items()}
        write = Write(
            method="POST" if creating else METHODS.get(command.action, "PATCH"),
            resource=command.resource.path,
            id=identity,
            attributes=attributes,
            relationships=linkage
            | {n: each for n, each in command.relationships.items() if n not in old},
            find=self._filters(),
            seen=(found or {}).get("attributes", {}).get("updated_at"),
        )
        return write, old

    def _find(self) -> dict[str, Any] | None:
        match = self._command.match
        if match is None:
            return None
        if self._command.action == "upsert":
            return match.find(self._client)
        return match.get(self._client)

    def _given_to_new(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Beside what the command says. Without a key of its own a record gets the command's id
        as its reference: otherwise nobody could find it if its answer got lost."""
        command = self._command
        if command.match:
            return command.match.written()
        if self._own_key() or "reference" not in command.resource.attributes:
            return {}, {}
        return {"reference": command.command_id}, {}

    def _own_key(self) -> dict[str, str]:
        command = self._command
        for name in ("reference", "code", "email"):
            value, known = command.attributes.get(name), command.resource.attributes.get(name)
            if value and known and known.filterable:
                return {f"{name}_eq": str(value)}
        return {}

    def _filters(self) -> dict[str, str]:
        """How a record that this command created is found."""
        if self._command.match:
            return self._command.match.filters
        return self._own_key() or {"reference_eq": self._command.command_id}

    def _written(self, noted: Mapping[str, Any], old: tuple[str, ...]) -> Write:
        """What was sent, as far as it matters for reading it back."""
        attributes = {n: v for n, v in self._command.attributes.items() if n not in old}
        return Write(
            method=noted["method"],
            resource=noted["resource"],
            id=noted["id"],
            attributes=attributes,
            relationships=noted["relationships"],
            find=self._filters(),
            seen=noted["seen"],
        )


def _flat(done: Done) -> dict[str, Any] | None:
    if done.response and done.response.content:
        return flatten(done.response.document())
    return flatten({"data": done.record}) if done.record else None


def _pair(record: Mapping[str, Any]) -> dict[str, str]:
    return {"type": record["type"], "id": record["id"]}
