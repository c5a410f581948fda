"""`make redrive`: what ended in a dead-letter queue goes where it was meant to go, once more.

Runs on your machine, against the AWS account that your environment names, or the local one. A
message tells itself where it wanted to go:

    from a queue (redrive policy)    back to that queue
    from a schedule or a rule        to the target in the message's attributes
    from a function that failed      to that function, with what it was called with

It goes only to queues, functions and state machines of the stack that it was found in. It leaves
the dead-letter queue when its target has accepted it, not before: whoever stops this in the middle
loses nothing, and may at worst send one message twice, which everything here can bear.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

# Until a message that nobody sent on is seen again; those that stay are given back at once.
HIDDEN_SECONDS = 120
# What may be shown of a message: the rest can be about people.
SHOWN = ("instance", "stream", "from", "topic", "id")
QUEUE, FUNCTION = "AWS::SQS::Queue", "AWS::Lambda::Function"
MACHINE = "AWS::StepFunctions::StateMachine"
DONE = ("sent", "like one that was sent")


class Refused(Exception):
    """What was asked cannot be done; the message says why."""


@dataclass(frozen=True)
class Message:
    body: str
    attributes: Mapping[str, str]
    sent: float
    receipt: str

    @classmethod
    def of(cls, received: Mapping[str, Any]) -> "Message":
        return cls(
            body=received["Body"],
            attributes={
                name: each.get("StringValue", "")
                for name, each in received.get("MessageAttributes", {}).items()
            },
            sent=int(received["Attributes"]["SentTimestamp"]) / 1000,
            receipt=received["ReceiptHandle"],
        )

    @cached_property
    def content(self) -> dict[str, Any]:
        """The JSON object that it is; empty if it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def wrapped(self) -> bool:
        """Whether it is Lambda's record of an invocation that failed."""
        return {"requestPayload", "requestContext"} <= self.content.keys()

    @property
    def payload(self) -> str:
        return json.dumps(self.content["requestPayload"]) if self.wrapped else self.body

    @property
    def reason(self) -> str:
        """A word, never a text: texts may quote what they are about."""
        answer = self.content.get("responsePayload") if self.wrapped else None
        kind = answer.get("errorType") if isinstance(answer, dict) else None
        return str(kind or self.attributes.get("ERROR_CODE") or "failed again and again")

    @property
    def summary(self) -> str:
        about = self.content["requestPayload"] if self.wrapped else self.content
        if "detail-type" in self.content:  # of a rule
            about = self.content.get("detail") or {}
        shown = {name: about[name] for name in SHOWN if isinstance(about.get(name), str)}
        return " ".join(f"{name}={text[:64]}" for name, text in shown.items()) or "(no event)"


