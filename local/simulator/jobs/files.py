"""The file that an export writes, compressed while it grows: a JSON array or a CSV."""

import csv
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any

from local.simulator.jobs.shape import Shape

_GZIP = zlib.MAX_WBITS | 16


class _File:
    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._gzip = zlib.compressobj(level=1, wbits=_GZIP)

    def write(self, text: str) -> None:
        self._parts.append(self._gzip.compress(text.encode()))

    def close(self) -> bytes:
        """The whole file."""
        return b"".join([*self._parts, self._gzip.flush()])


class JsonFile(_File):
    def __init__(self) -> None:
        super().__init__()
        self._before = "["

    def add(self, row: Mapping[str, Any]) -> None:
        self.write(self._before + json.dumps(row, ensure_ascii=False))
        self._before = ","

    def close(self) -> bytes:
        self.write("[]" if self._before == "[" else "]")
        return super().close()


class CsvFile(_File):
    """Included records stand in one cell a column, `prices.amount_cents` = "100,200"."""

    def __init__(self, columns: list[str], shape: Shape) -> None:
        super().__init__()
        self._columns, self._shape = columns, shape
        self._line(columns)

    def add(self, row: Mapping[str, Any]) -> None:
        cells = _cells(row, self._shape)
        self._line([cells.get(name, "") for name in self._columns])

    def _line(self, cells: list[str]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\n").writerow(cells)
        self.write(line.getvalue())


def _cells(row: Mapping[str, Any], shape: Shape) -> dict[str, str]:
    cells: dict[str, str] = {}
    for name, value in row.items():
        if name not in shape.below:
            cells[name] = _cell(value)
            continue
        inner = shape.below[name]
        many = value if isinstance(value, list) else [value] if value else []
        lines = [_cells(each, inner) for each in many]
        for column in dict.fromkeys(column for line in lines for column in line):
            cells[f"{name}.{column}"] = ",".join(line.get(column, "") for line in lines)
    return cells


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
