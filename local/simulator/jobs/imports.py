"""An import: rows that make or change records, one after the other."""

from typing import Any

from connector.commerce_layer import catalog
from local.simulator.behaviour import deletion
from local.simulator.errors import ApiError
from local.simulator.jobs import rows
from local.simulator.jobs.drafts import RowError
from local.simulator.jobs.tables import FILE, PARENTS
from local.simulator.jobs.upsert import name_of, upsert
from local.simulator.jobs.work import Refusal, Work
from local.simulator.store import Record, Store


class Import(Work):
    def __init__(self, store: Store, record: Record, organization: Record) -> None:
        super().__init__(store, record, record.get("inputs_size"))
        self.kind = record.get("resource_type")
        self.mutes = not organization.get("imports_trigger_webhooks")
        self.lenient = bool(record.get("skip_errors") or organization.get("imports_skip_errors"))
        as_csv = record.get("format") == "csv"
        self._rows = rows.read(self.kind, record.get(FILE), as_csv=as_csv)
        self._parent = _parent(record)
        self._written: set[int] = set()
        self._warnings: dict[str, list[str]] = {}
        self._destroyed = 0

    def do_next(self) -> None:
        row = self._parent | next(self._rows)
        try:
            written = upsert(self.store, self.kind, row)
        except RowError as error:
            position = self.processed + self.failed + 1
            raise Refusal(name_of(self.kind, row, position), error.messages) from None
        self._written.add(written.number)

    def finish(self) -> None:
        """With `cleanup_records`, what belongs to the same parent and stood in no row goes."""
        if not self.record.get("cleanup_records"):
            return
        for other in self.store.all(self.kind):
            if other.number in self._written or not self._related(other):
                continue
            try:
                deletion.delete(self.store, other)
                self._destroyed += 1
            except ApiError:
                self._warnings[other.get("code") or other.id] = ["could not be deleted"]

    def progress(self) -> dict[str, Any]:
        return super().progress() | {
            "warnings_count": len(self._warnings),
            "warnings_log": dict(self._warnings) or None,
            "destroyed_count": self._destroyed,
        }

    def _related(self, other: Record) -> bool:
        if other.number not in self.store.records:
            return False  # gone with another one
        return all(
            (parent := self.store.one(other, name.removesuffix("_id"))) and parent.id == identifier
            for name, identifier in self._parent.items()
        )


def _parent(record: Record) -> dict[str, Any]:
    kind, identifier = record.get("resource_type"), record.get("parent_resource_id")
    name = PARENTS.get(kind)
    if not identifier or name not in catalog.resource(kind).relationships:
        return {}
    return {f"{name}_id": identifier}
