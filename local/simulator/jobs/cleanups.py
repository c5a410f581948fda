"""A cleanup: deletes what its filters mean, with what depends on it."""

from local.simulator.behaviour import deletion
from local.simulator.errors import ApiError
from local.simulator.jobs import matches
from local.simulator.jobs.work import Refusal, Work, messages
from local.simulator.store import Record, Store


class Cleanup(Work):
    def __init__(self, store: Store, record: Record, _: Record) -> None:
        found = matches.find(store, record.get("resource_type"), record.get("filters"))
        super().__init__(store, record, len(found))
        self._left = iter(found)

    def do_next(self) -> None:
        record = next(self._left)
        if record.number not in self.store.records:
            return  # it went with one before it
        try:
            deletion.delete(self.store, record)
        except ApiError as error:
            raise Refusal(str(record.get("code") or record.id), messages(error)) from None
