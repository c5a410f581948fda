"""docs/operations.md as an operator follows it: its commands on streams, in the local AWS."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Simulator
from local.stack import Stack, Subscription, deployment, local_stack
from local.tools import ROOT
from tests.runtime.conftest import needs_tools
from tests.runtime.test_readme import bash

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
# Those on dead letters are in test_redrive.py.
COMMANDS = re.findall(r"```sh\n(.*?)```", TEXT.partition("## Dead letters")[0], re.DOTALL)
BEGIN, LOOK, INVOKE, PAUSE, RESET, CHECK, ACCEPT, REPLAY, END_REPLAY, ARCHIVE = COMMANDS


@pytest.fixture(scope="module")
def strict(shop: Simulator) -> Iterator[Stack]:
    with local_stack(shop, enforce_roles=True, parameters={"ScheduleState": "DISABLED"}) as stack:
        yield stack


class Operator:
    """Somebody with a shell in which the first block of the page has been run."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack, self._directory, self._shell = stack, directory, ""
        begin = BEGIN.replace("commerce-layer-connector", deployment.STACK)
        said = self.run(f"{begin}\ndeclare -p API BUS_ARN SYNC; declare -f request")
        # The emulator serves the API under an address of its own.
        self._shell = f"{said}\nAPI={stack.url}\n"

    def run(self, commands: str) -> str:
        return bash(self._shell + commands, self.stack.aws.environment, self._directory)

    def asked(self, commands: str) -> list[dict[str, Any]]:
        """JSON objects, one behind the other, on one line or on many."""
        text, decoder, found = self.run(commands).strip(), json.JSONDecoder(), []
        while text:
            answer, end = decoder.raw_decode(text)
            found.append(answer)
            text = text[end:].lstrip()
        return found

    def sync(self, stream: str) -> dict[str, Any]:
        """What the page's command for a run answers."""
        (answer, *_) = self.asked(INVOKE.replace("orders", stream))
        return answer

    def state(self, stream: str) -> dict[str, Any]:
        state: dict[str, Any] = self.stack.request(
            "GET", f"/instances/default/streams/{stream}"
        ).json()
        return state


@pytest.fixture(scope="module")
def operator(strict: Stack, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(strict, tmp_path_factory.mktemp("operator"))


def test_streams_tell_how_they_are(operator: Operator) -> None:
    assert operator.sync("orders")["outcome"] == "done"
    *listed, orders = operator.asked(LOOK)
    assert {"orders", "captures", "markets"} <= {each["name"] for each in listed}
    assert orders["bookmark"] is not None
    assert orders["last_run"]["complete"] is True


def test_a_stream_is_paused_and_resumed(operator: Operator) -> None:
    pause, resume = PAUSE.strip().splitlines()
    assert operator.asked(pause)[0]["paused_at"] is not None
    assert operator.sync("orders")["outcome"] == "paused"
    assert operator.asked(resume)[0]["paused_at"] is None
    assert operator.sync("orders")["outcome"] == "done"


def test_a_first_load_is_wished_and_done(operator: Operator, shop: Simulator) -> None:
    wished = operator.asked(RESET)
    assert [each["reset_from"] for each in wished] == ["full", "2026-01-31"]
    assert operator.sync("customers")["published"] == len(shop.store.all("customers"))
    assert operator.state("customers")["reset_from"] is None


def test_deleted_records_are_found_refused_and_accepted(
    operator: Operator, shop: Simulator
) -> None:
    made = [shop.store.put("skus", {"code": f"GONE-{number}"}) for number in range(30)]
    operator.sync("skus")
    consumer = operator.stack.subscribe({"detail-type": ["skus.deleted"]})
    shop.store.delete("skus", made[0].id)
    assert operator.asked(CHECK)[0]["deletions"]["state"] == "wished"
    assert operator.sync("skus")["deleted"] == 1
    (event,) = consumer.receive()
    assert event["detail"]["change"]["id"] == made[0].id
    for record in made[1:]:
        shop.store.delete("skus", record.id)
    operator.run(CHECK)
    assert operator.sync("skus")["refused"] == len(made) - 1
    operator.run(ACCEPT)
    assert operator.sync("skus")["deleted"] == len(made) - 1


def test_records_are_replayed_as_they_are_now(operator: Operator, shop: Simulator) -> None:
    consumer = operator.stack.subscribe({"detail": {"origin": ["replay"]}})
    commands = REPLAY.replace("2026-02-28T12:00:00Z", "2099-01-01")
    orders, customers, shipments = operator.asked(commands)
    assert [each["topic"] for each in (orders, customers, shipments)] == [
        "orders.changed",
        "customers.changed",
        "shipments.ship",
    ]
    assert operator.sync("orders")["replayed"] == 1
    assert operator.sync("shipments")["replayed"] == len(shop.store.all("shipments"))
    assert operator.asked(END_REPLAY)[0]["replay"] is None
    assert operator.sync("customers")["replayed"] == 0
    topics = {each["detail-type"] for each in consumer.receive(at_least=2)}
    assert topics == {"orders.changed", "shipments.ship"}


def test_what_was_published_comes_again_from_the_archive(
    operator: Operator, shop: Simulator
) -> None:
    """The template's archive does not exist here; one like it is made by hand."""
    events, bus = operator.stack.aws.client("events"), operator.stack.resource("EventBus")
    arn = events.describe_event_bus(Name=bus)["Arn"]
    events.create_archive(
        ArchiveName="archive",
        EventSourceArn=arn,
        EventPattern='{"replay-name": [{"exists": false}]}',
    )
    sqs = operator.stack.aws.client("sqs")
    url = sqs.create_queue(QueueName="changed-orders")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    events.put_rule(
        Name="changed-orders", EventBusName=bus, EventPattern='{"detail-type": ["orders.changed"]}'
    )
    target = {"Id": "queue", "Arn": queue["Attributes"]["QueueArn"]}
    events.put_targets(Rule="changed-orders", EventBusName=bus, Targets=[target])
    operator.run(RESET.strip().splitlines()[1].replace("2026-01-31", "full"))
    published = operator.sync("orders")["published"]
    assert published > 0
    consumer = Subscription(sqs, url)
    first = consumer.receive(at_least=published)
    assert len(first) == published
    started, replay = operator.asked(ARCHIVE)
    assert started["ReplayArn"]
    assert replay["ReplayName"] == "repair-of-orders"
    again = consumer.receive(at_least=published)
    assert {e["detail"]["id"] for e in again} == {e["detail"]["id"] for e in first}
    assert {e["replay-name"] for e in again} == {"repair-of-orders"}
