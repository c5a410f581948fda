"""A row of a file -> the row of an import, checked by the catalog before a request is spent.

What only Commerce Layer can know (whether a SKU exists, whether a code is free) it tells later.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from bulk_imports.model import Refused
from connector.commerce_layer import catalog, importing
from connector.commerce_layer.catalog import Attribute

Reasons = list[dict[str, str]]

# An order of another system brings its past along, with this trigger; no other may stand in a file.
ARCHIVE = "_archive"
HISTORY = frozenset(
    "status payment_status fulfillment_status placed_at approved_at cancelled_at"
    " payment_updated_at fulfillment_updated_at".split()
)
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_BOOLEANS = {"true": True, "false": False}
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "datetime": (str,),
    "integer": (int,),
    "float": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


class Wrong(Exception):
    """One value; the text says what it should be."""


class Columns:
    """Of one resource. `header` are the names of a CSV; without it rows are JSON objects."""

    def __init__(
        self, kind: str, header: Sequence[str] | None = None, parent: str | None = None
    ) -> None:
        """Raises Refused for a header that no row could be read by."""
        self._kind = kind
        self._resource = catalog.resource(kind)
        self._parent = {importing.PARENTS[kind]: parent} if parent else {}
        self._header = header
        if header is not None:
            _check_header(kind, header)
            self._readers = [(name, self._reader(name)) for name in header]
        self._required = [
            name for name, each in self._resource.attributes.items() if each.required
        ] + [f"{name}_id" for name, each in self._resource.relationships.items() if each.required]

    def read(self, value: Any) -> tuple[dict[str, Any], Reasons]:
        """The row as an import takes it, and what is wrong with it."""
        reasons: Reasons = []
        if self._header is not None:
            row = self._from_cells(value, reasons)
        elif isinstance(value, dict):
            row = self._from_object(value, reasons)
        else:
            return {}, [_reason("", "is no JSON object on a line of its own")]
        if not row and not reasons:
            return {}, [_reason("", "is empty")]
        row = {**self._parent, **row}
        if not reasons and importing.identity(self._kind, row) is None:
            reasons += self._missing(row)
        return row, reasons

    def _from_cells(self, cells: list[str], reasons: Reasons) -> dict[str, Any]:
        if len(cells) != len(self._readers):
            counts = f"has {len(cells)} cells, the header has {len(self._readers)}"
            reasons.append(_reason("", counts))
            return {}
        row: dict[str, Any] = {}
        for (name, read), cell in zip(self._readers, cells, strict=True):
            if not cell:
                continue  # an empty cell says nothing of its attribute
            try:
                value = read(cell)
            except Wrong as wrong:
                reasons.append(_reason(name, str(wrong)))
                continue
            if "." in name:
                _nest(self._kind, row, name, value)
            else:
                row[name] = value
        return row

    def _from_object(self, value: Mapping[str, Any], reasons: Reasons) -> dict[str, Any]:
        row = {}
        for name, each in value.items():
            problem = _problem(self._kind, name)
            if problem is None and each is not None:
                problem = self._wrong(name, each)
            if problem:
                reasons.append(_reason(name, problem))
            else:
                row[name] = each
        return row

    def _wrong(self, name: str, value: Any) -> str | None:
        attribute = self._attribute(name)
        if attribute is None:
            nested = not name.endswith("_id")
            if isinstance(value, list) == nested:
                return None
            return "is no list" if nested else "is no id"
        if isinstance(value, bool) != (attribute.type == "boolean") or not isinstance(
            value, _JSON_TYPES[attribute.type]
        ):
            return f"is not of type {attribute.type}"
        if isinstance(value, str):
            try:
                _TEXT[attribute.type](value)
            except Wrong as wrong:
                return str(wrong)
        return _unlisted(attribute, value)

    def _reader(self, name: str) -> Callable[[str], Any]:
        attribute = self._attribute(name)
        if "." in name or attribute is None or name.endswith("_id"):
            return str
        read = _TEXT[attribute.type]
        if not attribute.enum:
            return read

        def listed(text: str) -> Any:
            value = read(text)
            if problem := _unlisted(attribute, value):
                raise Wrong(problem)
            return value

        return listed

    def _attribute(self, name: str) -> Attribute | None:
        if name == ARCHIVE:
            return self._resource.triggers.get(name)
        return self._resource.attributes.get(name)

    def _missing(self, row: Mapping[str, Any]) -> Reasons:
        """Of a row that makes a new record. One that may update another needs no more."""
        parts = importing.KEYS.get(self._kind, ())
        spelt = {name: part for part in parts for name in part}  # `sku_id` or `sku_code`
        # A number or a code alone may be left to Commerce Layer; half of a pair may not.
        needed = dict.fromkeys(spelt.get(name, (name,)) for name in self._required)
        needed |= dict.fromkeys(parts if len(parts) > 1 else ())
        return [
            _reason(names[0], " or ".join(["is missing", *names[1:]]))
            for names in needed
            if not any(row.get(name) not in (None, "") for name in names)
        ]


def _check_header(kind: str, header: Sequence[str]) -> None:
    known = [name for name in header if _problem(kind, name) is None]
    if not known:
        hint = " Columns are separated by commas." if any(c in header[0] for c in ";\t|") else ""
        raise Refused("no-header", f"The first line names no column of {kind}.{hint}")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise Refused("wrong-header", f"The column {twice[0][:60]!r} is there twice.")
    problems = [f"{name[:60]!r} {_problem(kind, name)}" for name in header if name not in known]
    if problems:
        raise Refused("wrong-header", f"Columns of {kind}: {'; '.join(problems[:10])}.")


def _problem(kind: str, name: str) -> str | None:  # noqa: PLR0911 - one for each meaning
    """Why a column cannot be imported; None if it can."""
    resource = catalog.resource(kind)
    head, _, rest = name.partition(".")
    if name == "id" or (kind == "orders" and name in (*HISTORY, ARCHIVE)):
        return None
    if name.startswith("_"):
        return "is a trigger: commands fire triggers, imports do not"
    attribute = resource.attributes.get(head)
    if attribute:
        if rest and attribute.type != "object":
            return "has nothing inside"
        writable = attribute.creatable or attribute.updatable
        return None if writable else "is read-only"
    link = resource.relationships.get(name.removesuffix("_id"))
    if link and not link.many and name.endswith("_id"):
        return None if link.creatable or link.updatable else "is read-only"
    nested = importing.NESTED.get(kind, frozenset())
    if head in nested or (head == "tags" and "tags" in resource.relationships):
        return None
    candidates = [n for n, a in resource.attributes.items() if a.creatable or a.updatable]
    candidates += [f"{n}_id" for n, link in resource.relationships.items() if not link.many]
    near = catalog.nearest(name, tuple(candidates))
    return "is not known" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _nest(kind: str, row: dict[str, Any], name: str, text: str) -> None:
    """`metadata.erp` is a part of an object; `price_tiers.up_to` = "1,2" is one of two rows."""
    head, _, rest = name.partition(".")
    if head in catalog.resource(kind).attributes:
        row.setdefault(head, {})[rest] = text
        return
    values = text.split(",")
    rows = row.setdefault(head, [])
    rows += [{} for _ in range(len(values) - len(rows))]
    for inner, value in zip(rows, values, strict=False):
        if value:
            inner[rest] = _typed(head, rest, value)


def _typed(kind: str, name: str, text: str) -> Any:
    attribute = catalog.resource(kind).attributes.get(name) if catalog.known(kind) else None
    try:
        return _TEXT[attribute.type](text) if attribute else text
    except Wrong:
        return text  # Commerce Layer says what is wrong with it


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Wrong("is no whole number")
    return int(text)


def _float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Wrong("is no number") from None
    if not isfinite(number):
        raise Wrong("is no number")
    return number


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise Wrong("is neither true nor false")
    return value


def _datetime(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Wrong("is no ISO 8601 date and time") from None
    return text


def _json(kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, kind):
            raise Wrong("is no JSON object" if kind is dict else "is no JSON list")
        return value

    return read


_TEXT: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "datetime": _datetime,
    "object": _json(dict),
    "array": _json(list),
}


def _unlisted(attribute: Attribute, value: Any) -> str | None:
    if not attribute.enum or value in attribute.enum:
        return None
    return f"is none of {', '.join(attribute.enum)}"


def _reason(name: str, text: str) -> dict[str, str]:
    return {"field": name[:100], "reason": text}


def describe(kind: str, row: Mapping[str, Any]) -> str | None:
    """The natural key of a row, for the reader of a report."""
    known = importing.identity(kind, row)
    if known is None:
        return str(row["reference"]) if row.get("reference") else None
    return " ".join(_values(known))


def _values(identity: Iterable[str]) -> list[str]:
    """An identity is `("id", value)` or column and value in turn."""
    return list(identity)[1::2]
