"""What a warm request costs beyond its HTTP call.

    make bench

One `GET /instances/default/api/skus/{id}` through the handler of the `api` function, against one
bare httpx GET of the same record with the token in hand, on a kept-alive connection. CPU seconds
of this process, medians of alternating batches; the simulator runs in a process of its own, so
its CPU does not count. The ratio is the figure: absolute times are this machine's.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from moto import mock_aws

from tests.conftest import REGION, LambdaContext, put_secret
from tests.performance.simulator_process import simulator_process

BATCH = 50


def cpu_per_call(call: Callable[[], Any]) -> float:
    start = time.process_time()
    for _ in range(BATCH):
        call()
    return (time.process_time() - start) / BATCH


def event(sku_id: str, accept: str) -> dict[str, Any]:
    sample = json.loads(open("events/api/retrieve_sku.json").read())  # noqa: SIM115, PTH123
    path = f"/instances/default/api/skus/{sku_id}"
    sample["rawPath"] = path
    sample["requestContext"]["http"]["path"] = path
    sample["pathParameters"] = {"instance": "default", "resource": "skus", "id": sku_id}
    sample["rawQueryString"] = ""
    sample["headers"]["accept"] = accept
    return dict(sample)


def main(rounds: int = 20) -> None:
    os.environ |= {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "api",
        "POWERTOOLS_METRICS_NAMESPACE": "bench",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }
    with simulator_process(seed=20) as simulator, mock_aws():
        os.environ["COMMERCE_LAYER_API_URL"] = simulator.api_url
        os.environ["COMMERCE_LAYER_AUTH_URL"] = simulator.auth_url
        put_secret()
        from api.handler import handler  # noqa: PLC0415 - it reads the environment set above

        with httpx.Client(headers=simulator.headers()) as bare:
            sku = bare.get(f"{simulator.api_url}/skus?page[size]=1").json()["data"][0]["id"]
            url = f"{simulator.api_url}/skus/{sku}"
            flat, raw = event(sku, "application/json"), event(sku, "application/vnd.api+json")
            calls: dict[str, Callable[[], Any]] = {
                "bare httpx GET": lambda: bare.get(url).raise_for_status(),
                "application/vnd.api+json": lambda: handler(raw, LambdaContext()),
                "application/json (flat)": lambda: handler(flat, LambdaContext()),
            }
            for name, call in calls.items():  # warm up, and be sure that it is the real thing
                answer = call()
                if not name.startswith("bare"):
                    assert answer["statusCode"] == 200, answer
                    assert sku in answer["body"]
            # Metrics are printed to stdout by each invocation, as on Lambda.
            stdout, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115, PTH123
            samples = {name: [] for name in calls}  # type: dict[str, list[float]]
            for _ in range(rounds):
                for name, call in calls.items():
                    samples[name].append(cpu_per_call(call))
            sys.stdout = stdout
    floor = statistics.median(samples["bare httpx GET"])
    for name, values in samples.items():
        median = statistics.median(values)
        print(f"{name:28} {median * 1000:7.3f} ms CPU   ratio {median / floor:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
