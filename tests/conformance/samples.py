"""Valid values for every attribute, made from the catalog and from what the rules refuse."""

import re
from datetime import datetime, timedelta
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute
from local.simulator.store import Store
from local.simulator.validation import rules
from local.simulator.validation.drafts import Change, Draft, blank, holds

STAMP = "2026-01-02T03:04:05.678Z"

# Of the long lists, the values that the other tests speak of.
_LIKED = {"EUR", "IT", "skus", "orders.place"}

# How to stand in the right relation to another attribute.
_STEPS = {
    "greater_than": 1,
    "greater_than_or_equal_to": 0,
    "less_than": -1,
    "less_than_or_equal_to": 0,
}


def of(kind: str, name: str) -> dict[str, Any]:
    """The rules of that attribute or relationship, by key."""
    return {rule.key: rule.operand for rule in rules.of(kind) if rule.name == name}


def required(store: Store, kind: str, values: dict[str, Any]) -> list[str]:
    """The attributes and relationships that a document with these values still lacks."""
    draft = Draft(store, catalog.resource(kind), None, Change(values))
    return [
        rule.name
        for rule in rules.of(kind)
        if blank(draft.get(rule.name)) and _asked_for(draft, rule)
    ]


def _asked_for(draft: Draft, rule: rules.Rule) -> bool:
    if rule.key == "required_if":
        return holds(draft, rule.operand)
    if rule.key == "required_unless":
        return not holds(draft, rule.operand)
    return rule.key == "required"


def value(kind: str, attribute: Attribute, number: int) -> Any:
    """Something valid, different each time where the type and the rules allow it."""
    known = of(kind, attribute.name)
    if attribute.enum:
        return attribute.enum[0]
    if "inclusion" in known:
        return _listed(known["inclusion"])
    if "format" in known:
        sample = rules.formats()[known["format"]].sample.replace("#", str(number))
        return [sample] if attribute.type == "array" else sample
    return {
        "string": _text(attribute.name, number, known),
        "integer": int(_within(number, known)),
        "float": _within(number, known) + 0.5,
        "boolean": True,
        "datetime": STAMP,
        "object": {"number": number},
        "array": [{"number": number}],
    }[attribute.type]


def settle(kind: str, values: dict[str, Any], fixed: dict[str, Any]) -> None:
    """Make the values that have to do with one another fit, those given last."""
    for rule in rules.of(kind):
        if rule.key in _STEPS and rule.operand in values and rule.name in set(values) - set(fixed):
            values[rule.name] = stepped(values[rule.operand], _STEPS[rule.key])


def stepped(start: Any, step: int) -> Any:
    if not isinstance(start, str):
        return start + step
    moved = datetime.fromisoformat(start) + timedelta(days=step)
    return re.sub(r"\+00:00$", "Z", moved.isoformat(timespec="milliseconds"))


def bound(operand: Any) -> Any:
    """A number as it is, or a setting of an organization that changed nothing."""
    if isinstance(operand, str) and operand.startswith(rules.SETTING):
        name = operand.removeprefix(rules.SETTING)
        return catalog.resource("organizations").attributes[name].default
    return operand


def _listed(operand: str | list[str]) -> str:
    values = sorted(rules.values(operand)) if isinstance(operand, str) else operand
    return next((each for each in values if each in _LIKED), values[0])


def _text(name: str, number: int, known: dict[str, Any]) -> str:
    return f"{name} {number}".ljust(bound(known.get("too_short", 0)), "-")


def _within(number: int, known: dict[str, Any]) -> int:
    lowest = _number(known, "greater_than_or_equal_to", _number(known, "greater_than", 0) + 1)
    highest = _number(known, "less_than_or_equal_to", 1 << 40)
    return int(lowest + number % max(highest - lowest, 1))


def _number(known: dict[str, Any], key: str, default: int) -> int:
    operand = bound(known.get(key, default))
    return default if isinstance(operand, str) else int(operand)
