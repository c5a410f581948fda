"""The examples of docs/consumers.md, deployed beside the connector, and what they receive."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest

from local.stack import Stack, Subscription
from local.tools import ROOT
from tests.runtime.conftest import needs_tools
from tests.runtime.deliveries import deliver, order, wait

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

PAGE = (ROOT / "docs/consumers.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"## ([^\n]*)\n(?:(?!\n## ).)*?```yaml\n(.*?)```", PAGE, re.DOTALL))
(ORDERS_PY,) = re.findall(r"```python\n(import os\n.*?)```", PAGE, re.DOTALL)
WITHIN = 60.0
# Above the size that an event carries by itself.
LARGE = {f"note-{number}": "x" * 1000 for number in range(250)}


@contextmanager
def deployed(stack: Stack, template: str, **parameters: str) -> Iterator[Mapping[str, str]]:
    """Outputs and physical ids of a consumer's stack, while it stands."""
    name, client = f"consumer-{uuid4().hex[:8]}", stack.aws.client("cloudformation")
    client.create_stack(
        StackName=name,
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )

    def status() -> str:
        return str(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    wait(lambda: not status().endswith("IN_PROGRESS"))
    assert status() == "CREATE_COMPLETE", client.describe_stack_events(StackName=name)
    (described,) = client.describe_stacks(StackName=name)["Stacks"]
    resources = client.describe_stack_resources(StackName=name)["StackResources"]
    yield {
        **{each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
        **{each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())},
    }
    client.delete_stack(StackName=name)


def publish(stack: Stack, **attributes: Any) -> str:
    """One more order is placed; its id."""
    body = order(**attributes)
    answer = deliver(stack, body)
    assert answer.json() == {"outcome": "published"}, answer.text
    return str(json.loads(body)["data"]["id"])


def ids(events: list[dict[str, Any]]) -> list[str]:
    return [event["detail"]["change"]["id"] for event in events]


def uploaded(stack: Stack, key: str, files: Mapping[str, str]) -> str:
    """As `sam deploy` does it with a folder: its address in S3."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    bucket = stack.resource("ClaimChecks")  # any will do
    stack.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=archive.getvalue())
    return f"s3://{bucket}/{key}"


def test_a_queue(stack: Stack) -> None:
    bus = stack.resource("EventBus")
    with deployed(stack, EXAMPLES["A queue"], EventBus=bus) as made:
        consumer = Subscription(stack.aws.client("sqs"), made["QueueUrl"])
        placed = publish(stack)
        assert placed in ids(consumer.receive(within=WITHIN))


def test_a_lambda_function(stack: Stack) -> None:
    """It handles each event once, also one that is too large for the bus."""
    files = {
        "orders.py": ORDERS_PY,
        "consumer.py": (ROOT / "layers/connector/connector/consumer.py").read_text("utf-8"),
    }
    code = uploaded(stack, "consumer.zip", files)
    template = EXAMPLES["A Lambda function"].replace("CodeUri: consumer/", f"CodeUri: {code}")
    parameters = {"EventBus": stack.resource("EventBus")}
    parameters["ClaimChecks"] = stack.resource("ClaimChecks")
    dynamodb = stack.aws.client("dynamodb")
    again = stack.subscribe({"detail-type": ["orders.place"]})
    with deployed(stack, template, **parameters) as made:

        def marked() -> set[str]:
            items = dynamodb.scan(TableName=made["TableName"])["Items"]
            return {item["id"]["S"] for item in items if "claimed_until" not in item}

        placed = {publish(stack), publish(stack, metadata=LARGE)}
        events = [e for e in again.receive(2, within=WITHIN) if ids([e])[0] in placed]
        assert sorted(event["detail"]["payload"] is None for event in events) == [False, True]
        expected = {event["detail"]["id"] for event in events}
        wait(lambda: expected <= marked())
        # EventBridge may well deliver an event again.
        invoke = stack.aws.client("lambda").invoke
        for event in events:
            answer = invoke(FunctionName=made["FunctionName"], Payload=json.dumps(event))
            assert "FunctionError" not in answer, answer["Payload"].read()
        group = f"/aws/lambda/{made['FunctionName']}"
        said = stack.aws.client("logs").filter_log_events(logGroupName=group)["events"]
        text = "\n".join(line["message"] for line in said)
        for each in placed:
            assert text.count(f"placed: {each} with") == 1


def test_a_state_machine(stack: Stack) -> None:
    bus = stack.resource("EventBus")
    with deployed(stack, EXAMPLES["A state machine"], EventBus=bus) as made:
        placed, states = publish(stack), stack.aws.client("stepfunctions")
        machine = {"stateMachineArn": made["StateMachineArn"]}

        def kept() -> list[dict[str, Any]]:
            arns = [e["executionArn"] for e in states.list_executions(**machine)["executions"]]
            found = [states.describe_execution(executionArn=arn) for arn in arns]
            return [json.loads(each["output"]) for each in found if each["status"] == "SUCCEEDED"]

        wait(lambda: placed in [each["order"] for each in kept()])


def test_another_bus(stack: Stack) -> None:
    events, sqs = stack.aws.client("events"), stack.aws.client("sqs")
    other = events.create_event_bus(Name=f"central-{uuid4().hex[:8]}")["EventBusArn"]
    queue = sqs.create_queue(QueueName=f"central-{uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    bus = other.rpartition("/")[2]
    pattern = json.dumps({"source": ["commerce-layer.default"]})
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=pattern)
    target = {"Id": "queue", "Arn": arn["QueueArn"]}
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[target])
    example = EXAMPLES["Another bus"]
    with deployed(stack, example, EventBus=stack.resource("EventBus"), OtherBusArn=other):
        placed = publish(stack)
        assert placed in ids(Subscription(sqs, queue).receive(within=WITHIN))


# --- Consumers that do not work -------------------------------------------------------------------

SLOW = "import time\ndef handler(event, context):\n    time.sleep(45)\n    print('awake')\n"
THROWS = "def handler(event, context):\n    raise RuntimeError('no')\n"
BROKEN = """
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 60
      Role: arn:aws:iam::000000000000:role/any
      Code: {{ ZipFile: {code} }}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: {bus}
      EventPattern: {{ source: [commerce-layer.default] }}
      Targets: [{{ Id: function, Arn: !GetAtt Function.Arn }}]
"""
GONE = """
Resources:
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: {bus}
      EventPattern: {{ source: [commerce-layer.default] }}
      Targets: [{{ Id: gone, Arn: "arn:aws:sqs:eu-west-1:000000000000:was-deleted" }}]
"""


def test_broken_consumers_do_not_disturb_the_others(stack: Stack) -> None:
    """One that sleeps, one that throws, one that is gone, and two that work, before and after."""
    bus = stack.resource("EventBus")
    broken = [
        *(BROKEN.format(bus=bus, code=json.dumps(code)) for code in (SLOW, THROWS)),
        GONE.format(bus=bus),
    ]
    with ExitStack() as rules:
        first = stack.subscribe({"detail-type": ["orders.place"]})
        slow, throwing, _ = [rules.enter_context(deployed(stack, each)) for each in broken]
        last = stack.subscribe({"detail-type": ["orders.place"]})
        placed = [publish(stack) for _ in range(10)]
        for consumer in (first, last):
            received = ids(consumer.receive(at_least=len(placed), within=40))
            assert sorted(received) == sorted(placed), "each once, while one is still asleep"
        logs = stack.aws.client("logs")

        def said(made: Mapping[str, str]) -> str:
            group = f"/aws/lambda/{made['Function']}"
            try:
                lines = logs.filter_log_events(logGroupName=group)["events"]
            except logs.exceptions.ResourceNotFoundException:
                return ""
            return "\n".join(line["message"] for line in lines)

        assert "awake" not in said(slow)
        wait(lambda: "RuntimeError" in said(throwing))
