"""What an export says of itself when it is over, and what proves it whole.

windows_contiguous   each begins where the last one ends, the first at the beginning and the
                     last with no end: no id lies between two of them
ids_unique           no id stands in two parts, or twice in one
nothing_missing      nothing that matches now, and has not changed since the export began, can
                     be absent: as many as `at_end - changed`, at least, were exported
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bulk_exports.counting import Counter
from bulk_exports.files import Files
from bulk_exports.model import DONE, Export, Plan, Window

# Ids that are compared at a time; more are gone through again, share by share.
SHARE = 250_000


@dataclass(frozen=True, slots=True)
class Manifest:
    export: Export
    plan: Plan
    windows: Sequence[Window]

    def write(self, files: Files, counter: Counter, completed_at: str) -> dict[str, Any]:
        """Into the bucket. Raises what counting and S3 raise."""
        parts = [_part(each) for each in self.windows if each.state == DONE]
        missing = [_missing(each) for each in self.windows if each.state != DONE]
        counts = self._counts(counter, sum(each["count"] for each in parts))
        checks = {
            "windows_contiguous": _contiguous(self.windows),
            "ids_unique": _unique(files, parts),
            "nothing_missing": not missing
            and counts["exported"] >= counts["at_end"] - counts["changed"],
        }
        order = self.export.order.dump()
        made = {
            "version": "1",
            "export": self.export.id,
            **order,
            "status": "done" if all(checks.values()) else "incomplete",
            "began_at": self.plan.began,
            "completed_at": completed_at,
            "counts": counts,
            "checks": checks,
            "parts": parts,
            "missing": missing,
        }
        files.write_manifest(self.export.manifest_key, made)
        return made

    def _counts(self, counter: Counter, exported: int) -> dict[str, int]:
        at_start, at_end = self.plan.count, counter.now()
        changed = 0
        if not at_start == exported == at_end:
            changed = counter.now(since=self.plan.began)
        return {"at_start": at_start, "exported": exported, "at_end": at_end, "changed": changed}


def _part(window: Window) -> dict[str, Any]:
    nothing = {"key": None, "count": 0, "first_id": None, "last_id": None}
    return {"after": window.after, "upto": window.upto, **(window.part or nothing)}


def _missing(window: Window) -> dict[str, Any]:
    return {
        "after": window.after,
        "upto": window.upto,
        "about": window.size,
        "reason": window.reason or "it was not begun",
    }


def _contiguous(windows: Sequence[Window]) -> bool:
    if not windows:
        return True
    ends = windows[0].after is None and windows[-1].upto is None
    return ends and all(one.upto == other.after for one, other in pairwise(windows))


def _unique(files: Files, parts: Sequence[dict[str, Any]]) -> bool:
    """Goes through all ids in shares that fit into the memory, however many they are."""
    keys = [each["ids_key"] for each in parts if each["key"]]
    shares = sum(each["count"] for each in parts) // SHARE + 1
    return not any(_repeats(_share(files, keys, number, shares)) for number in range(shares))


def _share(files: Files, keys: Iterable[str], number: int, shares: int) -> Iterator[str]:
    return (
        each
        for key in keys
        for each in files.ids(key)
        if shares == 1 or zlib.crc32(each.encode()) % shares == number
    )


def _repeats(ids: Iterable[str]) -> bool:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            return True
        seen.add(each)
    return False
