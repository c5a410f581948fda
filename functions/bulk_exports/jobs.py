"""Export jobs of Commerce Layer: asked for, found again by their reference, looked at together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.commerce_layer.client import Client
from connector.commerce_layer.query import MAX_PAGE_SIZE, Query
from connector.errors import RequestRefused
from connector.exporting import Order

ORIGIN = "commerce-layer-connector"
SHOWN = {
    "exports": (
        "status",
        "reference",
        "records_count",
        "processed_count",
        "attachment_url",
        "errors_log",
    )
}
# What an organization may have at a time, unless Commerce Layer was asked for more.
AT_A_TIME = 10
ACTIVE = ("pending", "in_progress")


class Empty(Exception):
    """Nothing matches: Commerce Layer refuses to export nothing."""


class TooMany(Exception):
    """More match than one job takes."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class Full(Exception):
    """The organization has as many jobs as it may, whoever started them."""


@dataclass(frozen=True, slots=True)
class Job:
    """As it was seen last. `address` is signed: it is a secret for the minutes that it lives."""

    id: str
    reference: str
    status: str
    address: str | None
    count: int | None
    reason: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Job":
        attributes = record.get("attributes") or {}
        return cls(
            id=record["id"],
            reference=attributes.get("reference") or "",
            status=attributes.get("status") or "pending",
            address=attributes.get("attachment_url"),
            count=attributes.get("records_count"),
            reason=_reason(attributes.get("errors_log")),
        )

    @property
    def promise(self) -> int:
        """Of several with one reference, the highest is the one to go on with."""
        return {"failed": 0, "interrupted": 0, "completed": 2}.get(self.status, 1)


class Jobs:
    """All through one client: its rate budget, its deadline."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self, order: Order, bounds: Mapping[str, str], reference: str) -> Job:
        """Raises Empty, TooMany, Full, RequestRefused, and what sending raises."""
        attributes: dict[str, Any] = {
            "resource_type": order.resource,
            "format": "csv" if order.format == "csv" else "json",
            "filters": {**order.filters, **bounds},
            "reference": reference,
            "reference_origin": ORIGIN,
        }
        if order.includes:
            attributes["includes"] = list(order.includes)
        if order.fields:
            attributes["fields"] = list(order.fields)
        try:
            document = self._client.create("exports", attributes, query=Query(fields=SHOWN))
        except RequestRefused as refusal:
            self._understand(refusal)
            raise
        return Job.of(document["data"])

    def find(self, references: Iterable[str]) -> dict[str, Job]:
        """By reference; one request for 25 of them."""
        found: dict[str, Job] = {}
        asked = sorted(references)
        for at in range(0, len(asked), MAX_PAGE_SIZE):
            for record in self._page(asked[at : at + MAX_PAGE_SIZE]):
                job = Job.of(record)
                other = found.get(job.reference)
                if other is None or other.promise < job.promise:
                    found[job.reference] = job
        return found

    def look(self, job_id: str) -> Job:
        """With a fresh address."""
        return Job.of(self._client.retrieve("exports", job_id, Query(fields=SHOWN))["data"])

    def _page(self, references: Sequence[str]) -> list[Mapping[str, Any]]:
        query = Query(
            filters={"reference_in": ",".join(references)},
            fields=SHOWN,
            sort=("-created_at",),
            page_size=MAX_PAGE_SIZE,
        )
        records: list[Mapping[str, Any]] = self._client.list("exports", query).get("data") or []
        return records

    def _understand(self, refusal: RequestRefused) -> None:
        """How a refusal for want of a slot is told is nowhere written down: it is asked after."""
        reasons = {each["error"]: each for each in map(_meta, refusal.errors) if "error" in each}
        if "greater_than" in reasons:
            raise Empty from None
        if refusal.status in (409, 422, 423) and self._full():
            raise Full from None
        if "less_than_or_equal_to" in reasons:
            raise TooMany(_number(reasons["less_than_or_equal_to"])) from None

    def _full(self) -> bool:
        found = self._client.list(
            "exports",
            Query(
                filters={"status_in": ",".join(ACTIVE)},
                fields={"exports": ("status",)},
                page_size=1,
            ),
        )
        return int((found.get("meta") or {}).get("record_count") or 0) >= AT_A_TIME


def _meta(error: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = error.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def _number(meta: Mapping[str, Any]) -> int:
    value = meta.get("value")
    return value if isinstance(value, int) else 0


def _reason(log: Any) -> str:
    """`{"RuntimeError": "query timeout"}` in one line."""
    if isinstance(log, Mapping):
        return "; ".join(f"{name}: {text}" for name, text in log.items())[:200]
    return str(log)[:200] if log else ""
