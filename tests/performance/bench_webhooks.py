"""What a webhook delivery costs, warm, and what a forged one costs.

    make bench

One delivery through the handler of the `webhooks` function, against a bare handler that does what
cannot be done without: parse the body and call PutEvents. CPU seconds of this process, medians of
alternating batches; AWS is moto in a process of its own, so its CPU does not count. The ratios
are the figures: absolute times are this machine's.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import boto3
import httpx

from connector.commerce_layer.signatures import sign
from local.processes import free_port
from tests.conftest import REGION, LambdaContext, create_table

BATCH = 25
SECRET, TOPIC = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "orders.place"
SAMPLE = "events/webhooks/order_placed.json"
NUMBERS = count(1)


@contextmanager
def account() -> Iterator[str]:
    """The address of an AWS with a secret, a bus, a table and a queue."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 30
            while not answers(endpoint):
                assert process.poll() is None, "moto did not start"
                assert time.monotonic() < until, "moto does not answer"
                time.sleep(0.05)
            yield endpoint
        finally:
            process.terminate()


def answers(endpoint: str) -> bool:
    try:
        return httpx.get(f"{endpoint}/moto-api/data.json", timeout=1).is_success
    except httpx.TransportError:
        return False


def provision(endpoint: str) -> None:
    def client(service: str) -> Any:
        make: Callable[..., Any] = boto3.client  # typed for single names, not for any
        return make(service, endpoint_url=endpoint, region_name=REGION)

    client("secretsmanager").create_secret(
        Name="commerce-layer-webhooks/default", SecretString=json.dumps({TOPIC: [SECRET]})
    )
    client("events").create_event_bus(Name="bench")
    create_table(client("dynamodb"), "bench")


def delivery(*, size: int = 0, forged: bool = False) -> dict[str, Any]:
    """A signed delivery of an order that was never there before."""
    with open(SAMPLE, encoding="utf-8") as file:  # noqa: PTH123
        event: dict[str, Any] = json.load(file)
    document = json.loads(event["body"])
    document["data"]["id"] = f"bench{next(NUMBERS)}"
    if size:
        document["data"]["attributes"]["metadata"] = {"x": ""}
        filling = size - len(json.dumps(document))
        document["data"]["attributes"]["metadata"]["x"] = "x" * filling
    event["body"] = json.dumps(document)
    made = sign("somebody else's" if forged else SECRET, event["body"].encode())
    event["headers"]["x-commercelayer-signature"] = made
    return event


def cpu_per_call(call: Callable[[Any], Any], events: list[Any]) -> float:
    begun = time.process_time()
    for event in events:
        call(event)
    return (time.process_time() - begun) / len(events)


def main(rounds: int = 15) -> None:
    os.environ |= {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "webhooks",
        "POWERTOOLS_METRICS_NAMESPACE": "bench",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        "EVENT_BUS": "bench",
        "TABLE": "bench",
    }
    with account() as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        provision(endpoint)
        from connector import aws  # noqa: PLC0415 - they read the environment set above
        from webhooks.handler import handler  # noqa: PLC0415

        bus = aws.client("events", aws.QUICK)

        def bare(event: dict[str, Any]) -> dict[str, Any]:
            record = json.loads(event["body"])
            entry: Any = {"EventBusName": "bench", "Source": "bench", "DetailType": TOPIC}
            entry["Detail"] = json.dumps(record)
            answer = bus.put_events(Entries=[entry])
            assert answer["FailedEntryCount"] == 0
            return {"statusCode": 200}

        def ours(event: dict[str, Any]) -> dict[str, Any]:
            answer = handler(event, LambdaContext(remaining_ms=15_000))
            assert answer["body"] == '{"outcome": "published"}', answer
            return answer

        def refused(event: dict[str, Any]) -> dict[str, Any]:
            answer = handler(event, LambdaContext(remaining_ms=15_000))
            assert answer["statusCode"] == 401, answer
            return answer

        # Each with its deliveries: making them is not counted.
        calls: dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]] = {
            "bare: parse, PutEvents": (bare, delivery),
            "webhooks": (ours, delivery),
            "forged": (refused, lambda: delivery(forged=True)),
            "forged, 1 MB": (refused, lambda: delivery(forged=True, size=1_000_000)),
        }
        # Metrics are printed to stdout by each invocation, as on Lambda.
        stdout, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115, PTH123
        samples: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(rounds + 1):
            for name, (call, make) in calls.items():
                spent = cpu_per_call(call, [make() for _ in range(BATCH)])
                if turn:  # the first is to warm up
                    samples[name].append(spent)
        sys.stdout = stdout
    floor = statistics.median(samples["bare: parse, PutEvents"])
    for name, values in samples.items():
        median = statistics.median(values)
        print(f"{name:28} {median * 1000:7.3f} ms CPU   ratio {median / floor:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
