"""What imports, exports and cleanups have in common: records to do, counts, errors, the 10 %."""

from abc import ABC, abstractmethod
from typing import Any

from local.simulator.errors import ApiError
from local.simulator.store import Record, Store

Messages = dict[str, list[str]]

# Of its records, in percent: more errors interrupt a job.
_TOLERATED = 10


class Refusal(Exception):
    """One record could not be done: what it is called, and attribute -> messages."""

    def __init__(self, key: str, messages: Messages) -> None:
        super().__init__(key, messages)
        self.key, self.messages = key, messages


class Work(ABC):
    """One run of one job."""

    mutes = False
    lenient = False

    def __init__(self, store: Store, record: Record, total: int) -> None:
        self.store, self.record, self.total = store, record, total
        self.processed = self.failed = 0
        self.errors: dict[str, Messages] = {}

    @property
    def over(self) -> bool:
        return self.processed + self.failed >= self.total

    @property
    def hopeless(self) -> bool:
        return not self.lenient and self.failed * 100 > self.total * _TOLERATED

    def step(self) -> None:
        """Do the next record."""
        try:
            self.do_next()
        except Refusal as refusal:
            self.failed += 1
            logged = self.errors.get(refusal.key, {})
            # Rows of the same name share an entry. It is made anew, as a client may be reading it.
            self.errors[refusal.key] = logged | {
                name: logged.get(name, []) + each for name, each in refusal.messages.items()
            }
        else:
            self.processed += 1

    @abstractmethod
    def do_next(self) -> None:
        """Raises Refusal."""

    def finish(self) -> None:  # noqa: B027 - most have nothing to do here
        """What is left to do after the last record."""

    def progress(self) -> dict[str, Any]:
        """What the job's record shows of it."""
        return {
            "processed_count": self.processed,
            "errors_count": self.failed,
            # A copy: the record's own is never changed behind the back of its indexes.
            "errors_log": dict(self.errors) or None,
        }


def messages(error: ApiError) -> Messages:
    """Attribute -> messages; `base` where the error names none."""
    found: Messages = {}
    for each in error.errors:
        pointer = each.get("source", {}).get("pointer")
        name = pointer.rpartition("/")[2] if pointer else "base"
        found.setdefault(name, []).append(each["title"] if pointer else each["detail"])
    return found
