"""The commands function in this process, between a queue, a bus, and a simulated Commerce Layer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from commands.handler import handler
from connector import aws as clients
from local.simulator import Simulator
from tests.conftest import LambdaContext

ROOT = Path(__file__).parents[2]
RESULT = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs/events/command.json").read_text(encoding="utf-8"))
)
SENT = 1_795_000_000_000  # milliseconds, as SQS tells them


@dataclass
class Commands:
    """`waiting` are the messages of the queue; `delays` what those that come again wait for.

    SQS itself is played here: what is put off comes again at the next `run`, without waiting.
    """

    simulator: Simulator
    waiting: list[dict[str, Any]] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)

    def send(self, *bodies: Any, at: int = SENT) -> None:
        for body in bodies:
            number = str(len(self.waiting) + len(self.details) + 1)
            self.waiting.append(
                {
                    "messageId": f"m-{number}",
                    "receiptHandle": f"r-{number}",
                    "body": body if isinstance(body, str) else json.dumps(body),
                    "attributes": {"SentTimestamp": str(at), "ApproximateReceiveCount": "0"},
                }
            )

    def run(self, milliseconds: int = 120_000) -> list[dict[str, Any]]:
        """All that wait, in one batch: the events that were published for them."""
        before = len(self.details)
        for each in self.waiting:
            counts = each["attributes"]
            counts["ApproximateReceiveCount"] = str(int(counts["ApproximateReceiveCount"]) + 1)
        answer = handler({"Records": self.waiting}, LambdaContext(remaining_ms=milliseconds))
        again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        self.waiting = [each for each in self.waiting if each["messageId"] in again]
        return self.details[before:]

    def do(self, **command: Any) -> dict[str, Any]:
        """One command, and the one event that tells of it."""
        self.send({"command_id": "c-1", "instance": "default", **command})
        (event,) = self.run()
        return event

    def change_message_visibility(self, *, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        self.delays.append(VisibilityTimeout)

    def watch(self) -> None:
        def published(params: Mapping[str, Any], **_: Any) -> None:
            for entry in params["Entries"]:
                detail = json.loads(entry["Detail"])
                RESULT.validate(detail)
                assert entry["DetailType"] == detail["topic"]
                assert entry["Source"] == f"commerce-layer.{detail['instance']}"
                self.details.append(detail)

        events = clients.client("events").meta.events
        events.register("provide-client-params.events.PutEvents", published)