@dataclass
class Redrive:
    """`client` gives the boto3 client of a service; `say` gets lines to print."""

    client: Callable[[str], Any]
    stack: str
    say: Callable[[str], None] = print
    _sent: set[str] = field(default_factory=set)
    _held: list[str] = field(default_factory=list)  # receipts of what nobody else can receive now

    @cached_property
    def _resources(self) -> list[dict[str, str]]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return [
            each
            for page in pages.paginate(StackName=self.stack)
            for each in page["StackResourceSummaries"]
        ]

    def _of_type(self, kind: str) -> dict[str, str]:
        """Physical ids by logical ids."""
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in self._resources
            if each["ResourceType"] == kind
        }

    @cached_property
    def _queues(self) -> dict[str, dict[str, str]]:
        """Attributes by the logical id."""
        return {name: self._about(url) for name, url in self._of_type(QUEUE).items()}

    def _about(self, url: str) -> dict[str, str]:
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return {**answer["Attributes"], "Url": url}

    def overview(self) -> None:
        """What is in each queue that holds dead letters: those that have none behind them."""
        for name, queue in sorted(self._queues.items()):
            if "RedrivePolicy" not in queue:
                self.say(f"{int(queue['ApproximateNumberOfMessages']):6} in {name}")

    def run(self, name: str, *, dry_run: bool = False) -> bool:
        """Empty the queue; whether all that was in it has been sent. Raises Refused.

        What comes in meanwhile stays: it may be what was sent a moment ago and failed again.
        """
        if name not in self._queues:
            raise Refused(f"{self.stack} has no queue {name}. It has {', '.join(self._queues)}.")
        queue, seen, left = self._queues[name], Counter[tuple[str, ...]](), 0
        sqs, url = self.client("sqs"), queue["Url"]
        try:
            for message, begun in self._messages(url):
                target, outcome = self._target(queue, message), "is new, stays"
                if message.sent <= begun:
                    outcome = self._send(target, message, dry_run=dry_run)
                    left += outcome not in DONE
                if outcome in DONE:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)
                    self._held.remove(message.receipt)
                seen[(outcome, target, message.summary, message.reason)] += 1
        finally:
            self._give_back(url)
            for (outcome, target, summary, reason), count in sorted(seen.items()):
                self.say(f"{count:6} {outcome}: {summary} -> {target} ({reason})")
        hidden = int(self._about(url)["ApproximateNumberOfMessagesNotVisible"])
        self.say(f"{left:6} left in {name}")
        if hidden:
            self.say(f"{hidden:6} hidden: somebody else has them, or this was stopped hard. Run it")
            self.say(f"       again in {HIDDEN_SECONDS // 60} minutes.")
        return left == hidden == 0

    def _give_back(self, url: str) -> None:
        while self._held:
            self.client("sqs").change_message_visibility(
                QueueUrl=url, ReceiptHandle=self._held.pop(), VisibilityTimeout=0
            )

    def _messages(self, url: str) -> Iterator[tuple[Message, float]]:
        """All that can be received, each with the time of the queue's clock when this began."""
        begun, known = 0.0, set[str]()
        while True:
            answer = self.client("sqs").receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,  # asks all of SQS's servers, not a sample of them
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
            self._held += [each["ReceiptHandle"] for each in answer.get("Messages", ())]
            begun = begun or parsedate_to_datetime(date).timestamp() + 1
            for received in answer.get("Messages", ()):
                if received["MessageId"] in known:
                    return
                known.add(received["MessageId"])
                yield Message.of(received), begun
            if not answer.get("Messages"):
                return

    def _target(self, queue: Mapping[str, str], message: Message) -> str:
        """The logical id of a resource of this stack; else what it is, in brackets."""
        arn = message.attributes.get("TARGET_ARN") or (
            message.content["requestContext"].get("functionArn", "") if message.wrapped else ""
        )
        if ":lambda:" in arn:
            name = arn.split(":")[6]
            functions = self._of_type(FUNCTION)
            return next((key for key, own in functions.items() if own == name), f"[{arn}]")
        for name, machine in self._of_type(MACHINE).items():
            if arn == machine:
                return name
        for name, other in self._queues.items():
            dead = json.loads(other.get("RedrivePolicy", "{}")).get("deadLetterTargetArn")
            if arn == other["QueueArn"] or (not arn and dead == queue["QueueArn"]):
                return name
        return f"[{arn or 'unknown'}]"

    def _send(self, target: str, message: Message, *, dry_run: bool) -> str:
        if target.startswith("["):
            return "no target in this stack, stays"
        if message.attributes.get("IS_PAYLOAD_TRUNCATED", "").lower() == "true":
            return "cut off, stays"
        if dry_run:
            return "to send"
        # Ticks of one stream differ in their time alone: one run does the work of all.
        key = f"{target} {_without_time(message.payload)}"
        if target in self._of_type(FUNCTION) and key in self._sent:
            return "like one that was sent"
        try:
            self._hand_over(target, message)
        except (ClientError, BotoCoreError) as error:
            return f"refused ({type(error).__name__}), stays"
        self._sent.add(key)
        return "sent"

    def _hand_over(self, target: str, message: Message) -> None:
        """Raises what AWS raises; after it, the message is in AWS's hands."""
        if target in self._queues:
            self.client("sqs").send_message(
                QueueUrl=self._queues[target]["Url"], MessageBody=message.payload
            )
        elif target in self._of_type(MACHINE):
            self._start(self._of_type(MACHINE)[target], message.payload)
        else:
            self.client("lambda").invoke(
                FunctionName=self._of_type(FUNCTION)[target],
                InvocationType="Event",
                Payload=message.payload,
            )

    def _start(self, machine: str, payload: str) -> None:
        """Under a name of the payload's, so that the same is never started twice."""
        states, name = self.client("stepfunctions"), sha256(payload.encode()).hexdigest()
        try:
            states.start_execution(stateMachineArn=machine, name=name, input=payload)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise


def _without_time(payload: str) -> str:
    try:
        content = json.loads(payload)
    except ValueError:
        return payload
    if isinstance(content, dict):
        content.pop("scheduled_time", None)
    return json.dumps(content, sort_keys=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.redrive")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--queue", default="", help="logical id; without it: what is where")
    parser.add_argument("--dry-run", action="store_true", help="show, send nothing")
    arguments = parser.parse_args()
    client: Callable[..., Any] = boto3.client  # typed for single names, not for any
    redrive = Redrive(client, arguments.stack)
    try:
        if not arguments.queue:
            redrive.overview()
            return 0
        return 0 if redrive.run(arguments.queue, dry_run=arguments.dry_run) else 1
    except (Refused, ClientError, BotoCoreError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was not sent is still there.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
