"""The functions in the Lambda runtime: the built code and layer, nothing else to lean on."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.lambda_runtime import Invocation, LambdaRuntime
from local.simulator import Simulator
from local.stack import Stack
from local.tools import FUNCTIONS, LAYER, ROOT
from tests.runtime.conftest import needs_tools, taken_by_webhooks

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

SAMPLES = sorted(
    (package, path.name)
    for package in FUNCTIONS
    for path in (ROOT / "events" / package).glob("*.json")
)
# Each costs a cold start tens of milliseconds; what needs one of them says so in docs/decisions.
FORBIDDEN = {
    "aws_xray_sdk",
    "pydantic",
    "boto3.resources",
    "email.mime",
    "fastjsonschema",
    "jsonschema",
    "asyncio",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.parser",
}
SPY = """
import sys
from {module} import handler as inner

def handler(event, context):
    answer = inner(event, context)
    return {{"answer": answer, "modules": sorted(sys.modules)}}
"""


@contextmanager
def running(
    stack: Stack, function: str, simulator: Simulator | None = None, **configuration: Any
) -> Iterator[LambdaRuntime]:
    """`function` as it is deployed, with another Commerce Layer or configuration if given."""
    environment = dict(stack.aws.environment)
    if simulator:
        environment["COMMERCE_LAYER_API_URL"] = simulator.api_url
        environment["COMMERCE_LAYER_AUTH_URL"] = simulator.auth_url
    deployed = {**stack.function(function), **configuration}
    with LambdaRuntime(function, deployed, environment) as runtime:
        yield runtime


def sample(package: str, name: str) -> Any:
    return json.loads((ROOT / "events" / package / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def containers(stack: Stack) -> Iterator[dict[str, LambdaRuntime]]:
    """One warm container a function."""
    with ExitStack() as all_of_them:
        yield {
            package: all_of_them.enter_context(running(stack, function))
            for package, function in FUNCTIONS.items()
        }


@pytest.mark.parametrize(("package", "name"), SAMPLES)
def test_every_sample_gets_an_answer(
    containers: dict[str, LambdaRuntime], package: str, name: str
) -> None:
    """Samples are for people to run: none may end in an exception or a server fault."""
    answer = containers[package].invoke(sample(package, name))
    assert not answer.failed, answer.payload
    if package == "api":
        assert 200 <= answer.payload["statusCode"] < 500, answer.payload
        assert answer.payload["headers"]
    elif package in ("sync", "guardian"):
        assert answer.payload["outcome"] == "done"
    elif package == "bulk_imports":
        assert answer.payload["status"] in ("report", "ignored", "failed"), answer.payload
    elif package == "bulk_exports":
        assert answer.payload["status"] in ("working", "ended", "failed"), answer.payload
    else:
        taken_by_webhooks(answer.payload)


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("api", "retrieve_sku.json"),
        ("sync", "orders-full.json"),
        ("webhooks", "order_placed.json"),
        ("guardian", "default.json"),
        ("bulk_imports", "fail.json"),
        ("bulk_exports", "plan_orders.json"),
    ],
)
def test_forbidden_modules_stay_out(
    stack: Stack, simulator: Simulator, tmp_path: Path, package: str, name: str
) -> None:
    """After one real invocation, so that nothing is only put off."""
    (tmp_path / "spy.py").write_text(SPY.format(module=f"{package}.handler"), encoding="utf-8")
    function = stack.function(FUNCTIONS[package])
    environment = {
        **stack.aws.environment,
        "COMMERCE_LAYER_API_URL": simulator.api_url,
        "COMMERCE_LAYER_AUTH_URL": simulator.auth_url,
        "PYTHONPATH": f"{LAYER / 'python'}:{tmp_path}",
    }
    function = {**function, "Handler": "spy.handler"}
    with LambdaRuntime(FUNCTIONS[package], function, environment) as runtime:
        answer = runtime.invoke(sample(package, name))
    assert not answer.failed, answer.payload
    assert succeeded(answer.payload["answer"])
    loaded = set(answer.payload["modules"])
    assert {"botocore.client", "connector.errors"} <= loaded
    # The sender waits five seconds: what never calls Commerce Layer does not load its client.
    assert ("httpx" in loaded) == (package != "webhooks")
    assert not {name for name in loaded for bad in FORBIDDEN if f"{name}.".startswith(f"{bad}.")}


def test_a_warm_container_asks_for_one_token_only(stack: Stack, simulator: Simulator) -> None:
    with running(stack, "ApiFunction", simulator) as runtime:
        answers = [runtime.invoke(sample("api", "retrieve_sku.json")) for _ in range(5)]
    assert [status(each) for each in answers] == [200] * 5
    paths = [path for _method, path, *_ in simulator.requests]
    assert paths.count("/oauth/token") == 1


def test_the_function_answers_before_lambda_would_end_it(
    stack: Stack, simulator: Simulator
) -> None:
    """Commerce Layer hangs: the caller hears of it in time, as a 504 that may be tried again."""
    simulator.faults.add("hang", path="/api/skus/*")
    with running(stack, "ApiFunction", simulator, Timeout=4) as runtime:
        answer = runtime.invoke(sample("api", "retrieve_sku.json"))
    assert not answer.timed_out
    assert status(answer) == 504
    assert json.loads(answer.payload["body"])["retryable"] is True
    assert answer.seconds < 4


def test_a_stale_connection_after_a_freeze_is_replaced(stack: Stack, simulator: Simulator) -> None:
    """Frozen between two invocations, the container misses that its connection was closed."""
    with running(stack, "ApiFunction", simulator) as runtime:
        assert status(runtime.invoke(sample("api", "retrieve_sku.json"))) == 200
        runtime.freeze()
        assert simulator.close_idle_connections() == 1
        runtime.thaw()
        assert status(runtime.invoke(sample("api", "update_sku.json"))) == 200


def status(answer: Invocation) -> int:
    found: int = answer.payload["statusCode"]
    return found


def succeeded(payload: dict[str, Any]) -> bool:
    if "export" in payload:
        return bool(payload["status"] == "working")
    if "import" in payload:
        return bool(payload["status"] == "failed")  # which is what it was to tell
    return payload.get("statusCode") == 200 or payload.get("outcome") == "done"
