"""The contract of the events: which schema of docs/events an event is held to, and holding it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from jsonschema import Draft202012Validator

from connector.event_bus import EventBus

FOLDER = Path(__file__).parents[1] / "docs/events"


@cache
def schemas() -> dict[str, Draft202012Validator]:
    """By the name of the file."""
    return {
        path.stem: Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(FOLDER.glob("*.json"))
    }


@cache
def schema_of(origin: str, topic: str) -> Draft202012Validator:
    """The one schema that is about such events."""
    found = []
    for name, each in schemas().items():
        schema: Any = each.schema
        about = {key: schema["properties"][key] for key in ("origin", "topic")}
        if Draft202012Validator({"properties": about}).is_valid({"origin": origin, "topic": topic}):
            found.append(name)
    assert len(found) == 1, f"{origin} {topic}: schemas {found}, not one"
    return schemas()[found[0]]


def faults(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with an event, or with an entry of PutEvents."""
    detail = event.get("detail") or json.loads(event["Detail"])
    kind = event.get("detail-type") or event["DetailType"]
    source = event.get("source") or event["Source"]
    try:
        schema = schema_of(detail["origin"], detail["topic"])
    except (AssertionError, KeyError) as error:
        return [str(error)]
    about = f"{detail['origin']} {detail['topic']}"
    wrong = [
        f"{about}: {each.json_path} {each.message[:200]}" for each in schema.iter_errors(detail)
    ]
    if (source, kind) != (f"commerce-layer.{detail['instance']}", detail["topic"]):
        wrong.append(f"{about}: source {source}, detail-type {kind}")
    return wrong


@contextmanager
def held_to_the_contract() -> Iterator[list[str]]:
    """The faults of all events that are published in this process meanwhile."""
    found: list[str] = []
    real = EventBus._entry

    def entry(self: EventBus, detail: Mapping[str, Any]) -> Any:
        made = real(self, detail)
        found.extend(faults(made))
        return made

    with mock.patch.object(EventBus, "_entry", entry):
        yield found
