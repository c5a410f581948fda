"""What a client sends, in the form that it is kept in: by type, as Rails casts it."""

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from connector.commerce_layer.catalog import Attribute
from local.simulator import clock
from local.simulator.predicates import boolean

_INTEGER = re.compile(r"\s*[-+]?[0-9]+(\.0*)?\s*")
_DECIMAL = re.compile(r"\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\s*")

# The inputs of a CSV import are one string.
_TEXT_OR_ARRAY = "inputs"


class Refused(Exception):
    """Its arguments are the key and the message of a validation, and perhaps its count."""


def cast(attribute: Attribute, value: Any) -> Any:
    """Text that reads as a number is one, and blank text is none. Raises Refused."""
    blank = isinstance(value, str) and not value.strip()
    if value is None or (blank and attribute.type in _BLANK_IS_NONE):
        return None
    if attribute.enum and value not in attribute.enum:
        raise Refused("inclusion", "is not included in the list")
    if attribute.name == _TEXT_OR_ARRAY and isinstance(value, str):
        return value
    try:
        return _CASTS[attribute.type](value)
    except (TypeError, ValueError, OverflowError):
        raise Refused("invalid", "is invalid") from None


def _string(value: Any) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return value if isinstance(value, str) else json.dumps(value)


def _integer(value: Any) -> int:
    number = _float(value)
    if number % 1:
        raise Refused("not_an_integer", "must be an integer")
    whole = value if isinstance(value, int) else int(number)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        whole = int(value.partition(".")[0])
    if abs(whole) >= 1 << 63:
        raise Refused("invalid", "is out of range")
    return whole


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Refused("not_a_number", "is not a number")
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise Refused("not_a_number", "is not a number")
    number = float(value)
    if not isfinite(number):
        raise Refused("not_a_number", "is not a number")
    return number


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else boolean(str(value))


def _stamp(value: Any) -> int:
    if not isinstance(value, str):
        raise TypeError
    return clock.parse(value)


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _array(value: Any) -> Any:
    if not isinstance(value, list):
        raise TypeError
    return value


_BLANK_IS_NONE = frozenset({"integer", "float", "boolean", "datetime"})
_CASTS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "datetime": _stamp,
    "object": _object,
    "array": _array,
}
