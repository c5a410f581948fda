"""The tasks of bulk_exports in this process, in the order of the state machine.

It is no interpreter of its definition: tests/runtime runs that. Here the time of waits is moved on.
"""

import gzip
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from bulk_exports import tasks
from bulk_exports.handler import handler
from connector import aws, connections
from connector.commerce_layer.client import Session
from connector.commerce_layer.transport import Transport
from connector.job_slots import JobSlots
from connector.ledger import Ledger
from connector.settings import settings
from local.simulator import Simulator
from tests.conftest import REGION, LambdaContext, create_table

BUCKET = "transfers"
MOST_STEPS = 300
ORDERS = {"instance": "default", "resource": "orders"}


class Clock:
    """Runs on where somebody would wait."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Exports:
    """`details` are the events that the bus acknowledged; `between` is called between rounds."""

    simulator: Simulator
    clock: Clock
    details: list[dict[str, Any]] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    def put(self, count: int, kind: str = "orders") -> list[str]:
        """Their ids, in the order of the server."""
        return [self.simulator.store.put(kind).id for _ in range(count)]

    def task(self, name: str, milliseconds: int = 840_000, **event: Any) -> dict[str, Any]:
        given = {"task": name, "execution": "e1", **event}
        return handler(given, LambdaContext(remaining_ms=milliseconds))

    def run(self, order: Mapping[str, Any] = ORDERS, execution: str = "e1") -> dict[str, Any]:
        """From the order to what the API tells in the end."""
        step = self.task("plan", execution=execution, order=dict(order))
        for _ in range(MOST_STEPS):
            if step["status"] == "ended":
                break
            self.clock.sleep(step["wait"])
            self.between()
            self.simulator.wait_until_idle()
            step = self.task("work", execution=execution, export=step["export"])
        assert step["status"] == "ended", "the export does not come to its end"
        self.task("finish", execution=execution, export=step["export"])
        return self.told(step["export"])

    def told(self, export: str = "e1") -> dict[str, Any]:
        key = {"pk": {"S": f"export#{export}"}, "sk": {"S": "about"}}
        item = aws.client("dynamodb").get_item(TableName="table", Key=key)["Item"]
        found: dict[str, Any] = json.loads(item["doc"]["S"])
        return found

    def manifest(self, told: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.object(told["manifest"]))
        return found

    def object(self, key: str) -> bytes:
        body: bytes = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def text(self, part: Mapping[str, Any]) -> str:
        """What is in a part, which is as the manifest says."""
        packed = self.object(part["key"])
        assert hashlib.sha256(packed).hexdigest() == part["sha256"]
        assert len(packed) == part["bytes"]
        return gzip.decompress(packed).decode()

    def exported(self, manifest: Mapping[str, Any]) -> list[str]:
        """The ids, in the order of the parts; each part is as the manifest says."""
        found = []
        for part in manifest["parts"]:
            if part["key"] is None:
                assert part["count"] == 0
                continue
            ids = [json.loads(line)["id"] for line in self.text(part).splitlines()]
            assert len(ids) == part["count"]
            assert (ids[0], ids[-1]) == (part["first_id"], part["last_id"])
            assert gzip.decompress(self.object(part["ids_key"])).decode().split() == ids
            found += ids
        return found

    def jobs(self) -> int:
        return len(self.simulator.store.all("exports"))

    def spent(self, method: str | None = None, path: str = "/api/") -> int:
        return len(self.simulator.requests.matching(method, path))


@contextmanager
def export_world(simulator: Simulator, window: int) -> Iterator[Exports]:
    """The function connected to `simulator`, in an AWS that has nothing in it yet."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "EVENT_BUS": "bus",
            "TABLE": "table",
            "CLAIM_CHECK_BUCKET": "claims",
            "TRANSFER_BUCKET": BUCKET,
            "EXPORT_WINDOW": str(window),
        }.items():
            patch.setenv(name, value)
        settings.cache_clear()
        aws.forget()
        bus = aws.client("events")
        bus.create_event_bus(Name="bus")
        create_table(aws.client("dynamodb"), "table")
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        clock, transport = Clock(), Transport()
        timed = partial(Session, clock=clock, sleep=clock.sleep)
        patch.setattr(connections, "Session", lambda given, load, _: timed(given, load, transport))
        patch.setattr(tasks, "Ledger", partial(Ledger, clock=clock))
        patch.setattr(tasks, "JobSlots", partial(JobSlots, clock=clock))
        running = Exports(simulator, clock)
        acknowledged = bus.put_events

        def noting(**request: Any) -> Any:
            answer = acknowledged(**request)
            running.details += [json.loads(entry["Detail"]) for entry in request["Entries"]]
            return answer

        patch.setattr(bus, "put_events", noting)
        yield running
        transport.close()
        aws.forget()
        settings.cache_clear()
