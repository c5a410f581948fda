"""The ids of the records that a stream knows of, in sets that are written page by page.

An item holds one set: `pk` = ids#<instance>#<stream>#<resource>, `sk` = <check>#<kind>#<name>.
`check` is the number of the check for deletions that was the last to begin when it was written.

    listed      that check found them in Commerce Layer's list
    published   events on them went out
    kept        that check missed them in the list; asked for one by one, they are there
    gone        that check found them deleted, and said so
"""

import hashlib
from collections.abc import Collection, Mapping
from typing import Literal

from connector.table import Table

Kind = Literal["listed", "published", "kept", "gone"]
Sets = Mapping[tuple[int, str], set[str]]


class KnownIds:
    def __init__(self, table: Table, key: str) -> None:
        self._table, self._pk = table, f"ids#{key}"

    def add(self, check: int, kind: Kind, ids: Collection[str]) -> None:
        """The same ids in the same order once more change nothing."""
        if not ids:
            return
        name = hashlib.sha256(",".join(ids).encode()).hexdigest()[:16]
        self._table.client.put_item(
            TableName=self._table.name,
            Item={
                "pk": {"S": self._pk},
                "sk": {"S": f"{check:08d}#{kind}#{name}"},
                "ids": {"SS": list(ids)},
            },
        )

    def load(self) -> Sets:
        sets: dict[tuple[int, str], set[str]] = {}
        for item in self._table.below(self._pk):
            check, kind, _ = item["sk"]["S"].split("#", 2)
            sets.setdefault((int(check), kind), set()).update(item["ids"]["SS"])
        return sets

    def forget(self, needless: Collection[tuple[int, str]]) -> None:
        """Delete all sets of these checks and kinds."""
        names = [item["sk"]["S"] for item in self._table.below(self._pk)]
        self._table.write(
            {"DeleteRequest": {"Key": {"pk": {"S": self._pk}, "sk": {"S": name}}}}
            for name in names
            if (int(name.split("#")[0]), name.split("#")[1]) in needless
        )
