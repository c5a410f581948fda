"""Nothing is lost in silence: every asynchronous edge has a place for what fails, and an alarm."""

import json
from typing import Any

import pytest

from commands.handler import LONGEST
from connector import streams
from tests.template.conftest import OfType, Resources, arn_of

SCHEDULE = "AWS::Scheduler::Schedule"
DEAD_LETTERS = (
    "ScheduleDeadLetters", "SyncFailures", "WebhookDeadLetters", "GuardianFailures",
    "CommandDeadLetters", "ImportDeadLetters",
)  # fmt: skip
FUNCTIONS = (
    "ApiFunction", "SyncFunction", "WebhooksFunction", "GuardianFunction", "CommandsFunction",
    "BulkImportsFunction", "BulkExportsFunction",
)  # fmt: skip
EVERY = {"SyncFunction": "SyncSchedule", "GuardianFunction": "GuardianSchedule"}


def inputs(of_type: OfType, function: str) -> dict[str, dict[str, str]]:
    """What each of its schedules sends, the instance `${Instance}` still to be filled in."""
    return {
        name: json.loads(each["Target"]["Input"]["Fn::Sub"][0])
        for name, each in of_type(SCHEDULE).items()
        if each["Target"]["Arn"] == arn_of(function)
    }


def test_there_is_one_schedule_for_each_stream(of_type: OfType) -> None:
    scheduled = [each["stream"] for each in inputs(of_type, "SyncFunction").values()]
    assert sorted(scheduled) == sorted(streams.names())


def test_a_schedule_starts_its_function_for_the_first_instance(of_type: OfType) -> None:
    first = {"Instance": {"Fn::Select": [0, {"Ref": "Instances"}]}}
    for name, each in of_type(SCHEDULE).items():
        if name == "ExportSchedule":  # tests/template/test_exports.py
            continue
        (function, *_) = each["Target"]["Arn"]["Fn::GetAtt"]
        assert each["ScheduleExpression"] == {"Ref": EVERY[function]}, name
        assert each["Target"]["RoleArn"] == arn_of("SchedulerRole"), name
        assert each["Target"]["Input"]["Fn::Sub"][1] == first, name
        assert each["State"] == {"Ref": "ScheduleState"}, name
    for name, event in inputs(of_type, "SyncFunction").items():
        assert event["instance"] == "${Instance}", name
        assert event["scheduled_time"] == "<aws.scheduler.scheduled-time>", name
    assert list(inputs(of_type, "GuardianFunction").values()) == [{"instance": "${Instance}"}]


def test_schedules_of_two_stacks_do_not_collide(of_type: OfType) -> None:
    names = [each["Name"]["Fn::Sub"] for each in of_type(SCHEDULE).values()]
    assert len(set(names)) == len(names)
    assert all(name.startswith("${AWS::StackName}-") for name in names)


def test_a_tick_that_cannot_be_delivered_is_kept(of_type: OfType) -> None:
    for name, each in of_type(SCHEDULE).items():
        assert each["Target"]["DeadLetterConfig"] == {"Arn": arn_of("ScheduleDeadLetters")}, name
        assert each["Target"]["RetryPolicy"]["MaximumRetryAttempts"] > 0, name


def test_a_run_that_fails_to_the_end_is_kept(of_type: OfType) -> None:
    kept = {
        config["FunctionName"]["Ref"]: config["DestinationConfig"]["OnFailure"]["Destination"]
        for config in of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    assert kept == {
        "SyncFunction": arn_of("SyncFailures"),
        "GuardianFunction": arn_of("GuardianFailures"),
    }


def test_every_queue_keeps_failures_for_two_weeks_and_rings(of_type: OfType) -> None:
    """A queue that is read has one behind it for what cannot be done with."""
    queues = of_type("AWS::SQS::Queue")
    assert set(queues) == {*DEAD_LETTERS, "WebhookQueue", "CommandQueue"}
    for name, queue in queues.items():
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name
    for name in DEAD_LETTERS:
        alarm = _alarms(of_type)[
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", f"{name}.QueueName")
        ]
        assert _rings_at_once(alarm), name


def test_deliveries_that_the_bus_refused_come_again_and_are_never_dropped(of_type: OfType) -> None:
    queue = of_type("AWS::SQS::Queue")["WebhookQueue"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == arn_of("WebhookDeadLetters")
    hours = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"] / 3600
    assert hours > 2
    _read_by(of_type, "WebhookQueue", "WebhooksFunction")
    alarm = _alarms(of_type)[("AWS/SQS", "ApproximateAgeOfOldestMessage", "WebhookQueue.QueueName")]
    assert alarm["Threshold"] == 900


def test_commands_wait_for_days_and_then_ring(of_type: OfType) -> None:
    """They are put off for up to a quarter of an hour each time."""
    queue = of_type("AWS::SQS::Queue")["CommandQueue"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == arn_of("CommandDeadLetters")
    days = (queue["RedrivePolicy"]["maxReceiveCount"] - 10) * LONGEST / 86_400
    assert 7 < days < queue["MessageRetentionPeriod"] / 86_400
    mapping = _read_by(of_type, "CommandQueue", "CommandsFunction")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    alarm = _alarms(of_type)[("AWS/SQS", "ApproximateAgeOfOldestMessage", "CommandQueue.QueueName")]
    assert alarm["Threshold"] == 3600


def test_a_command_is_remembered_for_longer_than_it_can_lie_in_queues(
    template: dict[str, Any], of_type: OfType
) -> None:
    queues = of_type("AWS::SQS::Queue")
    lies = sum(queues[n]["MessageRetentionPeriod"] for n in ("CommandQueue", "CommandDeadLetters"))
    assert template["Parameters"]["AttemptRetentionDays"]["Default"] * 86_400 > lies


def test_commands_come_from_a_bus_of_the_user_s_and_never_from_ours(
    template: dict[str, Any], resources: Resources
) -> None:
    """A replay of our archive must not run a refund again; nor one of theirs."""
    assert template["Parameters"]["CommandBusName"]["Default"] == ""
    assert template["Conditions"]["UseCommandBus"] == {
        "Fn::And": [
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "CommandBusName"}, ""]}]},
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "CommandBusName"}, {"Ref": "AWS::StackName"}]}]},
        ]
    }
    rules = {n: each for n, each in resources.items() if each["Type"] == "AWS::Events::Rule"}
    rule = rules["CommandRule"]
    assert rule["Condition"] == resources["CommandRulePolicy"]["Condition"] == "UseCommandBus"
    assert rule["Properties"]["EventBusName"] == {"Ref": "CommandBusName"}
    assert rule["Properties"]["EventPattern"] == {
        "detail-type": ["commerce-layer.command"],
        "replay-name": [{"exists": False}],
    }
    (target,) = rule["Properties"]["Targets"]
    assert target["Arn"] == arn_of("CommandQueue")
    assert target["DeadLetterConfig"] == {"Arn": arn_of("CommandDeadLetters")}
    assert resources["EventBus"]["Properties"]["Name"] == {"Ref": "AWS::StackName"}
    assert not [name for name, each in rules.items() if _listens_to_us_for_commands(each)]


