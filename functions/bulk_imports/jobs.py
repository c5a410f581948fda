"""Import jobs of Commerce Layer: started, found again by their reference, asked after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.commerce_layer.client import Client
from connector.commerce_layer.query import Query

ORIGIN = "commerce-layer-connector"
# Without the inputs: an answer must not send thousands of rows back.
SHOWN = {
    "imports": (
        "status",
        "reference",
        "inputs_size",
        "processed_count",
        "errors_count",
        "errors_log",
        "started_at",
    )
}
# What an organization may have at a time, unless Commerce Layer was asked for more.
AT_A_TIME = 10


@dataclass(frozen=True, slots=True)
class Job:
    """As it was seen last. `errors` is Commerce Layer's log: what names a row -> attribute ->
    messages."""

    id: str
    status: str
    size: int
    processed: int
    failed: int
    errors: Mapping[str, Any]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Job":
        attributes = record.get("attributes", {})
        return cls(
            id=record["id"],
            status=attributes.get("status") or "pending",
            size=attributes.get("inputs_size") or 0,
            processed=attributes.get("processed_count") or 0,
            failed=attributes.get("errors_count") or 0,
            errors=attributes.get("errors_log") or {},
        )

    @property
    def over(self) -> bool:
        return self.status in ("completed", "interrupted")


class Jobs:
    """All through one client: its rate budget, its deadline."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(
        self,
        kind: str,
        rows: Sequence[Mapping[str, Any]],
        reference: str,
        *,
        skip_errors: bool,
        metadata: Mapping[str, Any],
    ) -> Job:
        document = self._client.create(
            "imports",
            {
                "resource_type": kind,
                "inputs": list(rows),
                "skip_errors": skip_errors,
                "reference": reference,
                "reference_origin": ORIGIN,
                "metadata": dict(metadata),
            },
            query=Query(fields=SHOWN),
        )
        return Job.of(document["data"])

    def find(self, reference: str) -> Job | None:
        """The job that was started under this reference: the last one, should there be two."""
        found = self._client.list(
            "imports",
            Query(filters={"reference_eq": reference}, fields=SHOWN, sort=("-created_at",)),
        )
        records = found.get("data") or []
        return Job.of(records[0]) if records else None

    def look(self, job_id: str) -> Job:
        return Job.of(self._client.retrieve("imports", job_id, Query(fields=SHOWN))["data"])

    def full(self) -> bool:
        """Whether the organization has as many jobs as it may, whoever started them."""
        found = self._client.list(
            "imports",
            Query(
                filters={"status_in": "pending,in_progress"},
                fields={"imports": ("status",)},
                page_size=AT_A_TIME,
            ),
        )
        active: int = found.get("meta", {}).get("record_count", len(found.get("data") or []))
        return active >= AT_A_TIME
