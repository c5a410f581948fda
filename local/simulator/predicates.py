"""The comparison part of a filter: `name_start`, `id_in`, `metadata_jcont`.

Each predicate turns the text of the query into a test of one stored value. They follow SQL, as the
real ones do: a null satisfies none of them, except those that speak of null. Text is matched
without regard to case, equality is not.
"""

import json
import operator
import re
from collections.abc import Callable
from typing import Any

Test = Callable[[Any], bool]
Cast = Callable[[str], Any]
Make = Callable[[str, Cast], Test]

_TRUE = {"true", "1", "t"}
_FALSE = {"false", "0", "f"}


def boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


def _items(text: str, cast: Cast) -> list[Any]:
    return [cast(item) for item in text.split(",")]


def _compare(compare: Callable[[Any, Any], bool]) -> Make:
    def make(text: str, cast: Cast) -> Test:
        wanted = cast(text)
        if wanted is None:
            return lambda _: False
        return lambda value: value is not None and compare(value, wanted)

    return make


def _member(*, inside: bool) -> Make:
    def make(text: str, cast: Cast) -> Test:
        wanted = set(_items(text, cast))
        if inside:
            return lambda value: value is not None and value in wanted
        return lambda value: value is not None and value not in wanted

    return make


def _text(compare: Callable[[str, str], bool], *, negated: bool = False) -> Make:
    def make(text: str, cast: Cast) -> Test:  # noqa: ARG001 - text stays text
        wanted = text.lower()
        return lambda value: value is not None and compare(str(value).lower(), wanted) != negated

    return make


def _like(*, negated: bool = False) -> Make:
    def make(text: str, cast: Cast) -> Test:  # noqa: ARG001 - a pattern stays text
        parts = {"%": ".*", "_": "."}
        pattern = "".join(parts.get(letter, re.escape(letter)) for letter in text)
        match = re.compile(pattern, re.IGNORECASE | re.DOTALL).fullmatch
        return lambda value: value is not None and (match(str(value)) is None) == negated

    return make


def _each(make_one: Make, combine: Callable[[Any], bool]) -> Make:
    """The `_any` and `_all` forms: a comma-separated list of alternatives or of conditions."""

    def make(text: str, cast: Cast) -> Test:
        tests = [make_one(item, cast) for item in text.split(",")]
        return lambda value: combine(test(value) for test in tests)

    return make


def _or_null(make_one: Make) -> Make:
    def make(text: str, cast: Cast) -> Test:
        test = make_one(text, cast)
        return lambda value: value is None or test(value)

    return make


def _state(holds: Test) -> Make:
    """Predicates whose value only says yes or no: `reference_null=true`."""

    def make(text: str, cast: Cast) -> Test:  # noqa: ARG001 - never the attribute's own type
        wanted = boolean(text)
        return lambda value: holds(value) == wanted

    return make


def _blank(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {}) or str(value).strip() == ""


def _contains(whole: Any, part: Any) -> bool:
    """PostgreSQL's `@>` on JSON."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and _contains(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(
            any(_contains(item, wanted) for item in whole) for wanted in part
        )
    return type(whole) is type(part) and bool(whole == part)


def _json(text: str, cast: Cast) -> Test:  # noqa: ARG001 - the value is JSON, whatever the type
    wanted = json.loads(text)
    if not isinstance(wanted, dict):
        raise ValueError(text)  # noqa: TRY004 - the text of the query is wrong, not our types
    return lambda value: value is not None and _contains(value, wanted)


_EQ, _NOT_EQ = _compare(operator.eq), _compare(operator.ne)
_IN, _NOT_IN = _member(inside=True), _member(inside=False)
_ORDER: dict[str, Make] = {
    "lt": _compare(operator.lt),
    "lteq": _compare(operator.le),
    "gt": _compare(operator.gt),
    "gteq": _compare(operator.ge),
}
_POSITIVE: dict[str, Make] = {
    "matches": _like(),
    "start": _text(str.startswith),
    "end": _text(str.endswith),
    "cont": _text(operator.contains),
}
_NEGATIVE: dict[str, Make] = {
    "does_not_match": _like(negated=True),
    "not_start": _text(str.startswith, negated=True),
    "not_end": _text(str.endswith, negated=True),
    "not_cont": _text(operator.contains, negated=True),
}

TEXT: dict[str, Make] = {
    **_POSITIVE,
    **_NEGATIVE,
    **{f"{name}_{suffix}": _each(make, combine)
       for name, make in (_POSITIVE | _NEGATIVE).items()
       for suffix, combine in (("any", any), ("all", all))
       if (name, suffix) != ("not_cont", "any")},
}  # fmt: skip

PREDICATES: dict[str, Make] = {
    "eq": _EQ,
    "eq_or_null": _or_null(_EQ),
    "not_eq": _NOT_EQ,
    "not_eq_or_null": _or_null(_NOT_EQ),
    "not_eq_all": _each(_NOT_EQ, all),
    "in": _IN,
    "in_or_null": _or_null(_IN),
    "not_in": _NOT_IN,
    "not_in_or_null": _or_null(_NOT_IN),
    **_ORDER,
    **{f"{name}_any": _each(make, any) for name, make in _ORDER.items()},
    **{f"{name}_all": _each(make, all) for name, make in _ORDER.items()},
    **TEXT,
    "null": _state(lambda value: value is None),
    "not_null": _state(lambda value: value is not None),
    "blank": _state(_blank),
    "present": _state(lambda value: not _blank(value)),
    "true": _state(lambda value: value is True),
    "false": _state(lambda value: value is False),
    "jcont": _json,
}

# The longest name first: `reference_not_eq` is not the attribute `reference_not` and `eq`.
BY_LENGTH = sorted(PREDICATES, key=len, reverse=True)
