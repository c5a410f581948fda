"""A write that is being checked: what the client wants, over what there is already."""

from dataclasses import dataclass, field
from typing import Any

from connector.commerce_layer.catalog import Resource
from local.simulator.errors import validation
from local.simulator.store import Record, Store
from local.simulator.validation import rules


@dataclass(slots=True)
class Change:
    """A checked document. Attributes are in stored form; triggers keep their underscore."""

    attributes: dict[str, Any] = field(default_factory=dict)
    relationships: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """`failures` are those found so far, by pointer: the first of each name is the one told."""

    store: Store
    resource: Resource
    record: Record | None
    change: Change = field(default_factory=Change)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """As it will be: an attribute, a trigger, a related record or a list of them."""
        if name.startswith(rules.SETTING):
            return self.store.setting(name.removeprefix(rules.SETTING))
        for part in (self.change.attributes, self.change.relationships, self.change.triggers):
            if name in part:
                return part[name]
        if name in self.resource.relationships:
            if self.record is None:
                return None
            many = self.resource.relationships[name].many
            held = self.store.related(self.record, name)
            return held if many else held[0] if held else None
        if self.record is not None:
            return self.record.get(name)
        attribute = self.resource.attributes.get(name)
        return attribute.default if attribute else None

    def touches(self, rule: rules.Rule) -> bool:
        """A new record is checked by every rule, another by those that the change can break."""
        return self.record is None or any(
            name in self.change.attributes or name in self.change.relationships
            for name in rule.names
        )

    def fail(self, name: str, key: str, message: str, **meta: Any) -> None:
        section = "relationships" if name in self.resource.relationships else "attributes"
        pointer = f"/data/{section}/{name}"
        self.failures.setdefault(pointer, validation(pointer, key, message, **meta))

    def failed(self, name: str) -> bool:
        return any(pointer.rpartition("/")[2] == name for pointer in self.failures)


def blank(value: Any) -> bool:
    """As in Rails, except that false is something to say."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})


def holds(draft: Draft, operand: str | list[str]) -> bool:
    """Whether one of the conditions does."""
    return any(_holds(draft, *condition) for condition in rules.conditions(operand))


def _holds(draft: Draft, name: str, operator: str, expected: str) -> bool:
    value = draft.get(name)
    if operator == "=":
        return value is False if expected == "false" else bool(value == expected)
    if operator == "in":
        return value in rules.values(expected)
    return value is not False and not blank(value)
