"""Files through the deployed state machine, run by the local AWS's own engine."""

import gzip
import json
from typing import Any

import pytest

from local.simulator import Simulator
from local.stack import Stack
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def location(shop: Simulator) -> str:
    return shop.store.put("stock_locations", {"code": "imports", "name": "For imports"}).id


def put(stack: Stack, key: str, body: str, **metadata: str) -> None:
    stack.aws.client("s3").put_object(
        Bucket=stack.resource("Transfers"), Key=key, Body=body.encode(), Metadata=metadata
    )


def ended(stack: Stack, consumer: Any, key: str) -> dict[str, Any]:
    """The summary that the event of this file brings. Others may run at the same time."""
    for _ in range(10):
        for event in consumer.receive(within=30):
            resource: dict[str, Any] = event["detail"]["resource"]
            if resource["file"]["key"] == key:
                return resource
    raise AssertionError(machine_said(stack))


def machine_said(stack: Stack) -> str:
    states, machine = stack.aws.client("stepfunctions"), stack.resource("ImportMachine")
    runs = states.list_executions(stateMachineArn=machine)["executions"]
    told = [states.describe_execution(executionArn=run["executionArn"]) for run in runs]
    return "\n".join([*map(str, told), *stack.logs("BulkImportsLogGroup")])


def report(stack: Stack, summary: dict[str, Any]) -> list[dict[str, Any]]:
    body = stack.aws.client("s3").get_object(Bucket=summary["bucket"], Key=summary["report"])
    text = gzip.decompress(body["Body"].read()).decode()
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_in_the_bucket_becomes_stock_and_a_report(
    stack: Stack, shop: Simulator, location: str
) -> None:
    """Bucket, rule, state machine, map, function, jobs, report, bus: from end to end."""
    codes = [f"IMP{number}" for number in range(230)]
    for code in codes:
        shop.store.put("skus", {"code": code, "name": code})
    rows = [f"{code},{location},{number}" for number, code in enumerate(codes)]
    text = "\n".join(["sku_code,stock_location_id,quantity", *rows, f"none,{location},1", ""])
    consumer = stack.subscribe({"detail-type": ["import.completed"]})
    key = "imports/default/stock_items/levels.csv"
    put(stack, key, text, **{"chunk-size": "100"})
    summary = ended(stack, consumer, key)
    assert summary["status"] == "done", summary
    assert summary["counts"] == {
        "rows": 231,
        "ok": 230,
        "failed": 1,
        "not_attempted": 0,
        "unknown": 0,
    }
    assert summary["plan"]["import_jobs"] == 3
    lines = report(stack, summary)
    assert [line["row"] for line in lines] == list(range(1, 232))
    assert lines[-1]["status"] == "failed"
    written = {
        each.get("sku_code"): each.get("quantity")
        for each in shop.store.all("stock_items")
        if str(each.get("sku_code")).startswith("IMP")
    }
    assert written == {code: number for number, code in enumerate(codes)}


def test_a_file_that_is_refused_is_told_of(stack: Stack) -> None:
    consumer = stack.subscribe({"detail-type": ["import.completed"]})
    key = "imports/default/stock_items/odd.csv"
    put(stack, key, "colour,size\nred,XL\n")
    summary = ended(stack, consumer, key)
    assert (summary["status"], summary["problem"]["code"]) == ("refused", "no-header")


def test_reports_start_no_imports(stack: Stack) -> None:
    """Of all that the function wrote into the bucket nothing came back as a file."""
    states, machine = stack.aws.client("stepfunctions"), stack.resource("ImportMachine")
    runs = states.list_executions(stateMachineArn=machine)["executions"]
    inputs = [
        json.loads(states.describe_execution(executionArn=run["executionArn"])["input"])
        for run in runs
    ]
    keys = {each["detail"]["object"]["key"] for each in inputs}
    assert all(key.startswith("imports/") for key in keys)
