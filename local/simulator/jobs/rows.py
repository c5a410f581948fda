"""The inputs of an import: JSON objects or the lines of a CSV, kept as one gzip."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from connector.commerce_layer import catalog
from local.simulator.jobs.tables import FILE, NESTED
from local.simulator.table import Record

Row = dict[str, Any]

_BOOLEANS = {"true": True, "false": False}


def count(inputs: Any, *, as_csv: bool) -> int:
    """Raises ValueError for what is no list of objects, or no CSV."""
    if as_csv:
        if not isinstance(inputs, str):
            raise ValueError("a CSV is one string")
        return sum(1 for _ in _lines(inputs))
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise ValueError("inputs are a list of objects")
    return len(inputs)


def pack(inputs: Any, *, as_csv: bool) -> bytes:
    """The form in which they are kept, and served as the attachment."""
    text = inputs if as_csv else json.dumps(inputs)
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


def unpack(packed: bytes, *, as_csv: bool) -> Any:
    text = gzip.decompress(packed).decode()
    return text if as_csv else json.loads(text)


def shown(record: Record) -> Any:
    """The inputs as the client sent them."""
    packed = record.get(FILE)
    if packed is None:
        return record.get("inputs")  # put there by a test
    return unpack(packed, as_csv=record.get("format") == "csv")


def read(kind: str, packed: bytes, *, as_csv: bool) -> Iterator[Row]:
    inputs = unpack(packed, as_csv=as_csv)
    if as_csv:
        return (_row(kind, cells) for cells in _lines(inputs))
    return iter(inputs)


def _lines(text: str) -> Iterator[dict[str, str | None]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for cells in reader:
            if None in cells:
                raise ValueError(f"line {reader.line_num} has more cells than the header")
            yield cells
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _row(kind: str, cells: Mapping[str, str | None]) -> Row:
    """An empty cell says nothing of its attribute."""
    row: Row = {}
    columns: dict[str, dict[str, list[str]]] = {}
    for name, cell in cells.items():
        if not cell:
            continue
        head, _, rest = name.partition(".")
        if not rest:
            row[head] = _value(kind, head, cell)
        elif head in catalog.resource(kind).attributes:
            row[head] = row.get(head, {}) | {rest: cell}
        else:
            columns.setdefault(head, {})[rest] = cell.split(",")
    return row | {head: _nested(kind, head, lists) for head, lists in columns.items()}


def _nested(kind: str, head: str, lists: Mapping[str, list[str]]) -> list[Row]:
    """`a.x` = "1,2" and `a.y` = "3,4" are two rows: each cell lists one value a row."""
    nested = NESTED.get(kind, {}).get(head)
    inner = nested.kind if nested else head
    rows: list[Row] = [{} for _ in range(max(map(len, lists.values())))]
    for name, values in lists.items():
        for row, value in zip(rows, values, strict=False):
            if value:
                row[name] = _value(inner, name, value)
    return rows


def _value(kind: str, name: str, cell: str) -> Any:
    """As the attribute's type reads it. What does not read stays text, for validation to refuse."""
    attribute = catalog.resource(kind).attributes.get(name) if catalog.known(kind) else None
    try:
        match attribute.type if attribute else "string":
            case "integer":
                return int(cell)
            case "float":
                return float(cell)
            case "boolean":
                return _BOOLEANS.get(cell.lower(), cell)
            case "object" | "array":
                return json.loads(cell)
    except ValueError:
        pass
    return cell
