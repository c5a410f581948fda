"""The records in an export's file, one by one, however large the file is.

No value is changed: a record's JSON goes on as it stands there, numbers of any size included.
Where it was broken into lines it is put into one, which JSON allows between its tokens only.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bulk_exports.download import Broken

MOST_RECORD = 16 * 1024 * 1024  # characters
_BLANK = " \t\r\n"


class Row(NamedTuple):
    """`line` without its end. The header of a CSV has no `id`."""

    id: str | None
    line: str


def rows(chunks: Iterable[bytes], form: str) -> Iterator[Row]:
    """Raises Broken if the file is not whole, or not what it should be."""
    return (from_csv if form == "csv" else from_json)(_text(chunks))


def from_json(texts: Iterable[str]) -> Iterator[Row]:
    """Of an array of objects that each have an `id`."""
    reader = _Reader(texts)
    if reader.next() != "[":
        raise Broken("the file is not a JSON array")
    mark = reader.next() if reader.peek() == "]" else ","
    while mark == ",":
        yield reader.record()
        mark = reader.next()
    if mark != "]":
        raise Broken("the file is not a JSON array, or cut short")
    if reader.peek():
        raise Broken("something follows the JSON array")


class _Reader:
    """A text that comes in pieces, of which no more is kept than the record that is being read."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = iter(texts)
        self._buffer, self._at, self._decode = "", 0, json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _BLANK:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more(1):
                return ""

    def next(self) -> str:
        found = self.peek()
        self._at += 1
        return found

    def record(self) -> Row:
        if self.peek() != "{":
            raise Broken("the JSON array holds something that is no object")
        while True:
            try:
                found, end = self._decode(self._buffer, self._at)
            except (json.JSONDecodeError, RecursionError):
                # Not whole yet: twice as much, so that a long record is not tried at every piece.
                if not self._more(max(1, len(self._buffer) - self._at)):
                    raise Broken("the JSON array is cut short, or damaged") from None
                continue
            line = self._buffer[self._at : end].replace("\r", " ").replace("\n", " ")
            self._at = end
            if not isinstance(found.get("id"), str) or not found["id"]:
                raise Broken("a record has no id")
            return Row(found["id"], line)

    def _more(self, characters: int) -> bool:
        """Read on, and forget what has been read. False at the end."""
        pieces, size = [self._buffer[self._at :]], 0
        self._at = 0
        for text in self._texts:
            pieces.append(text)
            size += len(text)
            if size >= characters:
                break
        self._buffer = "".join(pieces)
        if len(self._buffer) > MOST_RECORD:
            raise Broken("a record is too large, or damaged")
        return size > 0


def from_csv(texts: Iterable[str]) -> Iterator[Row]:
    """Of a table with a column `id`."""
    csv.field_size_limit(MOST_RECORD)
    reader = csv.reader(_lines(texts), strict=True)
    try:
        header = next(reader, [])
        if "id" not in header:
            raise Broken("the table has no column id")
        column = header.index("id")
        yield Row(None, _as_csv(header))
        for cells in reader:
            if len(cells) != len(header) or not cells[column]:
                raise Broken("a line of the table is cut short, or has no id")
            yield Row(cells[column], _as_csv(cells))
    except csv.Error:
        raise Broken("the table is cut short, or damaged") from None


def _as_csv(cells: list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """With their ends."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from (f"{line}\n" for line in whole)
        if len(rest) > MOST_RECORD:
            raise Broken("a line of the table is too long")
    if rest:
        yield rest


def _text(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Broken("the file is not UTF-8") from None
