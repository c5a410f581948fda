"""Deleted records: what the last check knew and Commerce Layer's list has no longer.

A check reads all ids of the resource, a slice with every run, and compares them with what the check
before it found and with what was published since. What is missing is asked for once more, by its
id, before it is called deleted. Then come the events, and only then the new list takes the place
of the old one: a check that is killed anywhere says the same again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.commerce_layer.changes import PAGE_SIZE, parse_time, print_time
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.errors import DeadlineExceeded, ServerFault
from connector.event_bus import version_id
from sync.known_ids import KnownIds, Sets
from sync.work import Work

# More than both is more likely a wrong answer than a deletion, and waits for somebody's word.
BELIEVED, BELIEVED_SHARE = 10, 0.1


@dataclass(slots=True)
class Check:
    """number     of the check that is under way, or was the last
    known      the last one whose list was taken over
    phase      of the one under way: "listing", "comparing"; None if none is
    after      the last id that was listed
    accepted   it may find any number deleted
    """

    resource: str
    number: int = 0
    known: int | None = None
    phase: str | None = None
    after: str = ""
    accepted: bool = False
    begun_at: str | None = None
    checked_at: str | None = None
    deleted: int = 0
    refused: int = 0


class Deletions:
    def __init__(self, work: Work) -> None:
        self._work, self._lease = work, work.lease
        resource = work.stream.resource
        text = self._lease.notes.get("deletions")
        check = Check(**json.loads(text)) if text else Check(resource)
        # Under another resource nothing of it means anything.
        self._check = check if check.resource == resource else Check(resource)
        self._ids = KnownIds(work.services.table, f"{self._lease.stream}#{resource}")

    def published(self, ids: Sequence[str]) -> None:
        """Call it before they go onto the bus: whoever is told of a record hears of its end."""
        if self._work.stream.deletions:
            self._ids.add(self._check.number, "published", ids)

    def look(self) -> None:
        """Begin a check if it is time, or go on with the one that is under way."""
        if not self._work.stream.deletions:
            return
        check, now = self._check, self._now()
        wishes = {"check_deletions", "accept_deletions"} & set(self._lease.notes)
        if check.phase is None and (wishes or now >= self._due()):
            check.number, check.phase, check.after = check.number + 1, "listing", ""
            check.begun_at, check.accepted, check.deleted = print_time(now), False, 0
        if check.phase is None:
            return
        check.accepted = check.accepted or "accept_deletions" in wishes
        self._keep(done=tuple(sorted(wishes)))
        until = self._work.slice()
        try:
            if check.phase == "listing":
                self._list(until)
            if check.phase == "comparing":
                self._compare(until)
        except DeadlineExceeded:
            pass  # The next run goes on.

    def _list(self, until: Deadline) -> None:
        check = self._check
        while until.left() and not self._lease.paused:
            ids = self._ask({"id_gt": check.after} if check.after else {})
            if check.after in ids:
                raise ServerFault("Commerce Layer did not go on after the id it was told.")
            self._ids.add(check.number, "listed", ids)
            if len(ids) < PAGE_SIZE:
                check.phase = "comparing"
                self._keep()
                return
            check.after = ids[-1]
            self._keep()

    def _compare(self, until: Deadline) -> None:
        check, sets = self._check, self._ids.load()
        listed = sets.get((check.number, "listed"), set())
        old = self._old(sets)
        missing = old - listed
        if not check.accepted and missing and (not listed or _incredible(missing, old)):
            self._refuse(len(missing), sets)
            return
        done = sets.get((check.number, "kept"), set()) | sets.get((check.number, "gone"), set())
        waiting = sorted(missing - done)
        for first in range(0, len(waiting), PAGE_SIZE):
            if not until.left() or self._lease.paused:
                return
            self._judge(waiting[first : first + PAGE_SIZE])
        check.known, check.refused = check.number, 0
        self._end([key for key in sets if key[0] < check.number])

    def _old(self, sets: Sets) -> set[str]:
        """What there was: by the last list, and by what was published before this one began."""
        check = self._check
        return {
            each
            for (number, kind), ids in sets.items()
            if (kind == "published" and number < check.number)
            or (kind in ("listed", "kept") and number == check.known)
            for each in ids
        }

    def _judge(self, missing: list[str]) -> None:
        check, kind = self._check, self._work.stream.resource
        there = set(self._ask({"id_in": ",".join(missing)}))
        gone = [each for each in missing if each not in there]
        self._work.publish(
            {
                version_id(
                    self._work.source.instance, self._work.stream.name, "deleted", kind, each
                ): {"type": kind, "id": each}
                for each in gone
            },
            f"{kind}.deleted",
        )
        self._work.result.deleted += len(gone)
        check.deleted += len(gone)
        self._ids.add(check.number, "gone", gone)
        self._ids.add(check.number, "kept", [each for each in missing if each in there])
        self._keep()

    def _refuse(self, missing: int, sets: Sets) -> None:
        """Say so, and stay with the list that there was."""
        self._work.result.refused = self._check.refused = missing
        self._end([key for key in sets if key == (self._check.number, "listed")])

    def _end(self, needless: list[tuple[int, str]]) -> None:
        check = self._check
        check.phase, check.accepted, check.checked_at = None, False, print_time(self._now())
        self._keep()
        self._ids.forget(needless)

    def _ask(self, filters: dict[str, str]) -> list[str]:
        """The ids of one page, with as little else as can be."""
        document, _ = self._work.fetch(
            Query(
                filters=filters,
                fields={self._work.stream.resource: ("created_at",)},
                sort=("id",),
                page_size=PAGE_SIZE,
                page_number=1,
            )
        )
        records: list[Any] = document["data"]
        return [record["id"] for record in records]

    def _keep(self, done: tuple[str, ...] = ()) -> None:
        self._lease.note("deletions", json.dumps(asdict(self._check)), done=done)

    def _due(self) -> datetime:
        checked_at, every = self._check.checked_at, self._work.stream.deletions
        if checked_at is None:
            return datetime.min.replace(tzinfo=UTC)
        return parse_time(checked_at) + (every or timedelta())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._work.services.table.clock(), UTC)


def _incredible(missing: set[str], old: set[str]) -> bool:
    return len(missing) > max(BELIEVED, BELIEVED_SHARE * len(old))
