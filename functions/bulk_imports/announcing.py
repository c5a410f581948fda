"""Events of the records that an import wrote: Commerce Layer sends no webhooks for most of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bulk_imports.settling import Sent
from connector.commerce_layer import importing
from connector.commerce_layer.changes import print_time
from connector.commerce_layer.client import Client
from connector.commerce_layer.documents import flatten
from connector.commerce_layer.query import MAX_PAGE_SIZE, Query
from connector.event_bus import EventBus, Source, envelope, version_id


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that one request reads back: value of `column` -> row number; `rest` is the same in
    all of them."""

    column: str
    rest: tuple[tuple[str, str], ...]
    rows: Mapping[str, int]

    @property
    def query(self) -> Query:
        values = list(self.rows)
        own = {f"{self.column}_in": ",".join(values)}
        if len(values) == 1:  # which may hold a comma
            own = {f"{self.column}_eq": values[0]}
        include = (self.column.removesuffix("_id"),) if self._linked else ()
        filters = {**own, **{f"{name}_eq": value for name, value in self.rest}}
        return Query(filters=filters, include=include, page_size=MAX_PAGE_SIZE)

    def row_of(self, record: Mapping[str, Any]) -> int | None:
        if self._linked:
            value = (record.get(self.column.removesuffix("_id")) or {}).get("id")
        else:
            value = record.get(self.column)
        text = str(value)
        return self.rows.get(text.lower() if self.column.endswith("email") else text)

    @property
    def _linked(self) -> bool:
        return self.column != "id" and self.column.endswith("_id")


class Announcer:
    def __init__(
        self, client: Client, bus: EventBus, source: Source, resource: str, caused_by: str
    ) -> None:
        self._client, self._bus, self._source = client, bus, source
        self._resource, self._caused_by = resource, caused_by

    def batches(self, rows: Iterable[Sent]) -> list[Batch]:
        """The rows that can be read back, because they name their record; always the same."""
        groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[str, int]]] = {}
        for each in rows:
            identity = importing.identity(self._resource, each.row)
            if identity is None:
                continue
            column, value, *others = identity
            rest = tuple(zip(others[::2], others[1::2], strict=True))
            # A list of values is separated by commas.
            alone = (("", str(each.number)),) if "," in value else ()
            groups.setdefault((column, rest + alone), []).append((value, each.number))
        return [
            Batch(column, tuple(pair for pair in rest if pair[0]), dict(members[at : at + 25]))
            for (column, rest), members in groups.items()
            for at in range(0, len(members), MAX_PAGE_SIZE)
        ]

    def publish(self, batch: Batch) -> dict[str, str]:
        """One event a record. Row number -> id of its record."""
        document = self._client.list(self._resource, batch.query)
        records: Sequence[Mapping[str, Any]] = flatten(document, batch.query.include)["data"]
        found = {
            str(row): record for record in records if (row := batch.row_of(record)) is not None
        }
        self._bus.publish(self._detail(record) for record in found.values())
        return {row: record["id"] for row, record in found.items()}

    def _detail(self, record: Mapping[str, Any]) -> dict[str, Any]:
        source = self._source
        version = version_id(
            source.instance, "import", record["type"], record["id"], record["updated_at"]
        )
        received_at = print_time(datetime.now(UTC))
        topic = f"{self._resource}.imported"
        detail = envelope(source, topic, version, record, received_at)
        return {**detail, "caused_by": self._caused_by}
