"""How many records there are, and the ids that windows end with: one small request for each.

The ends are found one after the other, each as the 5,000th id after the last: no page is deep,
and whatever comes or goes meanwhile, the next window begins where the last one ends.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulk_exports.model import MOST_WINDOWS, Plan, Refused
from connector.commerce_layer import changes
from connector.commerce_layer.changes import print_time
from connector.commerce_layer.client import Client
from connector.commerce_layer.query import Query
from connector.exporting import Order


@dataclass(frozen=True, slots=True)
class Counter:
    client: Client
    order: Order

    def plan(self, size: int) -> Plan:
        """Of windows of that size. Raises Refused if there is too much."""
        document, date = self._ask(self._query({}))
        count = left = _count(document)
        if count > size * MOST_WINDOWS:
            raise Refused("too-many", f"{count} records match: narrow them down by filters.")
        ends: list[str] = []
        while left > size:
            document, _ = self._ask(self._query({"id_gt": ends[-1]} if ends else {}, size))
            if not document.get("data"):
                break  # so many have gone that the rest is one window
            ends.append(document["data"][0]["id"])
            left = _count(document) - size
        return Plan(print_time(changes.server_time(date)), count, size, ends)

    def middle(self, bounds: Mapping[str, str], size: int) -> str | None:
        """The id in the middle of a window; None if there is nothing to halve."""
        document, _ = self._ask(self._query(bounds, max(1, size // 2)))
        count = _count(document)
        found = document.get("data")
        if count < 2:
            return None
        if not found:  # it has less than was thought
            found = self._ask(self._query(bounds, count // 2))[0].get("data")
        return str(found[0]["id"]) if found else None

    def now(self, since: str | None = None) -> int:
        """How many match; with `since`, of those that were changed since then."""
        more = {"updated_at_gteq": since} if since else {}
        return _count(self._ask(self._query(more))[0])

    def _query(self, more: Mapping[str, str], number: int = 1) -> Query:
        filters = {name: _text(value) for name, value in self.order.filters.items()}
        return Query(
            filters={**filters, **more},
            fields={self.order.resource: ("created_at",)},
            sort=("id",),
            page_size=1,
            page_number=number,
        )

    def _ask(self, query: Query) -> tuple[dict[str, Any], str | None]:
        answer = self.client.send("GET", self.order.resource, query)
        return answer.document(), answer.headers.get("date")


def _count(document: Mapping[str, Any]) -> int:
    return int((document.get("meta") or {}).get("record_count") or 0)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value)
