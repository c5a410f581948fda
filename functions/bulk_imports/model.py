"""What an import is: where its file came from, what was asked, and what is kept of it where.

In the bucket of the stack, below `imports/` is what is sent; `work/` and `reports/` are ours:

    imports/<instance>/<resource>/<anything>.csv|.jsonl[.gz]
    work/<import>/plan.json, chunks/<n>.jsonl.gz, outcomes/<n>-<pass>.json.gz, reports/…, failed/…
    reports/<instance>/<resource>/<import>/summary.json, report.jsonl.gz, failed.<csv|jsonl>.gz
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from connector.commerce_layer import importing
from connector.import_ledger import OWN_NAME
from connector.planner import CHUNK_SIZE

KEY = re.compile(
    r"imports/(?P<instance>[^/]+)/(?P<resource>[^/]+)/(?P<name>.+)\.(?P<format>csv|jsonl)(?P<gz>\.gz)?"
)
# The API chooses the id before anything starts, and puts it where the id of a file is made.
CHOSEN = re.compile(rf"{OWN_NAME}([0-9a-f]{{32}})")

MIN_CHUNK = 100


class Refused(Exception):
    """The file as a whole is not imported, and nothing of it was. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Source:
    """An object as EventBridge tells of it. The etag holds the import to this version of it."""

    bucket: str
    key: str
    etag: str
    size: int
    sequencer: str = ""

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> Self:
        thing = detail["object"]
        return cls(
            bucket=detail["bucket"]["name"],
            key=thing["key"],
            etag=thing.get("etag", ""),
            size=int(thing.get("size", 0)),
            sequencer=thing.get("sequencer", ""),
        )

    @property
    def import_id(self) -> str:
        """The same for the same upload, however often its event comes."""
        parts = KEY.fullmatch(self.key)
        chosen = CHOSEN.fullmatch(parts["name"]) if parts else None
        if chosen:
            return chosen[1]
        text = json.dumps([self.bucket, self.key, self.etag, self.sequencer])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Options:
    """Asked for by the object's metadata (`x-amz-meta-dry-run: true`, and so on).

    dry_run       validate and plan, and send nothing
    events        publish an event for every row that was applied: imports mute webhooks
    skip_errors   False asks for Commerce Layer's brake: over 10 % errors stop a job
    chunk_size    rows of one job
    parent        id of the parent of rows that name none: for stock items their stock location
    """

    dry_run: bool = False
    events: bool = False
    skip_errors: bool = True
    chunk_size: int = CHUNK_SIZE
    parent: str | None = None

    @classmethod
    def of(cls, metadata: Mapping[str, str], chunk_size: int) -> Self:
        """Other metadata is somebody else's. Raises Refused."""
        flags = {
            name: _flag(name, metadata[name])
            for name in ("dry-run", "events", "skip-errors")
            if name in metadata
        }
        return cls(
            **{name.replace("-", "_"): value for name, value in flags.items()},
            chunk_size=_size(metadata.get("chunk-size", str(chunk_size))),
            parent=metadata.get("parent") or None,
        )


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Refused("wrong-option", f"The object's metadata {name} is true or false.")
    return text.lower() == "true"


def _size(text: str) -> int:
    if not text.isdecimal() or not MIN_CHUNK <= int(text) <= importing.MAX_INPUTS:
        raise Refused(
            "wrong-option",
            f"The object's metadata chunk-size is {MIN_CHUNK} to {importing.MAX_INPUTS}.",
        )
    return int(text)


@dataclass(slots=True)
class Import:
    """`plan.json`: what planning found, and what all later steps go by.

    `header` is the first line of a CSV as it stands there; `problem` is why the file was refused;
    `notes` are for the reader of the summary.
    """

    id: str
    instance: str
    resource: str
    source: Source
    format: str = "csv"
    gz: bool = False
    options: Options = field(default_factory=Options)
    header: str = ""
    rows: int = 0
    invalid: int = 0
    chunks: int = 0
    problem: dict[str, str] | None = None
    notes: list[str] = field(default_factory=list)

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        values = json.loads(text)
        source, options = Source(**values.pop("source")), Options(**values.pop("options"))
        return cls(source=source, options=options, **values)

    @property
    def keyed(self) -> bool:
        """Whether a row that is sent twice means one record."""
        return self.resource in importing.KEYS

    def work(self, *parts: str) -> str:
        return "/".join(("work", self.id, *parts))

    def chunk_key(self, folder: str, number: int, suffix: str = "jsonl.gz") -> str:
        return self.work(folder, f"{number:05d}.{suffix}")

    def report(self, name: str) -> str:
        return f"reports/{self.instance}/{self.resource}/{self.id}/{name}"
