"""The way of a file: bucket, rule, state machine, function. What runs it is in tests/runtime."""

import json
from typing import Any

import pytest

from bulk_imports.handler import TASKS
from tests.template.conftest import OfType, arn_of


@pytest.fixture(scope="module")
def definition(of_type: OfType) -> dict[str, Any]:
    machine = of_type("AWS::StepFunctions::StateMachine")["ImportMachine"]
    text = machine["DefinitionString"]
    joined = "".join(text["Fn::Join"][1]) if isinstance(text, dict) else text
    found: dict[str, Any] = json.loads(joined)
    return found


def states(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of the Map too."""
    found = dict(definition["States"])
    for state in definition["States"].values():
        found |= state.get("ItemProcessor", {}).get("States", {})
    return found


def tasks(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        state["Parameters"]["Payload"]["task"]: state
        for state in states(definition).values()
        if state["Type"] == "Task"
    }


def test_an_object_below_imports_starts_the_state_machine(of_type: OfType) -> None:
    bucket = of_type("AWS::S3::Bucket")["Transfers"]
    notifications = bucket["NotificationConfiguration"]["EventBridgeConfiguration"]
    assert notifications == {"EventBridgeEnabled": True}
    rule = of_type("AWS::Events::Rule")["ImportRule"]
    assert "EventBusName" not in rule, "S3 tells the account's own bus"
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [{"Ref": "Transfers"}]},
            "object": {"key": [{"prefix": "imports/"}]},
        },
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "ImportMachine"}
    assert target["RoleArn"] == arn_of("ImportRuleRole")
    assert "Input" not in target, "the whole event is the input"
    assert "InputPath" not in target


def test_what_we_write_starts_nothing(of_type: OfType) -> None:
    """Reports and work lie outside of imports/: an import must not import its own report."""
    (statement,) = [
        statement
        for policy in of_type("AWS::IAM::Role")["BulkImportsFunctionRole"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Sid"] == "WriteFiles"
    ]
    assert not [each for each in statement["Resource"] if "/imports/" in each["Fn::Sub"]]


def test_its_tasks_are_those_of_the_function(definition: dict[str, Any]) -> None:
    assert set(tasks(definition)) == set(TASKS)
    for state in tasks(definition).values():
        assert state["Resource"] == "arn:aws:states:::lambda:invoke"
        assert state["Parameters"]["FunctionName"] == "${Function}"


def test_every_task_is_tried_again_and_nobody_is_left_waiting(definition: dict[str, Any]) -> None:
    for name, state in tasks(definition).items():
        (retry,) = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert retry["MaxAttempts"] >= 3
        if name in ("plan", "report"):
            assert [each["Next"] for each in state["Catch"]] == ["Tell"]
    assert definition["States"]["Tell"]["Next"] == "Failed"
    assert definition["States"]["Failed"]["Type"] == "Fail"


def test_one_chunk_that_fails_does_not_stop_the_others(definition: dict[str, Any]) -> None:
    chunks = definition["States"]["Chunks"]
    assert chunks["ToleratedFailurePercentage"] == 100
    assert 1 < chunks["MaxConcurrency"] <= 10
    # A history has 25,000 events: those of a chunk are its own.
    assert chunks["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert chunks["Next"] == "Report"


def test_every_state_is_reached_and_leads_somewhere(definition: dict[str, Any]) -> None:
    for machine in (definition, definition["States"]["Chunks"]["ItemProcessor"]):
        reached, waiting = set(), [machine["StartAt"]]
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            state = machine["States"][name]
            after = [state.get("Next"), state.get("Default")]
            after += [each["Next"] for each in (*state.get("Choices", ()), *state.get("Catch", ()))]
            found = [each for each in after if each]
            assert found or state.get("End") or state["Type"] in ("Succeed", "Fail"), name
            waiting += found
        assert reached == set(machine["States"])
