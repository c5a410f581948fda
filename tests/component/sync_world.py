"""What the sync function stands between: a simulated Commerce Layer, and a mocked AWS."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from botocore.exceptions import ReadTimeoutError

from connector import aws as clients
from connector.commerce_layer import changes
from local.simulator import Simulator
from sync.handler import handler
from tests.conftest import LambdaContext
from tests.property.list_model import printed

ROOT = Path(__file__).parents[2]
ORDERS = {"instance": "default", "stream": "orders"}


@cache
def schema(name: str) -> jsonschema.Draft202012Validator:
    text = (ROOT / f"docs/events/{name}.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def schema_of(detail: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """The one that docs/events.md names for it."""
    if detail["origin"] == "replay":
        return schema("replay")
    return schema(detail["topic"].partition(".")[2])


@dataclass
class Sync:
    """The function and what it touches. `details` are the events the bus has acknowledged."""

    simulator: Simulator
    details: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    refuse: Callable[[int, int], bool] = lambda _call, _position: False
    lose: Callable[[int], bool] = lambda _call: False

    def run(self, event: Mapping[str, Any] = ORDERS, milliseconds: int = 900_000) -> dict[str, Any]:
        return handler(event, LambdaContext(remaining_ms=milliseconds))

    def began(self, event: Mapping[str, Any] = ORDERS) -> None:
        """The stream has its bookmark: now, by the server's clock."""
        self.run(event)
        self.simulator.requests.clear()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.simulator.clock.seconds(), UTC)

    def put(self, count: int) -> list[Any]:
        """Twenty minutes pass; so many orders changed ten minutes ago, a millisecond apart."""
        self.simulator.clock.advance(1200)
        start = self.now() - timedelta(minutes=10)
        return [self.put_at(start + number * changes.MILLISECOND) for number in range(count)]

    def put_at(self, stamp: datetime) -> Any:
        """If the bookmark has passed it, a commit that lands late."""
        return self.simulator.store.put("orders", updated_at=stamp)

    def lists(self) -> int:
        return len(self.simulator.requests.matching("GET", "/api/orders"))

    def ids(self) -> list[str]:
        return [detail["id"] for detail in self.details]

    def versions(self) -> set[tuple[str, str]]:
        return {(d["change"]["id"], d["change"]["updated_at"]) for d in self.details}

    def current(self) -> set[tuple[str, str]]:
        """The newest version of every order, as the API prints it."""
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return {
            (record.id, printed(epoch + timedelta(microseconds=record.updated_at)))
            for record in self.simulator.store.all("orders")
        }

    def state(self) -> dict[str, Any]:
        key = {"pk": {"S": "stream#default#orders"}, "sk": {"S": "state"}}
        item = clients.client("dynamodb").get_item(TableName="table", Key=key)["Item"]
        return {name: next(iter(value.values())) for name, value in item.items()}

    def watch(self) -> None:
        client = clients.client("events")
        entries: list[Any] = []

        def ask(params: Mapping[str, Any], **_: Any) -> None:
            self.calls += 1
            entries[:] = params["Entries"]

        def answer(parsed: dict[str, Any], **_: Any) -> None:
            lost = self.lose(self.calls)
            for position, entry in enumerate(entries):
                if self.refuse(self.calls, position):
                    parsed["Entries"][position] = {"ErrorCode": "ThrottlingException"}
                    continue
                detail = json.loads(entry["Detail"])
                schema_of(detail).validate(detail)
                self.details.append(detail)
            if lost:
                raise ReadTimeoutError(endpoint_url="https://events.test")

        client.meta.events.register("provide-client-params.events.PutEvents", ask)
        client.meta.events.register("after-call.events.PutEvents", answer)


class FastClock:
    """Waiting for the rate limit costs no time: the pacer's clock is moved instead."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
