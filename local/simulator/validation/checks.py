"""One check for each kind of rule in rules.toml. A broken rule becomes a failure of the draft."""

import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from local.simulator import clock, relations
from local.simulator.store import Record
from local.simulator.validation import links, rules
from local.simulator.validation.drafts import Draft, blank, holds
from local.simulator.validation.rules import Rule

_COMPARISONS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "greater_than": (operator.gt, "must be greater than {}"),
    "greater_than_or_equal_to": (operator.ge, "must be greater than or equal to {}"),
    "less_than": (operator.lt, "must be less than {}"),
    "less_than_or_equal_to": (operator.le, "must be less than or equal to {}"),
}
_LENGTHS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "too_short": (operator.ge, "is too short (minimum is {})"),
    "too_long": (operator.le, "is too long (maximum is {})"),
}
# Ruby's regular expressions in Python's spelling, as far as the two differ in what is common.
_FROM_RUBY = (
    (r"\\[zZ]", r"\\Z"),
    (r"\\h", "[0-9a-fA-F]"),
    (r"\(\?<(?=[A-Za-z_])", "(?P<"),
    (r"\[\[:\^?\w+:\]\]", r"\\w"),
)


def check(draft: Draft, rule: Rule) -> None:
    if not draft.failed(rule.name):
        KEYS[rule.key](draft, rule)


def _presence(draft: Draft, rule: Rule) -> None:
    if blank(draft.get(rule.name)) and not _named_otherwise(draft, rule.name):
        draft.fail(rule.name, "blank", "can't be blank")


def _presence_if(draft: Draft, rule: Rule) -> None:
    if holds(draft, rule.operand):
        _presence(draft, rule)


def _presence_unless(draft: Draft, rule: Rule) -> None:
    if not holds(draft, rule.operand):
        _presence(draft, rule)


def _named_otherwise(draft: Draft, name: str) -> bool:
    """A relationship by its natural key, or a natural key whose relationship was refused."""
    if name in links.KEY_OF and links.KEY_OF[name] in draft.resource.attributes:
        return not blank(draft.get(links.KEY_OF[name]))
    return name in links.NATURAL_KEYS and draft.failed(links.NATURAL_KEYS[name][0])


def _comparison(draft: Draft, rule: Rule) -> None:
    compare, message = _COMPARISONS[rule.key]
    value = draft.get(rule.name)
    bound = None if value is None else _bound(draft, rule.operand)
    if bound is None or compare(value, bound):
        return
    attribute = draft.resource.attributes[rule.name]
    if attribute.type == "datetime":
        value, bound = clock.printed(value), clock.printed(bound)
    draft.fail(rule.name, rule.key, message.format(bound), value=value, count=bound)


def _length(draft: Draft, rule: Rule) -> None:
    compare, message = _LENGTHS[rule.key]
    value = draft.get(rule.name)
    bound = None if blank(value) else _bound(draft, rule.operand)
    if bound is not None and not compare(len(value), bound):
        many = isinstance(value, list)
        told = len(value) if many else value
        draft.fail(rule.name, rule.key, message.format(bound), value=told, count=bound)


def _bound(draft: Draft, operand: Any) -> Any:
    if operand == "now":
        return draft.store.clock.now()
    return draft.get(operand) if isinstance(operand, str) else operand


def _inclusion(draft: Draft, rule: Rule) -> None:
    allowed = rules.values(rule.operand) if isinstance(rule.operand, str) else rule.operand
    value = draft.get(rule.name)
    if value is not None and value not in allowed:
        draft.fail(rule.name, rule.key, "is not included in the list", value=value)


def _format(draft: Draft, rule: Rule) -> None:
    value = draft.get(rule.name)
    texts = value if isinstance(value, list) else [value]
    if not blank(value) and not all(matches(rule.operand, text) for text in texts):
        draft.fail(rule.name, "invalid", "is invalid", value=value)


def matches(name: str, text: Any) -> bool:
    if not isinstance(text, str):
        return False
    if name == "regex":
        return _compiles(text)
    return re.fullmatch(rules.formats()[name].pattern, text) is not None


def _compiles(text: str) -> bool:
    for ruby, python in _FROM_RUBY:
        text = re.sub(ruby, python, text)
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _unique(draft: Draft, rule: Rule) -> None:
    """What is blank may be so many times, except beside the key that it belongs to."""
    value = draft.get(rule.name)
    scope = () if rule.operand is True else rule.operand
    if blank(value):
        return
    told = None if isinstance(value, Record) else value
    for other in _with(draft, rule.name, value):
        if other is not draft.record and all(_same(draft, other, name) for name in scope):
            draft.fail(rule.name, "taken", "has already been taken", value=told)


def _with(draft: Draft, name: str, value: Any) -> list[Record]:
    """The records that hold the same there."""
    store, kind = draft.store, draft.resource.type
    if isinstance(value, Record):
        return [store.records[number] for number in store.pointing(kind, name, value.number)]
    index = rules.index(kind, name)
    return store.having(kind, index, value.lower() if index != name else value)


def _same(draft: Draft, other: Record, name: str) -> bool:
    if name in draft.resource.relationships:
        return draft.store.one(other, name) is draft.get(name)
    return bool(other.get(name) == draft.get(name))


def _most(draft: Draft, rule: Rule) -> None:
    owner = draft.get(rule.name)
    if owner is None:
        return
    for name, operand in rule.operand.items():
        numbers = set(draft.store.related_numbers(owner, name))
        among = draft.resource.type in relations.allowed_types(owner.type, name)
        if among:
            numbers.add(draft.record.number if draft.record else 0)
        bound = _bound(draft, operand)
        if len(numbers) > bound:
            message = f"must have less than or equal to {bound} {name}"
            key = "less_than_or_equal_to"
            draft.fail(rule.name, key, message, value=len(numbers), count=bound)


def _nothing(draft: Draft, rule: Rule) -> None:
    """It only says how another rule of the row compares."""


KEYS: Mapping[str, Callable[[Draft, Rule], None]] = {
    "required": _presence,
    "required_if": _presence_if,
    "required_unless": _presence_unless,
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_LENGTHS, _length),
    "inclusion": _inclusion,
    "format": _format,
    "unique": _unique,
    "most": _most,
    "case_insensitive": _nothing,
}
