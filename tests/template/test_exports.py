"""The way of an export: schedule, state machine, function. What runs it is in tests/runtime."""

import json
from typing import Any

import pytest

from bulk_exports.handler import TASKS
from bulk_exports.rounds import LONGEST, ROOM_TO_FETCH
from tests.template.conftest import OfType, arn_of


@pytest.fixture(scope="module")
def definition(of_type: OfType) -> dict[str, Any]:
    machine = of_type("AWS::StepFunctions::StateMachine")["ExportMachine"]
    text = machine["DefinitionString"]
    joined = "".join(text["Fn::Join"][1]) if isinstance(text, dict) else text
    found: dict[str, Any] = json.loads(joined)
    return found


def tasks(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        state["Parameters"]["Payload"]["task"]: state
        for state in definition["States"].values()
        if state["Type"] == "Task"
    }


def test_its_tasks_are_those_of_the_function(definition: dict[str, Any]) -> None:
    assert set(tasks(definition)) == set(TASKS)
    for state in tasks(definition).values():
        assert state["Resource"] == "arn:aws:states:::lambda:invoke"
        assert state["Parameters"]["FunctionName"] == "${Function}"
        assert state["Parameters"]["Payload"]["execution.$"] == "$$.Execution.Name"


def test_every_task_is_tried_again_and_nobody_is_left_waiting(definition: dict[str, Any]) -> None:
    for name, state in tasks(definition).items():
        (retry,) = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert retry["MaxAttempts"] >= 3
        if name != "fail":
            assert [each["Next"] for each in state["Catch"]] == ["Tell"]
    assert definition["States"]["Tell"]["Next"] == "Failed"
    assert definition["States"]["Failed"]["Type"] == "Fail"


def test_the_order_stays_the_input_of_all_states(definition: dict[str, Any]) -> None:
    """`fail` needs it, wherever it is called from."""
    paths = {state["ResultPath"] for state in tasks(definition).values()}
    assert paths == {"$.step", "$.end", "$.told"}
    assert tasks(definition)["fail"]["Parameters"]["Payload"]["order.$"] == "$"


def test_a_day_of_rounds_fits_into_a_history(definition: dict[str, Any]) -> None:
    """25,000 events; a round has eleven at most: the task's five, the choice's and the pause's."""
    assert definition["TimeoutSeconds"] / LONGEST * 11 < 25_000


def test_the_function_has_time_for_a_part(of_type: OfType) -> None:
    assert of_type("AWS::Lambda::Function")["BulkExportsFunction"]["Timeout"] > 2 * ROOM_TO_FETCH


def test_the_schedule_is_off_and_exports_of_the_first_instance(
    template: dict[str, Any], of_type: OfType
) -> None:
    schedule = of_type("AWS::Scheduler::Schedule")["ExportSchedule"]
    assert schedule["State"] == {"Ref": "ExportScheduleState"}
    assert template["Parameters"]["ExportScheduleState"]["Default"] == "DISABLED"
    assert schedule["Target"]["Arn"] == {"Ref": "ExportMachine"}
    assert schedule["Target"]["RoleArn"] == arn_of("SchedulerRole")
    text, values = schedule["Target"]["Input"]["Fn::Sub"]
    assert json.loads(text) == {"instance": "${Instance}", "resource": "${ExportResource}"}
    assert values == {"Instance": {"Fn::Select": [0, {"Ref": "Instances"}]}}
    retries = schedule["Target"]["RetryPolicy"]
    assert retries["MaximumRetryAttempts"] > 0


def test_the_api_starts_the_same_machine(of_type: OfType) -> None:
    functions = of_type("AWS::Lambda::Function")
    given = functions["ApiFunction"]["Environment"]["Variables"]
    assert given["EXPORTS"] == {"Ref": "ExportMachine"}
    own = functions["BulkExportsFunction"]["Environment"]["Variables"]
    assert own["TRANSFER_BUCKET"] == {"Ref": "Transfers"}
    assert own["EXPORT_WINDOW"] == {"Ref": "ExportWindow"}
    assert own["EXPORT_SLOTS"] == {"Ref": "ExportSlots"}


def test_every_state_is_reached_and_leads_somewhere(definition: dict[str, Any]) -> None:
    reached, waiting = set(), [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        state = definition["States"][name]
        after = [state.get("Next"), state.get("Default")]
        after += [each["Next"] for each in (*state.get("Choices", ()), *state.get("Catch", ()))]
        found = [each for each in after if each]
        assert found or state["Type"] in ("Succeed", "Fail"), name
        waiting += found
    assert reached == set(definition["States"])
