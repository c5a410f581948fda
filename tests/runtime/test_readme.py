"""The README, as a newcomer follows it: every command in it is run here, in the local AWS.

But for two: `make demo` has a test of its own (test_commands.py); `make test` is what runs this.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.simulator import Simulator
from local.stack import Stack, deployment, local_stack
from local.stack.ministack import ministack
from local.stack.stack import SIMULATOR_SECRET
from local.tools import ARCHITECTURE, ROOT, TOOLS
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
TRY, DEPLOY, ADD_INSTANCE, FIND_API, USE, RECEIVE = COMMANDS


@pytest.fixture(scope="module")
def strict() -> Iterator[Stack]:
    """Roles and signatures are enforced; nobody has added an instance yet, or created Ada."""
    with (
        Simulator(seed=20) as shop,
        local_stack(shop, enforce_roles=True, parameters={"ScheduleState": "DISABLED"}) as stack,
    ):
        stack.aws.client("secretsmanager").delete_secret(
            SecretId="commerce-layer/default", ForceDeleteWithoutRecovery=True
        )
        yield stack


def bash(commands: str, environment: dict[str, str], directory: Path) -> str:
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        env={
            **{name: text for name, text in os.environ.items() if not name.startswith("AWS_")},
            "PATH": f"{TOOLS / 'aws' / 'bin'}:{os.environ['PATH']}",
            "AWS_SESSION_TOKEN": "",
            **environment,
        },
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def answers_in(text: str) -> list[dict[str, Any]]:
    """JSON objects, one behind the other."""
    decoder, position, found = json.JSONDecoder(), 0, []
    while position < len(text.rstrip()):
        answer, position = decoder.raw_decode(text, position)
        found.append(answer)
    return found


def test_the_two_commands_that_do_everything_are_there() -> None:
    assert re.findall(r"^make (\w+)", TRY, re.MULTILINE) == ["demo", "test"]
    for target in sorted(set(re.findall(r"`?make (\w+)", README))):
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


def test_deploying_takes_the_defaults(tmp_path: Path) -> None:
    """`make deploy` asks for each parameter; whoever presses Enter all the time gets a stack."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    parameters = yaml.safe_load(template.split("\nMappings:")[0].split("\nParameters:")[1])
    answers = [
        *("connector", ""),  # stack name, region
        *("" for _ in parameters),
        *("n", "", "", "n"),  # confirm the changes; create roles; keep rollback; save to a file
    ]
    with ministack(tmp_path, enforce_roles=False) as aws, deployment.the_build():
        # The local AWS alone needs these two.
        overrides = f"--parameter-overrides Emulated=true Architecture={ARCHITECTURE}"
        said = bash(
            f"printf '%s\\n' {' '.join(repr(each) for each in answers)}"
            f" | {DEPLOY.strip()} ARGS={overrides!r}",
            aws.environment,
            ROOT,
        )
        assert "Successfully created/updated stack - connector" in said
        outputs = aws.client("cloudformation").describe_stacks(StackName="connector")
        names = {each["OutputKey"] for each in outputs["Stacks"][0]["Outputs"]}
    assert {"ApiUrl", "EventBusName", "SecretNames"} <= names


def test_adding_an_instance_and_using_it(strict: Stack, tmp_path: Path) -> None:
    form = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    form |= {
        "Domain": SIMULATOR_SECRET["domain"],
        "Client ID": SIMULATOR_SECRET["client_id"],
        "Client secret": SIMULATOR_SECRET["client_secret"],
    }
    (tmp_path / "instance.json").write_text(json.dumps(form), encoding="utf-8")
    bash(ADD_INSTANCE, strict.aws.environment, tmp_path)

    find = FIND_API.replace("commerce-layer-connector", deployment.STACK)
    address = bash(f'{find}\necho "$API"', strict.aws.environment, tmp_path)
    assert address.startswith("https://")

    # In the local AWS it answers at another address.
    said = bash(USE, {**strict.aws.environment, "API": strict.url}, tmp_path)
    connection, orders, customer = answers_in(said)
    assert connection["connected"] is True
    assert {order["status"] for order in orders["data"]} == {"placed"}
    assert customer["email"] == "ada@example.com"


def test_receiving_events(strict: Stack, tmp_path: Path) -> None:
    commands = RECEIVE.replace("commerce-layer-connector", deployment.STACK)
    assert "arn:aws:events:" in bash(commands, strict.aws.environment, tmp_path)
    rules = strict.aws.client("events").list_rules(EventBusName=strict.resource("EventBus"))
    assert "changed-orders" in [rule["Name"] for rule in rules["Rules"]]
