"""The tasks of bulk_imports in this process, in the order of the state machine.

It is no interpreter of its definition: tests/runtime runs that. Here the time of waits is moved on.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bulk_imports.handler import handler
from connector import aws
from local.simulator import Simulator
from tests.component.sync_world import schema
from tests.conftest import LambdaContext

BUCKET = "transfers"
MAX_STEPS = 500


class Clock:
    """The ledger's, and the rate limiter's: what waits costs no time."""

    def __init__(self) -> None:
        self.now = 1_772_366_400.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Imports:
    """`details` are the events that the bus acknowledged."""

    simulator: Simulator
    clock: Clock
    details: list[dict[str, Any]] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    def upload(
        self, key: str, body: str | bytes, metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object, and what EventBridge tells of it."""
        content = body.encode() if isinstance(body, str) else body
        answer = aws.client("s3").put_object(
            Bucket=BUCKET, Key=key, Body=content, Metadata=dict(metadata or {})
        )
        return {
            "bucket": {"name": BUCKET},
            "object": {
                "key": key,
                "size": len(content),
                "etag": answer["ETag"].strip('"'),
                "sequencer": uuid4().hex,
            },
        }

    def task(self, name: str, milliseconds: int = 840_000, /, **event: Any) -> dict[str, Any]:
        return handler({"task": name, **event}, LambdaContext(remaining_ms=milliseconds))

    def plan(self, detail: Mapping[str, Any], milliseconds: int = 840_000) -> dict[str, Any]:
        return self.task("plan", milliseconds, execution="e1", detail=detail)

    def carry(self, import_id: str, chunk: int = 1) -> dict[str, Any]:
        return self.task("carry", **{"import": import_id, "chunk": chunk})

    def run(
        self, key: str, body: str | bytes, metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """From the upload to the summary."""
        planned = self.plan(self.upload(key, body, metadata))
        return self.carry_all(planned)

    def carry_all(self, planned: Mapping[str, Any]) -> dict[str, Any]:
        """Chunks by turns, as a Map runs them side by side; then the report."""
        open_chunks = list(planned["chunks"])
        for _ in range(MAX_STEPS):
            if not open_chunks:
                break
            waits = []
            for chunk in list(open_chunks):
                step = self.carry(planned["import"], chunk)
                if step["status"] == "done":
                    open_chunks.remove(chunk)
                else:
                    waits.append(step["seconds"])
            self.clock.now += min(waits, default=0)
            self.between()
            self.simulator.wait_until_idle()
        assert not open_chunks, "the import does not come to its end"
        return self.report(planned["import"])

    def report(self, import_id: str) -> dict[str, Any]:
        result = self.task("report", **{"import": import_id})
        events = [d for d in self.details if d["topic"] == "import.completed"]
        summary: dict[str, Any] = events[-1]["resource"]
        assert summary["status"] == result["status"]
        return summary

    def lines(self, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The report, line by line."""
        return [json.loads(line) for line in self.text(summary["report"]).splitlines()]

    def watch(self) -> None:
        client = aws.client("events")

        def ask(params: Mapping[str, Any], **_: Any) -> None:
            for entry in params["Entries"]:
                detail = json.loads(entry["Detail"])
                name = "import" if detail["topic"] == "import.completed" else "imported"
                schema(name).validate(detail)
                assert entry["DetailType"] == detail["topic"]
                self.details.append(detail)

        client.meta.events.register("provide-client-params.events.PutEvents", ask)

    def text(self, key: str) -> str:
        body = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return gzip.decompress(body).decode()

    def spent(self, prefix: str = "/api/") -> list[tuple[str, str]]:
        return [(each.method, each.path) for each in self.simulator.requests.matching(None, prefix)]
