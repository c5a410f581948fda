"""A command: decoded and checked against the catalog, before a request is spent on it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from commands.business_keys import Key, key_of
from connector import instances
from connector.attempts import digest
from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Resource
from connector.commerce_layer.changes import parse_time, print_time
from connector.commerce_layer.documents import document_of
from connector.commerce_layer.triggers import value_of
from connector.errors import InvalidRequest

# action -> what the catalog must allow
ACTIONS = {
    "create": ("create",),
    "update": ("update",),
    "upsert": ("create", "update"),
    "delete": ("delete",),
    "trigger": ("update",),
}
NAMES = (
    "command_id", "instance", "action", "resource", "id", "match", "attributes", "relationships",
    "trigger", "value", "order_key", "sent_at",
)  # fmt: skip
COMMAND_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=;-]{0,127}")
RECORD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
EVENT = "commerce-layer.command"


@dataclass(frozen=True, slots=True)
class Command:
    """`relationships` are in JSON:API's form; those that are meant by a business key stand in
    `related` and are looked up. `trigger` carries its underscore and stands in `attributes` too.
    """

    command_id: str
    instance: str
    action: str
    resource: Resource
    digest: str
    id: str | None = None
    match: Key | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    relationships: Mapping[str, Any] = field(default_factory=dict)
    related: Mapping[str, Key] = field(default_factory=dict)
    trigger: str | None = None
    order_key: int | str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the queue, as far as it can be read: `body` is None if it is no JSON object.

    `sent_at` is what the command says, else when the message was sent. `digest` leaves it out: the
    same command, sent again, is the same.
    """

    body: Mapping[str, Any] | None
    sent_at: Any
    digest: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """From a record of SQS: a command, or an event of EventBridge that carries one."""
        try:
            body = json.loads(record["body"])
        except (ValueError, RecursionError):
            body = None
        milliseconds = int(record["attributes"]["SentTimestamp"])
        sent_at: Any = print_time(datetime.fromtimestamp(milliseconds / 1000, UTC))
        if isinstance(body, dict) and body.get("detail-type") == EVENT:
            sent_at, body = body.get("time", sent_at), body.get("detail")
        if not isinstance(body, dict):
            return cls(None, sent_at, digest(record["body"]))
        said = {name: value for name, value in body.items() if name != "sent_at"}
        return cls(body, body.get("sent_at", sent_at), digest(said))

    @property
    def command_id(self) -> str | None:
        value = (self.body or {}).get("command_id")
        return value if isinstance(value, str) and COMMAND_ID.fullmatch(value) else None

    @property
    def instance(self) -> str | None:
        """If it is one of ours."""
        value = (self.body or {}).get("instance")
        return value if value in instances.names() else None

    def parse(self) -> Command:
        """Raises InvalidRequest with a pointer, or UnknownInstance."""
        if self.body is None:
            raise InvalidRequest("The message is not a JSON object.", status=422, pointer="")
        return _Parser(self.body).command(self.digest)


