"""The first step: the whole file is read and checked before anything of it is sent.

Every chunk holds all rows between its first and its last, those that are refused here too, so
that the chunks' reports one after the other are the report of the file.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from bulk_imports import reader
from bulk_imports.columns import Columns, Reasons, describe
from bulk_imports.files import Files
from bulk_imports.model import KEY, Import, Options, Refused, Source
from bulk_imports.reader import Lines, Position, Record
from bulk_imports.seen import Seen
from connector import instances
from connector.commerce_layer import catalog, importing
from connector.deadline import Deadline
from connector.errors import UnknownInstance
from connector.settings import settings

# Of text, in one chunk: what is sent in one request stays handy.
CHUNK_BYTES = 4 << 20
# A Map carries their numbers in its input, which may have 256 KB.
MAX_CHUNKS = 30_000
# Seconds that reading one chunk and keeping the bookmark may take.
ROOM = 30.0


def identify(source: Source) -> Import:
    """By the object's key alone; a place that nothing can be imported from is a `problem`."""
    parts = KEY.fullmatch(source.key)
    found = Import(
        id=source.import_id,
        instance=settings().instances[0],
        resource="unknown",
        source=source,
    )
    if parts is None:
        found.problem = _problem(
            "wrong-folder",
            "Files are named imports/<instance>/<resource>/<name>, and .csv or .jsonl, or these"
            " with .gz.",
        )
        return found
    found.format, found.gz = parts["format"], bool(parts["gz"])
    try:
        found.instance = instances.check(parts["instance"])
    except UnknownInstance:
        found.problem = _problem("unknown-instance", "The folder names no configured instance.")
        return found
    kind = parts["resource"]
    if kind in importing.TYPES:
        found.resource = kind
    elif catalog.known(kind):
        found.problem = _problem(
            "not-importable", f"Commerce Layer imports no {kind}: send commands instead."
        )
    else:
        near = catalog.nearest(kind, tuple(sorted(importing.TYPES)))
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        found.problem = _problem("unknown-resource", f"The folder names no resource.{hint}")
    return found


@dataclass(slots=True)
class _Chunk:
    """Rows on their way to an object: row, line, raw text, what to send, what is wrong."""

    rows: list[str] = field(default_factory=list)
    good: int = 0
    size: int = 0

    def add(self, record: Record, row: dict[str, Any], reasons: Reasons) -> None:
        packed = [record.row, record.line, record.raw, row, reasons]
        self.rows.append(json.dumps(packed, ensure_ascii=False, separators=(",", ":")) + "\n")
        self.good += not reasons
        self.size += len(record.raw)

    def full(self, rows: int) -> bool:
        return self.good >= rows or len(self.rows) >= 2 * rows or self.size >= CHUNK_BYTES


class Planner:
    """One run over a file, or a part of one if time is short."""

    def __init__(self, files: Files, plan: Import, deadline: Deadline) -> None:
        self._files, self.plan, self._deadline = files, plan, deadline
        self._position, self._seen = Position(), Seen()

    def run(self, metadata: dict[str, str], chunk_size: int) -> bool:
        """Fills in the plan. False if it has to be called again, to go on. Raises Refused."""
        if self.plan.problem:
            raise Refused(self.plan.problem["code"], self.plan.problem["message"])
        self.plan.options = Options.of(metadata, chunk_size)
        if self.plan.options.parent and self.plan.resource not in importing.PARENTS:
            raise Refused("wrong-option", f"{self.plan.resource} has no parent to give its rows.")
        if self.plan.source.size > reader.MAX_BYTES:
            raise Refused("too-large", f"The file has more than {reader.MAX_BYTES >> 20} MB.")
        self._resume()
        lines = Lines(
            reader.blocks(
                self._files.s3,
                self.plan.source,
                gz=self.plan.gz,
                start=self._position.offset,
            ),
            self._position,
        )
        columns = self._columns(lines)
        chunk = _Chunk()
        for record in reader.records(lines, self.plan.format):
            row, reasons = columns.read(record.value)
            self._check_repeated(row, reasons)
            chunk.add(record, row, reasons)
            if chunk.full(self.plan.options.chunk_size):
                self._close(chunk)
                chunk = _Chunk()
                if not self._deadline.allows(ROOM):
                    self._keep_place()
                    return False
        if chunk.rows:
            self._close(chunk)
        if not self.plan.rows:
            raise Refused("empty", "The file has no rows.")
        return True

    def _columns(self, lines: Lines) -> Columns:
        kind, parent = self.plan.resource, self.plan.options.parent
        if self.plan.format != "csv":
            return Columns(kind, parent=parent)
        if not self.plan.header:
            self.plan.header, header = reader.read_header(lines)
        else:
            _, header = reader.read_header(Lines(iter([self.plan.header.encode()]), Position()))
        return Columns(kind, header, parent)

    def _check_repeated(self, row: dict[str, Any], reasons: Reasons) -> None:
        known = None if reasons else importing.identity(self.plan.resource, row)
        if known and not self._seen.add(known):
            name = describe(self.plan.resource, row)
            reasons.append({"field": "", "reason": f"{name} stands in an earlier row too"})
        elif self._seen.full and not self.plan.notes:
            self.plan.notes.append(
                f"Rows after row {self.plan.rows + 1:,} were not compared with earlier ones."
            )

    def _close(self, chunk: _Chunk) -> None:
        plan = self.plan
        if plan.chunks >= MAX_CHUNKS:
            raise Refused("too-many-rows", "The file has too many rows: split it.")
        plan.chunks += 1
        plan.rows += len(chunk.rows)
        plan.invalid += len(chunk.rows) - chunk.good
        self._files.put_lines(plan.chunk_key("chunks", plan.chunks), chunk.rows)

    def _keep_place(self) -> None:
        """So that the next run goes on here. The place last: it vouches for the others."""
        self._files.put(self.plan.work("seen.bin"), self._seen.dump(), "application/octet-stream")
        place = {"position": asdict(self._position), "plan": self.plan.dumps()}
        self._files.put(self.plan.work("place.json"), json.dumps(place).encode())

    def _resume(self) -> None:
        kept = self._files.get(self.plan.work("place.json"))
        if kept is None:
            return
        place = json.loads(kept)
        self.plan = Import.loads(place["plan"])
        self._position = Position(**place["position"])
        self._seen = Seen(self._files.get(self.plan.work("seen.bin")) or b"")


def _problem(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