def _listens_to_us_for_commands(rule: dict[str, Any]) -> bool:
    properties = rule["Properties"]
    ours = properties.get("EventBusName") == {"Ref": "EventBus"}
    return ours and str(arn_of("CommandQueue")) in str(properties["Targets"])


def _read_by(of_type: OfType, queue: str, function: str) -> dict[str, Any]:
    """The mapping of a queue to the function that reads it."""
    mappings = of_type("AWS::Lambda::EventSourceMapping").values()
    (mapping,) = [each for each in mappings if each["EventSourceArn"] == arn_of(queue)]
    assert mapping["FunctionName"] == {"Ref": function}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # AWS's own advice: six times what the function may take.
    timeout = of_type("AWS::Lambda::Function")[function]["Timeout"]
    assert of_type("AWS::SQS::Queue")[queue]["VisibilityTimeout"] >= 6 * timeout
    return mapping


# Commerce Layer hangs up after 5 s, whatever the function is given for batches of the queue.
SLOW = {"WebhooksFunction": 3000}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
def test_every_function_has_its_alarms(of_type: OfType, function: str, metric: str) -> None:
    alarm = _alarms(of_type)[("AWS/Lambda", metric, function)]
    if metric == "Duration":
        timeout = of_type("AWS::Lambda::Function")[function]["Timeout"]
        assert alarm["Threshold"] == SLOW.get(function, timeout * 1000 * 0.8)


@pytest.mark.parametrize("metric", ["CircuitsOpen", "WebhooksInNeed"])
def test_what_the_guardian_finds_rings_within_one_interval(of_type: OfType, metric: str) -> None:
    alarm = _alarms(of_type)[("CommerceLayerConnector", metric, "GuardianFunction")]
    assert _rings_at_once(alarm)
    names = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    # As the function emits them, of this stack alone.
    assert names == {"service": "guardian", "function_name": {"Ref": "GuardianFunction"}}
    assert alarm["Period"] == 300


def test_every_alarm_notifies_and_stays_quiet_without_data(
    template: dict[str, Any], of_type: OfType
) -> None:
    for name, alarm in of_type("AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == {
            "Fn::If": ["Notify", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
        }, name
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["AlarmDescription"], name
    assert template["Parameters"]["AlarmTopicArn"]["Default"] == ""


def test_the_dashboard_shows_all_functions_and_queues(resources: Resources) -> None:
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) >= 5
    for name in (*FUNCTIONS, "HttpApi", "EventBus"):
        assert f"${{{name}}}" in body
    for name in DEAD_LETTERS:
        assert f"${{{name}.QueueName}}" in body


def test_records_that_seem_to_be_deleted_and_are_not_believed_ring_at_once(
    template: dict[str, Any], of_type: OfType
) -> None:
    """The metric that the sync function makes, under the name of its service."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    namespace = variables["POWERTOOLS_METRICS_NAMESPACE"]
    sync = of_type("AWS::Lambda::Function")["SyncFunction"]["Environment"]["Variables"]
    watched = (namespace, "DeletionsRefused", sync["POWERTOOLS_SERVICE_NAME"])
    assert _rings_at_once(_alarms(of_type)[watched])


def _alarms(of_type: OfType) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By namespace, metric and what they watch."""
    found = {}
    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        values = [dimension["Value"] for dimension in alarm["Dimensions"]]
        value = next((each for each in values if not isinstance(each, str)), values[0])
        if isinstance(value, str):
            watched = value
        else:
            watched = value.get("Ref") or ".".join(value["Fn::GetAtt"])
        found[(alarm["Namespace"], alarm["MetricName"], watched)] = alarm
    return found


def _rings_at_once(alarm: dict[str, Any]) -> bool:
    shape: dict[str, Any] = {"Threshold": 1, "EvaluationPeriods": 1}
    shape["ComparisonOperator"] = "GreaterThanOrEqualToThreshold"
    return alarm.items() >= shape.items()