class _Parser:
    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def command(self, request: str) -> Command:
        body = self._body
        for name in body:
            if name not in NAMES:
                raise _wrong(f"`{name[:40]}` is not a name of a command.", name, NAMES)
        if not COMMAND_ID.fullmatch(self._text("command_id")):
            raise _wrong(
                "`command_id` takes letters, digits and _.:=;- and 128 at most.", "command_id"
            )
        instance = instances.check(self._text("instance"))
        action, resource = self._action(), self._resource()
        for operation in ACTIONS[action]:
            if operation not in resource.operations:
                able = ", ".join(sorted(resource.operations))
                raise _wrong(f"{resource.type} cannot {operation}: they can {able}.", "action")
        id_, match = self._target(action, resource)
        trigger, attributes = self._attributes(action, resource)
        relationships, related = self._relationships(action, resource)
        return Command(
            command_id=body["command_id"],
            instance=instance,
            action=action,
            resource=resource,
            digest=request,
            id=id_,
            match=match,
            attributes=attributes,
            relationships=relationships,
            related=related,
            trigger=trigger,
            order_key=self._order_key(action),
        )

    def _text(self, name: str) -> str:
        value = self._body.get(name)
        if not isinstance(value, str) or not value:
            said = "is missing" if name not in self._body else "must be text"
            raise _wrong(f"`{name}` {said}.", name)
        return value

    def _mapping(self, name: str) -> Mapping[str, Any]:
        value = self._body.get(name, {})
        if not isinstance(value, Mapping):
            raise _wrong(f"`{name}` must be an object.", name)
        return value

    def _action(self) -> str:
        action = self._text("action")
        if action not in ACTIONS:
            raise _wrong(f"`action` must be one of: {', '.join(ACTIONS)}.", "action")
        return action

    def _resource(self) -> Resource:
        name = self._text("resource")
        if not catalog.known(name):
            near = _near(name, catalog.types())
            raise _wrong(f"There is no resource `{name[:40]}`.{near}", "resource")
        return catalog.resource(name)

    def _target(self, action: str, resource: Resource) -> tuple[str | None, Key | None]:
        """Which record is meant."""
        given = [name for name in ("id", "match") if name in self._body]
        wanted = {"create": [], "upsert": ["match"]}.get(action)
        if wanted is not None and given != wanted:
            said = f"takes {' and '.join(wanted) or 'neither id nor match'}"
            raise _wrong(f"{action} {said}.", (given or ["match"])[0])
        if wanted is None and len(given) != 1:
            raise _wrong(f"{action} takes either `id` or `match`.", "match" if given else "id")
        if given == ["id"]:
            value = self._text("id")
            if not RECORD_ID.fullmatch(value):
                raise _wrong("`id` takes letters, digits, _ and -.", "id")
            return value, None
        if not given:
            return None, None
        key = key_of(resource, self._body["match"], "/match")
        if action == "upsert" and (lost := key.unwritten()):
            raise _wrong(f"What is created cannot be given `{lost}`: use update.", f"match/{lost}")
        return None, key

    def _attributes(self, action: str, resource: Resource) -> tuple[str | None, dict[str, Any]]:
        """The trigger, and what is written with it among the others."""
        attributes = dict(self._mapping("attributes"))
        if action == "delete" and attributes:
            raise _wrong("delete takes no attributes.", "attributes")
        for name in attributes:
            if name in resource.relationships:
                raise _wrong(f"`{name}` is a relationship.", f"attributes/{name}")
        trigger = None
        if action == "trigger":
            trigger = f"_{self._text('trigger').removeprefix('_')}"
            attributes[trigger] = value_of(resource, trigger, self._body)
        elif extra := [name for name in ("trigger", "value") if name in self._body]:
            raise _wrong(f"`{extra[0]}` goes with the action trigger only.", extra[0])
        _check_names(action, resource, attributes, "/attributes")
        known = {**resource.attributes, **resource.triggers}
        for name, value in attributes.items():
            _check_type(known[name], value, f"attributes/{name}")
        return trigger, attributes

    def _relationships(
        self, action: str, resource: Resource
    ) -> tuple[dict[str, Any], dict[str, Key]]:
        given = self._mapping("relationships")
        if action == "delete" and given:
            raise _wrong("delete takes no relationships.", "relationships")
        related, plain = {}, {}
        for name, value in given.items():
            if name not in resource.relationships:
                near = _near(name, tuple(resource.relationships))
                raise _wrong(
                    f"{resource.type} have no such relationship.{near}", f"relationships/{name}"
                )
            if isinstance(value, Mapping) and "match" in value:
                related[name] = _related(resource, name, value)
            else:
                plain[name] = value
        _check_names(action, resource, dict.fromkeys(related), "/relationships")
        document = _check_names(action, resource, plain, "/relationships")
        return dict(document.get("relationships", {})), related

    def _order_key(self, action: str) -> int | str | None:
        key = self._body.get("order_key")
        if key is None:
            return None
        if action not in ("update", "upsert"):
            raise _wrong("`order_key` goes with update and upsert only.", "order_key")
        if isinstance(key, bool) or not isinstance(key, int | str) or len(str(key)) > 64:
            raise _wrong("`order_key` is a whole number or a text of 64 characters.", "order_key")
        return key


def _check_names(
    action: str, resource: Resource, flat: Mapping[str, Any], at: str
) -> Mapping[str, Any]:
    """Each may be written. An upsert may come to be either."""
    found: Mapping[str, Any] = {}
    for operation in ACTIONS[action]:
        identity = "x" if operation == "update" else None
        if operation != "delete":
            found = document_of(resource.type, flat, id=identity, at=at)["data"]
    return found


def _related(resource: Resource, name: str, value: Mapping[str, Any]) -> Key:
    relationship, at = resource.relationships[name], f"relationships/{name}"
    if relationship.many:
        raise _wrong(f"`{name}` takes a list of ids.", at)
    types = relationship.types
    kind = value.get("type", types[0] if len(types) == 1 else None)
    if kind not in types or not set(value) <= {"type", "match"}:
        raise _wrong(f"`{name}` takes `match`, and a `type` of: {', '.join(types)[:200]}.", at)
    return key_of(catalog.resource(str(kind)), value["match"], f"/{at}/match")


def _check_type(attribute: Attribute, value: Any, at: str) -> None:
    fits = {
        "string": isinstance(value, str | int | float),
        "integer": _is_integer(value),
        "float": _is_number(value),
        "boolean": isinstance(value, bool) or value in ("true", "false"),
        "datetime": isinstance(value, str) and _is_time(value),
        "object": isinstance(value, Mapping),
        "array": isinstance(value, list),
    }
    if value is not None and not fits.get(attribute.type, True):
        raise _wrong(f"`{attribute.name}` takes {attribute.type}.", at)


def _is_integer(value: Any) -> bool:
    text = str(value)
    return not isinstance(value, bool) and text.removeprefix("-").isdecimal()


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_time(value: str) -> bool:
    try:
        parse_time(value)
    except ValueError:
        return False
    return True


def _near(name: str, candidates: tuple[str, ...]) -> str:
    near = catalog.nearest(name, candidates)
    return f" Did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else ""


def _wrong(message: str, at: str, candidates: tuple[str, ...] = ()) -> InvalidRequest:
    pointer = "/" + at[:120]
    return InvalidRequest(f"{message}{_near(at, candidates)}", status=422, pointer=pointer)
