"""An export: the records that its filters mean, printed into a file."""

from typing import Any

from local.simulator import relations
from local.simulator.clock import SECOND
from local.simulator.jobs import matches, shape
from local.simulator.jobs.files import CsvFile, JsonFile
from local.simulator.jobs.tables import FILE
from local.simulator.jobs.work import Work
from local.simulator.store import Record, Store


class Export(Work):
    def __init__(self, store: Store, record: Record, _: Record) -> None:
        kind, get = record.get("resource_type"), record.get
        found = matches.find(store, kind, get("filters"))
        super().__init__(store, record, len(found))
        self._left = iter(found)
        self._dry = bool(get("dry_data"))
        self._shape = shape.parse(kind, get("includes"), get("fields"))
        self._began = store.clock.now()
        self._file: JsonFile | CsvFile = JsonFile()
        if get("format") == "csv":
            names = shape.columns(relations.concrete(kind), self._shape, dry=self._dry)
            self._file = CsvFile(names, self._shape)

    def do_next(self) -> None:
        record = next(self._left)
        if record.number in self.store.records:
            self._file.add(shape.values(self.store, record, self._shape, dry=self._dry))

    def finish(self) -> None:
        self.record.attributes[FILE] = self._file.close()

    def progress(self) -> dict[str, Any]:
        done = self.processed / self.total if self.total else 1.0
        spent = self.store.clock.now() - self._began
        left = round(spent / done - spent) if done else self.total * SECOND // 1000
        return {
            "records_count": self.total,
            "processed_count": self.processed,
            "progress": round(done * 100, 2),
            "estimated_completion_at": self.store.clock.now() + left,
            "errors_log": None,
        }
