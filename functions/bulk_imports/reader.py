"""The bytes of an object in S3 -> the records of a CSV or of JSON Lines, one at a time.

Nothing here holds more than a few megabytes, and everything knows where it is: a reader can be
begun again at the `offset` of any record.
"""

import csv
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bulk_imports.model import Refused, Source

BLOCK = 8 << 20  # of one request to S3
PIECE = 1 << 20
MAX_RECORD = 1 << 20
MAX_BYTES = 1 << 30

csv.field_size_limit(MAX_RECORD)

_BOM = b"\xef\xbb\xbf"
_FOREIGN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_GZIP = b"\x1f\x8b"
_BLANK = object()


@dataclass(slots=True)
class Position:
    """Where the next record begins. `row` and `line` count from 1, the header is line 1."""

    offset: int = 0
    line: int = 1
    row: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """`raw` is the text as it stands in the file; `value` are cells, or what the JSON says."""

    row: int
    line: int
    raw: str
    value: Any


def blocks(s3: Any, source: Source, *, gz: bool, start: int = 0) -> Iterator[bytes]:
    """The text of the object from `start` on, in pieces. Raises Refused."""
    if not gz:
        yield from _stored(s3, source, start)
        return
    for piece in _unzipped(_stored(s3, source, 0)):
        if start < len(piece):
            yield piece[start:]
        start = max(0, start - len(piece))


def _stored(s3: Any, source: Source, start: int) -> Iterator[bytes]:
    """In requests of their own: one that breaks off is made again by botocore."""
    while start < source.size:
        end = min(start + BLOCK, source.size)
        asked = {"Range": f"bytes={start}-{end - 1}"}
        if source.etag:
            asked["IfMatch"] = source.etag
        try:
            body = s3.get_object(Bucket=source.bucket, Key=source.key, **asked)["Body"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("PreconditionFailed", "NoSuchKey", "404", "412"):
                raise Refused(
                    "changed", "The object was replaced or deleted before it was read to its end."
                ) from None
            raise
        for at in range(0, len(body), PIECE):
            yield body[at : at + PIECE]
        start = end


def _unzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Several members are one file, as gzip has it. What comes out of a step is bounded."""
    unzip, total, begun = zlib.decompressobj(wbits=31), 0, False
    try:
        for compressed in pieces:
            waiting, text = compressed, b""
            while waiting or len(text) == PIECE:  # a full piece: there may be more inside
                text, begun = unzip.decompress(waiting, PIECE), True
                waiting = unzip.unconsumed_tail
                if unzip.eof:
                    waiting, unzip, begun = unzip.unused_data, zlib.decompressobj(wbits=31), False
                total += len(text)
                if total > MAX_BYTES:
                    raise Refused(
                        "too-large", f"The file unpacks to more than {MAX_BYTES >> 20} MB."
                    )
                if text:
                    yield text
    except zlib.error:
        raise Refused("not-gzip", "The file is named .gz and cannot be unpacked.") from None
    if begun:
        raise Refused("not-gzip", "The gzip ends in the middle: the upload was cut short.")


class Lines:
    """Iterates over lines as text, keeps those of the current record, and counts bytes."""

    def __init__(self, pieces: Iterator[bytes], position: Position) -> None:
        self._lines = _split(pieces)
        self.position = position
        self.taken: list[str] = []
        self._size = 0
        self._first = position.offset == 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if self._first:
            self._first = False
            line = self._begin(line)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            at = self.position.line + len(self.taken)
            raise Refused("wrong-encoding", f"Line {at} is not UTF-8: save as UTF-8.") from None
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise Refused(
                "too-long",
                f"The record that begins in line {self.position.line} is over"
                f" {MAX_RECORD >> 20} MB: is a quotation mark not closed?",
            )
        self.taken.append(text)
        return text

    def take(self) -> tuple[int, str]:
        """The line that the record began in, and its text; the next one begins after it."""
        line, raw = self.position.line, "".join(self.taken)
        self.position.offset += self._size
        self.position.line += len(self.taken)
        self.taken, self._size = [], 0
        return line, raw

    def _begin(self, line: bytes) -> bytes:
        if line[:2] in _FOREIGN:
            name = _FOREIGN[line[:2]]
            raise Refused("wrong-encoding", f"The file is {name}: save it as UTF-8.")
        if line.startswith(_GZIP):
            raise Refused("not-text", "The file is a gzip: let its name end with .gz.")
        if b"\0" in line:
            raise Refused("not-text", "The file is not text.")
        if line.startswith(_BOM):
            self.position.offset += len(_BOM)
            return line[len(_BOM) :]
        return line


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines with their ends. A carriage return alone ends none: csv complains of it."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
        if len(rest) > MAX_RECORD:
            yield rest  # which is refused for its length
            rest = b""
    if rest:
        yield rest


def read_header(lines: Lines) -> tuple[str, list[str]]:
    """The first record of a CSV, as it stands there and in cells. Raises Refused."""
    for cells in _cells(lines):
        _, raw = lines.take()
        if cells:
            return raw, [cell.strip() for cell in cells]
    raise Refused("empty", "The file is empty.")


def records(lines: Lines, kind: str) -> Iterator[Record]:
    """Those after the header, if `kind` is csv. Blank ones do not count. Raises Refused."""
    for value in _cells(lines) if kind == "csv" else _objects(lines):
        line, raw = lines.take()
        if value is _BLANK or (kind == "csv" and not value):
            continue
        row = lines.position.row
        lines.position.row += 1
        yield Record(row, line, raw, value)


def _cells(lines: Lines) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, strict=True)
    except csv.Error as error:
        at = lines.position.line
        if "end of data" in str(error):
            message = f"A quotation mark that opens in the record of line {at} is never closed."
        else:
            message = f"The record of line {at} is no CSV: {error}."
        raise Refused("malformed", message) from None


def _objects(lines: Lines) -> Iterator[Any]:
    """A line that is no JSON is its row's own fault: the next line is whole again."""
    for text in lines:
        if not text.strip():
            yield _BLANK
            continue
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            yield text
