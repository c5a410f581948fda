"""What came of a command, as an event: one for each, whatever happened."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from commands.command import Command, Message
from commands.execute import Result
from connector.commerce_layer.changes import print_time
from connector.event_bus import Source, envelope

# The name of an instance in the events of messages that name none of ours.
NOBODY = "unknown"


def category(name: str) -> str:
    """`RequestRefused` -> `request-refused`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def event(
    message: Message, command: Command | None, result: Result, source: Source
) -> dict[str, Any]:
    """The envelope. The same outcome of the same command has the same id."""
    about = result.about
    failed = result.outcome in ("not_done", "unknown")
    resource = result.record or {
        "type": about.get("type") or (command.resource.type if command else None),
        "id": about.get("id") or (command.id if command else None),
    }
    parts = [source.instance, message.command_id, message.digest, result.outcome]
    event_id = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    topic = "command.failed" if failed else "command.succeeded"
    detail = envelope(source, topic, event_id, resource, print_time(datetime.now(UTC)))
    known = resource["id"] is not None and not failed
    updated_at = about.get("updated_at") or resource.get("updated_at")
    return detail | {
        "occurred_at": updated_at if known else None,
        "change": {"type": resource["type"], "id": resource["id"], "updated_at": updated_at}
        if known
        else None,
        "caused_by": message.command_id,
        "command": _command(message, command)
        | {"outcome": result.outcome, "superseded": list(result.superseded)}
        | {"reason": _reason(result) if failed else None},
    }


def _command(message: Message, command: Command | None) -> dict[str, Any]:
    return {
        "command_id": message.command_id,
        "action": command.action if command else None,
        "resource": command.resource.type if command else None,
        "trigger": command.trigger.removeprefix("_") if command and command.trigger else None,
    }


def _reason(result: Result) -> dict[str, Any]:
    about = result.about
    return {
        "category": category(about["class"]),
        "detail": about["detail"],
        "status": about.get("status"),
        "pointer": about.get("pointer"),
        "errors": about.get("errors", []),
    }
