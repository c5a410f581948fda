"""The functions in this process, between the target and a mocked AWS."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from connector import aws as clients
from sync.handler import handler
from tests.component import http_api
from tests.conftest import REGION, LambdaContext, create_table
from tests.contract.shop import Shop

API = "/instances/default/api"
JSON_API_HEADERS = {"accept": http_api.JSON_API, "content-type": http_api.JSON_API}


@dataclass(frozen=True)
class Api:
    """Calls the `api` function as API Gateway does, and comes back when it is told to wait."""

    shop: Shop

    def __call__(self, *call: Any, **more: Any) -> http_api.Result:
        while True:
            result = http_api.call(*call, **more)
            if result.status != 429:
                return result
            self.shop.sleep(float(result.headers["retry-after"]))

    def create(self, kind: str, **attributes: Any) -> dict[str, Any]:
        """A record in the flat form."""
        body = self.shop.attributes(kind, **attributes)
        result = self("POST", f"{API}/{kind}", body=body)
        assert result.status == 201, result.body
        created: dict[str, Any] = result.json()
        return created


@dataclass(frozen=True)
class Sync:
    """The `sync` function with a table and a bus; a rule puts what it publishes into a queue."""

    queue: str
    forget: Callable[[], None]

    def __call__(self, stream: str, **event: str) -> dict[str, Any]:
        """One run, by a container that remembers nothing of the run before."""
        self.forget()
        asked = {"instance": "default", "stream": stream, **event}
        return handler(asked, LambdaContext(remaining_ms=900_000))

    def published(self) -> list[dict[str, Any]]:
        """The details of the events since the last look."""
        sqs = boto3.client("sqs", region_name=REGION)
        details = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            details += [json.loads(message["Body"])["detail"] for message in messages]
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return details


def make_bus_and_table() -> str:
    """What template.yaml makes of them; returns the address of a queue behind the bus."""
    sqs, events = boto3.client("sqs", region_name=REGION), clients.client("events")
    queue: str = sqs.create_queue(QueueName="consumer")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.create_event_bus(Name="bus")
    pattern = json.dumps({"source": [{"prefix": "commerce-layer."}]})
    events.put_rule(Name="all", EventBusName="bus", EventPattern=pattern)
    targets: list[Any] = [{"Id": "queue", "Arn": arn["QueueArn"]}]
    events.put_targets(Rule="all", EventBusName="bus", Targets=targets)
    create_table(clients.client("dynamodb"), "table")
    return queue
