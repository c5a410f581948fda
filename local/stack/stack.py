"""The deployed connector: its HTTP API, schedules, bus and functions, in the local AWS."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.simulator import Simulator
from local.stack import deployment
from local.stack.ministack import ACCESS_KEY, REGION, SECRET_KEY, MiniStack, ministack

INSTANCE = "default"
# What a person would paste from Commerce Layer's dashboard.
SIMULATOR_SECRET = {
    "domain": "demo",
    "client_id": "demo-client",
    "client_secret": "demo-secret",
    "scope": "market:all",
    "grant_type": "client_credentials",
    "response_auth_token_key": "accessToken",
}

# What the samples in events/webhooks are signed with.
SAMPLE_WEBHOOK_SECRETS = {
    topic: ["0f1e2d3c4b5a69788796a5b4c3d2e1f0"]
    for topic in ("orders.place", "orders.approve", "orders.destroy")
}


class NotHealthy(Exception):
    """The stack is deployed but its API does not answer as it should."""


class FunctionFailed(Exception):
    """It raised; the message is the error that Lambda answers with."""


@dataclass
class Stack:
    """`directory` holds the logs of all processes; it goes when the stack goes."""

    aws: MiniStack
    directory: Path

    @cached_property
    def url(self) -> str:
        """Base URL of the HTTP API."""
        return f"{self.aws.endpoint}/_aws/execute-api/{self.resource('HttpApi')}"

    def resource(self, logical_id: str) -> str:
        """The physical id of a resource of template.yaml."""
        answer = self.aws.client("cloudformation").describe_stack_resource(
            StackName=deployment.STACK, LogicalResourceId=logical_id
        )
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def function(self, logical_id: str) -> dict[str, Any]:
        """A function's configuration as deployed: handler, timeout, environment, role."""
        configuration: dict[str, Any] = self.aws.client("lambda").get_function_configuration(
            FunctionName=self.resource(logical_id)
        )
        return configuration

    def configure(self, logical_id: str, **variables: str) -> None:
        """Change the environment of a function, which also gives it new containers."""
        configuration = self.function(logical_id)
        self.aws.client("lambda").update_function_configuration(
            FunctionName=configuration["FunctionName"],
            Environment={"Variables": configuration["Environment"]["Variables"] | variables},
        )

    def invoke(self, logical_id: str, event: Any) -> Any:
        """What the function answers. Raises FunctionFailed."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.resource(logical_id), Payload=json.dumps(event)
        )
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionFailed(json.dumps(payload))
        return payload

    def request(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> httpx.Response:
        """Call the HTTP API, signed with AWS credentials as its callers do."""
        request = AWSRequest(
            method,
            self.url + path,
            headers={"Content-Type": "application/json", **(headers or {})},
            data=None if document is None else json.dumps(document),
        )
        if signed:
            credentials = Credentials(ACCESS_KEY, SECRET_KEY)
            SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
        return httpx.request(
            method,
            self.url + path,
            headers=dict(request.headers.items()),
            content=request.data,
            timeout=35,
        )

    def fire(self, stream: str) -> None:
        """Let EventBridge Scheduler start, once and now, what the stream's schedule starts."""
        scheduler = self.aws.client("scheduler")
        deployed = scheduler.get_schedule(Name=f"{deployment.STACK}-{stream.replace('_', '-')}")
        scheduler.create_schedule(
            Name=f"once-{uuid4().hex[:12]}",
            ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target=deployed["Target"],
        )

    def subscribe(self, pattern: Mapping[str, Any] | None = None) -> "Subscription":
        """A queue that gets the events of the bus that match `pattern`, from now on."""
        sqs, events = self.aws.client("sqs"), self.aws.client("events")
        name = f"subscriber-{uuid4().hex[:8]}"
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        bus = self.resource("EventBus")
        events.put_rule(
            Name=name,
            EventBusName=bus,
            EventPattern=json.dumps(pattern or {"source": [{"prefix": "commerce-layer."}]}),
        )
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
        return Subscription(sqs, url)

    def logs(self, logical_id: str) -> list[str]:
        """What the functions of a log group of template.yaml have written, oldest first."""
        answer = self.aws.client("logs").filter_log_events(logGroupName=self.resource(logical_id))
        return [event["message"].rstrip() for event in answer["events"]]


@dataclass(frozen=True)
class Subscription:
    """A consumer of the bus: rule, queue, and the receiving end."""

    sqs: Any
    url: str

    def receive(self, at_least: int = 1, within: float = 30) -> list[dict[str, Any]]:
        """Events as EventBridge delivers them: all that are there, once `at_least` have come.

        Fewer when `within` seconds have passed.
        """
        events: list[dict[str, Any]] = []
        until = time.monotonic() + within
        while True:
            got = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=0 if len(events) >= at_least else 1,
            ).get("Messages", [])
            for message in got:
                events.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            if (not got and len(events) >= at_least) or time.monotonic() > until:
                return events


@contextmanager
def local_stack(
    simulator: Simulator | None,
    *,
    secret: Mapping[str, Any] | None = None,
    enforce_roles: bool = False,
    parameters: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Stack]:
    """Builds and deploys the connector, connects the instance `default`; ends all of it after.

    simulator       Commerce Layer; None is the real one
    secret          the six credentials; by default those of the simulator
    enforce_roles   functions may do what their role in template.yaml allows and no more
    parameters      of template.yaml, for example {"ScheduleState": "DISABLED"}
    """
    hosts = {}
    if simulator:
        hosts = {
            "CommerceLayerApiUrl": simulator.api_url,
            "CommerceLayerAuthUrl": simulator.auth_url,
        }
    with tempfile.TemporaryDirectory(prefix="connector-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        log = directory / "sam.log"
        with ministack(directory, enforce_roles=enforce_roles) as aws:
            with deployment.the_build():
                say("sam build: the layer and the functions")
                deployment.build(log)
                say("sam deploy: template.yaml into the local AWS")
                deployment.deploy(
                    aws, {"DeletionProtection": "false", **hosts, **(parameters or {})}, log
                )
            for secret_name, text in secrets_of(secret).items():
                aws.client("secretsmanager").create_secret(Name=secret_name, SecretString=text)
            stack = Stack(aws, directory)
            # The API has another address here than in AWS, and only now it is known.
            stack.configure("GuardianFunction", WEBHOOK_BASE_URL=stack.url)
            _check(stack)
            yield stack


def secrets_of(secret: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The secrets of the instance `default`, by name."""
    return {
        f"commerce-layer/{INSTANCE}": json.dumps(secret or SIMULATOR_SECRET),
        f"commerce-layer-webhooks/{INSTANCE}": json.dumps(SAMPLE_WEBHOOK_SECRETS),
    }


def _check(stack: Stack) -> None:
    answer = stack.request("GET", "/instances")
    if answer.status_code != 200:
        log = "\n".join(stack.logs("ApiLogGroup")[-20:])
        raise NotHealthy(f"GET /instances answered {answer.status_code} {answer.text}\n{log}")
