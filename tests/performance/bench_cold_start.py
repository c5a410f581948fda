"""What a cold start costs, from the built artefacts, in the Lambda runtime.

    make bench
    python -m tests.performance.bench_cold_start 20 webhooks    # so often, this function alone

Three variants of each function, in turn, each in a fresh process:

    built     as `sam build` leaves it
    default   the same files without bytecode, as SAM's own build ships them
    floor     a generated handler that does nothing but import the third-party packages that the
              function has in `sys.modules` after one real invocation, and make the same clients

`init` is the runtime's own figure (INIT REPORT of the emulator); `first answer` is from the start
of the first invocation, so with init, to its answer. Medians, and their ratios; the times are
this machine's.
"""

import compileall
import json
import logging
import py_compile
import re
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from local.lambda_runtime import LambdaRuntime
from local.stack import deployment
from local.tools import BUILD
from tests.conftest import CREDENTIALS, REGION, create_table
from tests.performance.bench_webhooks import SECRET, TOPIC, delivery
from tests.performance.simulator_process import simulator_process

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH

# Package -> function, what it is called with, what it has clients of.
FUNCTIONS: dict[str, tuple[str, Callable[[], Any], tuple[str, ...]]] = {
    "api": (
        "ApiFunction",
        lambda: json.loads(Path("events/api/list_skus.json").read_text()),
        ("secretsmanager",),
    ),
    "sync": (
        "SyncFunction",
        lambda: {"instance": "default", "stream": "orders"},
        ("secretsmanager", "dynamodb", "events"),
    ),
    "webhooks": ("WebhooksFunction", delivery, ("secretsmanager", "dynamodb", "events")),
}

# Stands beside the function's own package, calls it, and tells what that has loaded.
PROBE = """
import sys
from {package}.handler import handler as real

def handler(event, context):
    answer = real(event, context)
    return {{"answer": answer, "modules": sorted(sys.modules)}}
"""

FLOOR = """
{imports}
import botocore.session
from botocore.config import Config

session = botocore.session.get_session()
clients = [session.create_client(name, config=Config()) for name in {services}]
if "httpx" in globals():
    transport = httpx.HTTPTransport(verify=httpx.create_ssl_context(trust_env=False))

def handler(event, context):
    return {{}}
"""


@dataclass(frozen=True)
class Variant:
    handler: str
    code: Path
    layer: Path


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """AWS (moto) and Commerce Layer (simulator), reachable from other processes."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        with simulator_process(seed=25) as simulator:
            variables = {
                "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port()),
                "AWS_DEFAULT_REGION": REGION,
                "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "COMMERCE_LAYER_API_URL": simulator.api_url,
                "COMMERCE_LAYER_AUTH_URL": simulator.auth_url,
                "POWERTOOLS_METRICS_NAMESPACE": "bench",
                "POWERTOOLS_SERVICE_NAME": "bench",
                "EVENT_BUS": "bench",
                "TABLE": "bench",
                "CLAIM_CHECK_BUCKET": "bench",
                "WEBHOOK_QUEUE": "bench",
            }
            session = boto3.Session("testing", "testing", region_name=REGION)
            endpoint = variables["AWS_ENDPOINT_URL"]
            session.client("secretsmanager", endpoint_url=endpoint).create_secret(
                Name="commerce-layer/default", SecretString=json.dumps(dict(CREDENTIALS))
            )
            session.client("events", endpoint_url=endpoint).create_event_bus(Name="bench")
            session.client("secretsmanager", endpoint_url=endpoint).create_secret(
                Name="commerce-layer-webhooks/default", SecretString=json.dumps({TOPIC: [SECRET]})
            )
            create_table(session.client("dynamodb", endpoint_url=endpoint), "bench")
            yield variables
    finally:
        server.stop()


def start(function: str, variant: Variant, variables: dict[str, str], event: Any) -> Any:
    """One fresh process: (init ms, first answer ms, the answer)."""
    configuration = {
        "Handler": variant.handler,
        "Timeout": 60,
        "MemorySize": 512,
        "Environment": {"Variables": variables},
    }
    with LambdaRuntime(function, configuration, {}, code=variant.code, layer=variant.layer) as one:
        invocation = one.invoke(event)
        assert not invocation.failed, (invocation.payload, one.log())
        init = re.search(r"INIT REPORT\(durationMs: ([0-9.]+)\)", one.log())
        assert init, one.log()
        return float(init[1]), invocation.seconds * 1000, invocation.payload


def third_party(layer: Path, modules: list[str]) -> list[str]:
    """Top-level packages of the layer, without our own."""
    shipped = {path.stem for path in (layer / "python").iterdir() if path.suffix in ("", ".py")}
    return sorted({name.split(".")[0] for name in modules} & shipped - {"connector"})


def without_bytecode(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def main(processes: int = 10, *only: str) -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with environment() as variables, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with deployment.the_build():
            deployment.build(folder / "build.log")
            shutil.copytree(BUILD, folder / "built")
        for package, (function, event, services) in FUNCTIONS.items():
            if only and package not in only:
                continue
            layer, code = folder / "built" / "ConnectorLayer", folder / "built" / function
            probe = folder / f"{package}-probe"
            shutil.copytree(code, probe)
            (probe / "probe.py").write_text(PROBE.format(package=package))
            *_, probed = start(function, Variant("probe.handler", probe, layer), variables, event())
            packages = third_party(layer, probed["modules"])

            floor = folder / f"{package}-floor"
            floor.mkdir()
            imports = "\n".join(f"import {each}" for each in packages)
            (floor / "floor.py").write_text(FLOOR.format(imports=imports, services=services))
            # Lambda would have bytecode of it too.
            compileall.compile_dir(floor, quiet=1, invalidation_mode=UNCHECKED)

            handler = f"{package}.handler.handler"
            plain = without_bytecode(folder / "built", folder / f"{package}-default")
            variants = {
                "built": Variant(handler, code, layer),
                "default": Variant(handler, plain / function, plain / "ConnectorLayer"),
                "floor": Variant("floor.handler", floor, layer),
            }
            measured = defaultdict[str, list[tuple[float, float]]](list)
            for _ in range(processes):
                for title, variant in variants.items():
                    init, first, _answer = start(function, variant, variables, event())
                    measured[title].append((init, first))
            report(package, packages, measured)


def report(package: str, packages: list[str], measured: dict[str, list[Any]]) -> None:
    print(f"{package}: {len(measured['built'])} processes of each; loads {', '.join(packages)}")
    medians = {
        k: [statistics.median(each) for each in zip(*v, strict=True)] for k, v in measured.items()
    }
    for title, (init, first) in medians.items():
        print(f"  {title:8} init {init:6.0f} ms   first answer {first:6.0f} ms")
    ours = medians["built"]
    for other in ("default", "floor"):
        init, first = (a / b for a, b in zip(ours, medians[other], strict=True))
        print(f"  built / {other:8} init {init:.2f}   first answer {first:.2f}")


if __name__ == "__main__":
    main(int((sys.argv[1:2] or ["10"])[0]), *sys.argv[2:])
