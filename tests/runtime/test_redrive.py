"""Dead letters: the bus breaks, every queue fills, the bus heals, and all of it arrives.

The commands are those of docs/operations.md, run as they stand there.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.simulator import Simulator
from local.stack import Stack
from local.stack.deployment import STACK
from local.tools import ROOT
from tests.runtime.conftest import needs_tools
from tests.runtime.deliveries import deliver, order, wait
from tests.runtime.test_readme import bash

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

SECTION = (ROOT / "docs/operations.md").read_text("utf-8").partition("## Dead letters\n")[2]
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", SECTION.partition("\n## ")[0], re.DOTALL)
QUEUES = ("WebhookDeadLetters", "SyncFailures", "ScheduleDeadLetters")
TICK = {"instance": "default", "stream": "customers"}


@contextmanager
def bus_down(stack: Stack, *functions: str) -> Iterator[None]:
    """Nobody answers where these functions look for EventBridge."""
    client, before = stack.aws.client("lambda"), {}
    for name in functions:
        configuration = stack.function(name)
        before[name] = configuration["Environment"]["Variables"]
        configure(client, stack.resource(name), before[name] | NOWHERE)
    try:
        yield
    finally:
        for name, variables in before.items():
            configure(client, stack.resource(name), variables)


NOWHERE = {"AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:9"}


def configure(client: Any, function: str, variables: dict[str, str]) -> None:
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables}
    )


@contextmanager
def impatient(stack: Stack) -> Iterator[None]:
    """Two attempts within seconds, instead of a hundred within hours."""
    sqs, url = stack.aws.client("sqs"), stack.resource("WebhookQueue")
    names = ["RedrivePolicy", "VisibilityTimeout"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 2}
    soon = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "1"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=soon)
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def depth(stack: Stack, queue: str) -> int:
    attributes = stack.aws.client("sqs").get_queue_attributes(
        QueueUrl=stack.resource(queue), AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def make(stack: Stack, command: str) -> str:
    """What is installed is not installed again, whatever the clock says."""
    command = command.replace("make ", "make --assume-old=.venv/.installed ")
    return bash(command, stack.aws.environment | {"STACK": STACK}, ROOT)


@pytest.mark.timeout(300)
def test_what_could_not_be_done_is_done_later(stack: Stack, shop: Simulator) -> None:
    aws = stack.aws
    run = {"FunctionName": stack.resource("SyncFunction"), "Payload": json.dumps(TICK)}
    assert "FunctionError" not in aws.client("lambda").invoke(**run), "the stream has begun"
    consumer = stack.subscribe()
    with impatient(stack), bus_down(stack, "WebhooksFunction", "SyncFunction"):
        placed = order()
        assert deliver(stack, placed).json() == {"outcome": "queued"}
        (customer, *_) = [record.id for record in shop.store.all("customers")]
        shop.store.update("customers", customer, {"metadata": {"redriven": True}})
        aws.client("lambda").invoke(**run, InvocationType="Event")
        # The scheduler of the local AWS gives up in silence; AWS's leaves this:
        aws.client("sqs").send_message(
            QueueUrl=stack.resource("ScheduleDeadLetters"),
            MessageBody=json.dumps({**TICK, "scheduled_time": "2026-03-01T12:00:00Z"}),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text}
                for name, text in {
                    "TARGET_ARN": stack.function("SyncFunction")["FunctionArn"],
                    "ERROR_CODE": "TooManyRequestsException",
                }.items()
            },
        )
        wait(lambda: all(depth(stack, queue) for queue in QUEUES), within=90)
    assert consumer.receive(at_least=0) == []

    overview, dry_run, *redrives = COMMANDS.strip().splitlines()
    for queue in QUEUES:
        assert re.search(rf" 1 in {queue}\n", make(stack, overview))
    assert "topic=orders.place" in make(stack, f"{dry_run} || true")
    assert [depth(stack, queue) for queue in QUEUES] == [1, 1, 1], "nothing was sent"
    said = [make(stack, command) for command in redrives]
    assert "1 sent: instance=default topic=orders.place" in said[0]
    assert "-> WebhookQueue" in said[0]
    assert "1 sent: instance=default stream=customers -> SyncFunction" in said[1]
    assert "-> SyncFunction (TooManyRequestsException)" in said[2]
    assert [depth(stack, queue) for queue in QUEUES] == [0, 0, 0]

    # Customers that other tests changed a moment ago come too.
    found, awaited = set(), {("webhook", json.loads(placed)["data"]["id"]), ("sync", customer)}

    def arrived() -> bool:
        for event in consumer.receive(at_least=0):
            found.add((event["detail"]["origin"], event["detail"]["change"]["id"]))
        return found >= awaited

    # A delivery sent again within the 20 s that its last attempt claimed it for is put back, and
    # comes after the queue's visibility timeout of 90 s.
    wait(arrived, within=150)
