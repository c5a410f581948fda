"""`make demo`, `connect`, `start` and `invoke`: the connector in the local AWS, for people."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from local.lambda_runtime import LambdaRuntime
from local.processes import ProcessFailed
from local.simulator import Simulator
from local.stack import Stack, connect, demo, local_stack
from local.stack.ministack import ACCESS_KEY, REGION, SECRET_KEY
from local.stack.stack import INSTANCE, FunctionFailed, NotHealthy
from local.stack.telling import StoryFailed
from local.tools import FUNCTIONS, NotInstalled

SEED = 50


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, _end)
    try:
        arguments.command(arguments)
    except TOLD as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEverything is stopped.")
    return 0


def tell(_: argparse.Namespace) -> None:
    """The story, then everything ends."""
    begun = time.monotonic()
    with _world(parameters={"ScheduleState": "DISABLED"}) as (stack, _simulator):
        demo.tell(stack)
    print(f"\nThat was the whole way, in {time.monotonic() - begun:.0f} s. Nothing of it is left.")
    print("\nNext:")
    print("  make connect        how webhooks come to life, break and heal")
    print("  make start          the same, left running, to try requests of your own")
    print("  make invoke FUNCTION=api EVENT=events/api/list_skus.json")
    print("  make deploy         into your AWS account")


def connected(_: argparse.Namespace) -> None:
    """The story of the webhooks, then everything ends."""
    begun = time.monotonic()
    with _world(parameters=connect.PARAMETERS) as (stack, simulator):
        if simulator is None:
            raise AssertionError("without a secret there is a simulator")
        connect.tell(stack, simulator)
    print(f"\nThat was all of it, in {time.monotonic() - begun:.0f} s. Nothing of it is left.")
    print("docs/webhooks.md tells how to do the same in your account.")


def start(arguments: argparse.Namespace) -> None:
    """Stays up until Ctrl-C."""
    secret = _secret(arguments.instance_secret) if arguments.instance_secret else None
    parameters = {"SyncSchedule": "rate(1 minute)", "GuardianSchedule": "rate(1 minute)"}
    if not secret:  # the real Commerce Layer finds no way to this machine
        parameters["WebhookTopics"] = connect.TOPICS
    with _world(secret=secret, parameters=parameters) as (stack, simulator):
        print(_guide(stack, simulator), flush=True)
        threading.Event().wait()


def invoke(arguments: argparse.Namespace) -> None:
    """One function on one sample, in the Lambda runtime, configured as it is deployed."""
    try:
        event = json.loads(arguments.event.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _Refused(f"{arguments.event} is not a JSON file that can be read: {error}") from None
    name = FUNCTIONS[arguments.function]
    with (
        _world(parameters={"ScheduleState": "DISABLED"}) as (stack, _),
        LambdaRuntime(name, stack.function(name), stack.aws.environment) as runtime,
    ):
        answer = runtime.invoke(event)
        # Without the emulator's own diary.
        said = [line for line in runtime.log().splitlines() if "(rapid)" not in line]
        print("\n".join(["", *said, "", f"Answer after {answer.seconds * 1000:.0f} ms:"]))
    print(json.dumps(answer.payload, indent=2, ensure_ascii=False))
    if answer.failed:
        raise _Refused(f"{name} failed.")


class _Refused(Exception):
    """What was asked cannot be done; the message says why."""


# What went wrong and is said in one sentence, without a stack trace.
TOLD = (NotInstalled, ProcessFailed, NotHealthy, FunctionFailed, StoryFailed, _Refused)


@contextmanager
def _world(
    *, secret: Mapping[str, Any] | None = None, parameters: Mapping[str, str]
) -> Iterator[tuple[Stack, Simulator | None]]:
    """The stack and, unless there is a secret of a real instance, the simulator."""
    say = _progress()
    if secret:
        with local_stack(None, secret=secret, parameters=parameters, say=say) as stack:
            yield stack, None
    else:
        with Simulator(seed=SEED) as simulator:
            say(f"simulator: a Commerce Layer with {SEED} orders, {simulator.url}")
            with local_stack(simulator, parameters=parameters, say=say) as stack:
                say("ready")
                yield stack, simulator


def _progress() -> Callable[[str], None]:
    begun = time.monotonic()
    return lambda text: print(f"[{time.monotonic() - begun:4.0f} s] {text}", flush=True)


def _secret(path: Path) -> dict[str, Any]:
    try:
        secret = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise _Refused(f"{path} is not a JSON file that can be read.") from None
    if not isinstance(secret, dict):
        raise _Refused(f"{path} must hold a JSON object: the credentials of one instance.")
    return secret


def _guide(stack: Stack, simulator: Simulator | None) -> str:
    curl = f"curl -s --globoff --user {ACCESS_KEY}:{SECRET_KEY}"
    curl += f" --aws-sigv4 aws:amz:{REGION}:execute-api"
    aws = f"AWS_ENDPOINT_URL={stack.aws.endpoint} AWS_ACCESS_KEY_ID={ACCESS_KEY}"
    aws += f" AWS_SECRET_ACCESS_KEY={SECRET_KEY} AWS_DEFAULT_REGION={REGION} aws"
    api = f"{stack.url}/instances/{INSTANCE}"
    upstream = simulator.url if simulator else "the real Commerce Layer"
    topics = (
        f"{connect.TOPICS}, made within a minute" if simulator else "none: they find no way here"
    )
    return f"""
HTTP API        {stack.url}
AWS endpoint    {stack.aws.endpoint}
Commerce Layer  {upstream}
Schedules       every stream, every minute; events go to the bus `{stack.resource("EventBus")}`
Webhooks        {topics}
Logs            {stack.directory}

Test the connection, list SKUs, create a customer, see what a resource offers:
  {curl} {api}
  {curl} '{api}/api/skus?page[size]=2'
  {curl} -H 'content-type: application/json' -d '{{"email": "ada@example.com"}}' {api}/api/customers
  {curl} {api}/resources/orders

Everything in the local AWS answers the AWS CLI:
  {aws} logs tail {stack.resource("SyncLogGroup")} --follow
  {aws} dynamodb scan --table-name {stack.resource("Table")}

Ctrl-C stops everything."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("demo", help="tell the story").set_defaults(command=tell)
    commands.add_parser("connect", help="the story of the webhooks").set_defaults(command=connected)
    starts = commands.add_parser("start", help="stay up until Ctrl-C")
    starts.add_argument(
        "--instance-secret",
        type=Path,
        help="JSON file with the credentials of a real instance, instead of the simulator",
    )
    starts.set_defaults(command=start)
    invokes = commands.add_parser("invoke", help="one function on one sample")
    invokes.add_argument("function", choices=FUNCTIONS)
    invokes.add_argument("event", type=Path)
    invokes.set_defaults(command=invoke)
    return parser


def _end(*_: object) -> NoReturn:
    """As after Ctrl-C: let every block clean up what it started."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
