"""`make redrive`: dead letters go where they were meant to go, and none is lost on the way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import time_machine
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from local.redrive import Redrive, Refused
from tests.conftest import REGION

ACCOUNT = "123456789012"
SYNC = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:connector-sync"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:connector-imports"
TICK = {"instance": "default", "stream": "orders", "scheduled_time": "2026-03-01T12:00:00Z"}
EVENT = {
    "id": "e" * 64,
    "instance": "default",
    "topic": "orders.place",
    "resource": {"type": "orders", "id": "x", "customer_email": "ada@example.com"},
}


class Killed(BaseException):
    pass


class Account:
    """The stack's queues in moto; what its functions were called with; what was printed.

    It ends, like a process, when `calls_left` comes to nothing.
    """

    def __init__(self) -> None:
        self.sqs: Any = boto3.client("sqs")
        self.invoked: list[dict[str, Any]] = []
        self.started: dict[str, dict[str, Any]] = {}
        self.lines: list[str] = []
        self.calls_left = 10_000
        self.broken = ""
        self.urls = {
            name: self.sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("Dead", "Failures", "WebhookDeadLetters", "WebhookQueue", "Foreign")
        }
        policy = {"deadLetterTargetArn": self.arn("WebhookDeadLetters"), "maxReceiveCount": 3}
        self.sqs.set_queue_attributes(
            QueueUrl=self.urls["WebhookQueue"], Attributes={"RedrivePolicy": json.dumps(policy)}
        )

    def arn(self, queue: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"

    def client(self, service: str) -> Any:
        return _Client(self, service)

    def call(self, service: str, name: str, request: dict[str, Any]) -> Any:
        if not self.calls_left:
            raise Killed
        self.calls_left -= 1
        if name == self.broken:
            raise ReadTimeoutError(endpoint_url="https://aws.test")
        if service == "lambda":
            assert (name, request["InvocationType"]) == ("invoke", "Event")
            assert request["FunctionName"] == "connector-sync"
            self.invoked.append(json.loads(request["Payload"]))
            return {"StatusCode": 202}
        if service == "stepfunctions":
            assert (name, request["stateMachineArn"]) == ("start_execution", MACHINE)
            if request["name"] in self.started:
                answer: Any = {"Error": {"Code": "ExecutionAlreadyExists"}}
                raise ClientError(answer, "StartExecution")
            self.started[request["name"]] = json.loads(request["input"])
            return {}
        return getattr(self.sqs, name)(**request)

    # What the redrive asks of CloudFormation.
    def resources(self) -> list[dict[str, str]]:
        own = {name: url for name, url in self.urls.items() if name != "Foreign"}
        kinds = [
            ("AWS::SQS::Queue", own),
            ("AWS::Lambda::Function", {"Sync": "connector-sync"}),
            ("AWS::StepFunctions::StateMachine", {"Imports": MACHINE}),
        ]
        return [
            {"LogicalResourceId": name, "PhysicalResourceId": value, "ResourceType": kind}
            for kind, each in kinds
            for name, value in each.items()
        ]

    def put(self, queue: str, body: Any, **attributes: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.urls[queue],
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text}
                for name, text in attributes.items()
            },
        )

    def inside(self, queue: str) -> list[Any]:
        """Also what is hidden just now."""
        self.show(queue)
        found: list[Any] = []
        while got := self.sqs.receive_message(QueueUrl=self.urls[queue], MaxNumberOfMessages=10):
            if "Messages" not in got:
                break
            found += [json.loads(message["Body"]) for message in got["Messages"]]
        self.show(queue)
        return found

    def show(self, queue: str) -> None:
        """Time passes: nothing is hidden any more."""
        from moto.sqs.models import sqs_backends  # noqa: PLC0415 - moto's own, for this alone

        for message in sqs_backends[ACCOUNT][REGION].queues[queue]._messages:
            message.change_visibility(0)

    def redrive(self, queue: str, *, dry_run: bool = False) -> bool:
        run = Redrive(self.client, "connector", say=self.lines.append)
        return run.run(queue, dry_run=dry_run)


class _Client:
    def __init__(self, account: Account, service: str) -> None:
        self._account, self._service = account, service

    def __getattr__(self, name: str) -> Any:
        return lambda **request: self._account.call(self._service, name, self._quick(request))

    @staticmethod
    def _quick(request: dict[str, Any]) -> dict[str, Any]:
        """Nobody comes later: do not wait for it."""
        return {k: 0 if k == "WaitTimeSeconds" else value for k, value in request.items()}

    def get_paginator(self, name: str) -> Any:
        assert (self._service, name) == ("cloudformation", "list_stack_resources")
        return self

    def paginate(self, *, StackName: str) -> Iterator[Any]:  # noqa: N803
        assert StackName == "connector"
        every = self._account.resources()
        yield {"StackResourceSummaries": every[:3]}
        yield {"StackResourceSummaries": every[3:]}


@pytest.fixture
def account(aws: None) -> Account:
    return Account()


def failed(payload: Any, kind: str = "PublishFailed") -> dict[str, Any]:
    """As Lambda tells it to the failure destination."""
    return {
        "requestContext": {"functionArn": f"{SYNC}:$LATEST", "condition": "RetriesExhausted"},
        "requestPayload": payload,
        "responsePayload": {"errorType": kind, "errorMessage": "ada@example.com"},
    }


def test_dead_letters_of_a_queue_go_back_to_it(account: Account) -> None:
    for number in range(25):
        account.put("WebhookDeadLetters", {**EVENT, "id": str(number)})
    assert account.redrive("WebhookDeadLetters") is True
    assert account.inside("WebhookDeadLetters") == []
    back = account.inside("WebhookQueue")
    assert sorted(int(each["id"]) for each in back) == list(range(25))
    assert back[0]["resource"] == EVENT["resource"]


def test_a_tick_starts_its_function_again(account: Account) -> None:
    account.put("Dead", TICK, TARGET_ARN=SYNC, ERROR_CODE="TooManyRequestsException")
    assert account.redrive("Dead") is True
    assert account.invoked == [TICK]
    assert account.inside("Dead") == []
    assert any("TooManyRequestsException" in line for line in account.lines)


def test_a_run_that_failed_runs_again_once_for_all(account: Account) -> None:
    """A hundred ticks of a stream have the same work; a reset of it has another."""
    for minute in range(20):
        account.put("Failures", failed({**TICK, "scheduled_time": str(minute)}))
    account.put("Failures", failed({"instance": "default", "stream": "orders", "from": "full"}))
    account.put("Failures", failed({**TICK, "stream": "skus"}))
    assert account.redrive("Failures") is True
    assert sorted((each["stream"], each.get("from", "")) for each in account.invoked) == [
        ("orders", ""), ("orders", "full"), ("skus", ""),
    ]  # fmt: skip
    assert account.inside("Failures") == []


def test_the_event_of_a_rule_goes_to_its_target(account: Account) -> None:
    event = {"detail-type": "orders.place", "detail": EVENT}
    account.put("Dead", event, TARGET_ARN=SYNC, RULE_ARN="r")
    account.put("Dead", event, TARGET_ARN=account.arn("WebhookQueue"), RULE_ARN="r")
    assert account.redrive("Dead") is True
    assert account.invoked == [event] == account.inside("WebhookQueue")


def test_an_upload_starts_its_state_machine_and_that_once(account: Account) -> None:
    upload = {"detail-type": "Object Created", "detail": {"object": {"key": "imports/a.csv"}}}
    for _ in range(2):
        account.put("Dead", upload, TARGET_ARN=MACHINE, RULE_ARN="r")
    assert account.redrive("Dead") is True
    assert list(account.started.values()) == [upload]


def test_a_dry_run_shows_and_sends_nothing(account: Account) -> None:
    account.put("Failures", failed(TICK))
    account.put("Failures", failed(TICK))
    assert account.redrive("Failures", dry_run=True) is False
    assert account.invoked == []
    assert account.lines[0].split(": ", 1) == [
        "     2 to send",
        "instance=default stream=orders -> Sync (PublishFailed)",
    ]
    received = account.sqs.receive_message(
        QueueUrl=account.urls["Failures"], MaxNumberOfMessages=10
    )
    assert len(received["Messages"]) == 2, "they are not hidden"


def test_nobody_is_shown(account: Account) -> None:
    account.put("WebhookDeadLetters", EVENT)
    account.put("Dead", {"detail-type": "x", "detail": EVENT}, TARGET_ARN=SYNC)
    account.put("Failures", failed({**TICK, "email": "ada@example.com"}))
    for queue in ("WebhookDeadLetters", "Dead", "Failures"):
        account.redrive(queue)
    said = "\n".join(account.lines)
    assert "topic=orders.place" in said
    assert "ada" not in said


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        (TICK, {"TARGET_ARN": SYNC.replace("connector", "somebody-elses")}),
        (TICK, {"TARGET_ARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:Foreign"}),
        (TICK, {}),
        ("no json", {}),
        ("[1]", {}),
        (TICK, {"TARGET_ARN": SYNC, "IS_PAYLOAD_TRUNCATED": "true"}),
    ],
)
def test_what_has_no_target_here_stays(
    account: Account, body: Any, attributes: dict[str, str]
) -> None:
    account.put("Dead", body, **attributes)
    assert account.redrive("Dead") is False
    assert account.invoked == []
    assert account.inside("Foreign") == []
    about = account.sqs.get_queue_attributes(
        QueueUrl=account.urls["Dead"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert about["Attributes"]["ApproximateNumberOfMessages"] == "1", "it is there at once"


def test_what_is_refused_stays(account: Account) -> None:
    account.put("Failures", failed(TICK))
    account.broken = "invoke"
    assert account.redrive("Failures") is False
    account.broken = ""
    assert account.redrive("Failures") is True
    assert account.invoked == [TICK]


def test_what_fails_again_at_once_does_not_go_round(account: Account) -> None:
    account.put("Failures", failed(TICK))
    real = account.call

    def call(service: str, name: str, request: dict[str, Any]) -> Any:
        if service == "lambda":
            with time_machine.travel(datetime.now(UTC) + timedelta(seconds=3)):
                account.put("Failures", failed({**TICK, "stream": f"{len(account.invoked)}"}))
        return real(service, name, request)

    account.call = call  # type: ignore[method-assign]
    account.redrive("Failures")
    assert len(account.invoked) == 1
    assert len(account.inside("Failures")) == 1


def test_what_somebody_else_has_is_not_forgotten(account: Account) -> None:
    account.put("Failures", failed(TICK))
    account.sqs.receive_message(QueueUrl=account.urls["Failures"], VisibilityTimeout=100)
    assert account.redrive("Failures") is False
    assert "1 hidden" in account.lines[1]


def test_a_queue_that_is_not_there(account: Account) -> None:
    with pytest.raises(Refused, match="no queue Typo"):
        account.redrive("Typo")


def test_the_overview_counts(account: Account) -> None:
    account.put("Dead", TICK)
    Redrive(account.client, "connector", say=account.lines.append).overview()
    assert [line.split() for line in account.lines] == [
        ["1", "in", "Dead"], ["0", "in", "Failures"], ["0", "in", "WebhookDeadLetters"],
    ]  # fmt: skip


def test_stopped_anywhere_nothing_is_lost() -> None:
    """Killed before each of its calls in turn, then run to the end: all of it has arrived."""
    killed = -1
    while True:
        killed += 1
        with mock_aws():
            account = Account()
            for number in range(2):
                account.put("WebhookDeadLetters", {**EVENT, "id": str(number)})
            account.calls_left = killed
            try:
                account.redrive("WebhookDeadLetters")
            except Killed:
                account.calls_left = 10_000
                account.show("WebhookDeadLetters")
                assert account.redrive("WebhookDeadLetters") is True
            else:
                break
            arrived = [each["id"] for each in account.inside("WebhookQueue")]
            assert set(arrived) == {"0", "1"}
            assert len(arrived) <= 3, "one at most comes twice"
            assert account.inside("WebhookDeadLetters") == []
    assert killed > 10
