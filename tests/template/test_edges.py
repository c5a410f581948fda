"""Each asynchronous edge, of template.yaml and of the examples for consumers, has its net."""

import copy
import re
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.template.conftest import ROOT, OfType, Resources, arn_of, translate
from tests.template.edges import UNKNOWN_KINDS, nets, problems

PAGE = (ROOT / "docs/consumers.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"## ([^\n]*)\n(?:(?!\n## ).)*?```yaml\n(.*?)```", PAGE, re.DOTALL))
RING = {
    "Namespace": "AWS/SQS",
    "MetricName": "ApproximateNumberOfMessagesVisible",
    "Threshold": 1,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


def example(title: str) -> Resources:
    template = yaml_parse(EXAMPLES[title])
    for each in template["Resources"].values():
        if "CodeUri" in each["Properties"]:
            each["Properties"]["CodeUri"] = "s3://bucket/key"
    return translate(template)


def test_no_edge_of_the_connector_loses_anything(resources: Resources) -> None:
    assert problems(resources) == []
    assert {net.queue for net in nets(resources)} >= {
        "ScheduleDeadLetters", "SyncFailures", "WebhookDeadLetters", "GuardianFailures",
        "CommandDeadLetters",
    }  # fmt: skip


def test_every_queue_of_dead_letters_rings_and_nothing_else_reads_it(
    resources: Resources, of_type: OfType
) -> None:
    caught = {net.queue for net in nets(resources)}
    ringing = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.items() >= RING.items()
    }
    assert caught <= ringing
    read = [each["EventSourceArn"] for each in of_type("AWS::Lambda::EventSourceMapping").values()]
    for name in caught:
        queue = of_type("AWS::SQS::Queue")[name]
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name
        assert "RedrivePolicy" not in queue, name
        assert arn_of(name) not in read


def test_a_state_machine_that_fails_rings(of_type: OfType) -> None:
    watched = [
        alarm["Dimensions"][0]["Value"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "ExecutionsFailed"
    ]
    for name in of_type("AWS::StepFunctions::StateMachine"):
        assert {"Ref": name} in watched


def test_there_is_an_example_for_each_target() -> None:
    assert list(EXAMPLES) == ["A queue", "A Lambda function", "A state machine", "Another bus"]


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_examples_for_consumers_lose_nothing(title: str) -> None:
    assert problems(example(title)) == []
    found = nets(example(title))
    assert any("Rule ->" in net.edge or "Placed ->" in net.edge for net in found)
    assert {net.queue for net in found} == {"DeadLetters"}


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_examples_wait_for_another_version(title: str) -> None:
    for rule in example(title).values():
        if rule["Type"] == "AWS::Events::Rule":
            assert rule["Properties"]["EventPattern"]["detail"]["version"] == ["1"]
            assert rule["Properties"]["EventBusName"] == {"Ref": "EventBus"}


# --- The search itself finds what is missing -----------------------------------------------------


def broken(resources: Resources, path: str, value: Any = None) -> list[str]:
    """What is found when the member at `path` is taken away, or is something else."""
    damaged: Any = copy.deepcopy(dict(resources))
    *way, last = path.split("/")
    place = damaged
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return problems(damaged)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("SyncFunctionOrders/Properties/Target/DeadLetterConfig", None),
        ("SyncFunctionOrders/Properties/Target/RoleArn", arn_of("ApiFunctionRole")),
        ("SyncFunctionEventInvokeConfig", None),
        ("SyncFunctionEventInvokeConfig/Properties/DestinationConfig", {}),
        ("SyncFunction/Properties/Role", arn_of("ApiFunctionRole")),
        ("WebhookQueue/Properties/RedrivePolicy", None),
        ("New", {"Type": UNKNOWN_KINDS[0], "Properties": {}}),
    ],
)
def test_a_hole_in_the_connector_is_found(resources: Resources, path: str, value: Any) -> None:
    assert broken(resources, path, value)


@pytest.mark.parametrize(
    ("title", "path", "value"),
    [
        ("A queue", "FromTheBus", None),
        ("A queue", "FromTheBus/Properties/Queues", [{"Ref": "DeadLetters"}]),
        ("A queue", "Rule/Properties/Targets/0/DeadLetterConfig", None),
        ("A Lambda function", "ConsumerPlacedPermission", None),
        ("A Lambda function", "ConsumerEventInvokeConfig", None),
        ("A Lambda function", "FromTheBus/Properties/Queues", []),
        ("A state machine", "RuleRole/Properties/Policies", []),
        ("Another bus", "RuleRole/Properties/Policies", []),
        ("Another bus", "FromTheBus", None),
    ],
)
def test_a_hole_in_an_example_is_found(title: str, path: str, value: Any) -> None:
    assert broken(example(title), path, value)
