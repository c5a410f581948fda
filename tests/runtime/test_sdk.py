"""The official SDK, pointed at our HTTP API by the `fetch` of docs/sdk.md: the cases that it passes
against Commerce Layer's own API it passes here, signed, with roles enforced.
"""

import re
import subprocess
from collections.abc import Iterator

import pytest

from local.simulator import Simulator
from local.stack import Stack, local_stack
from local.tools import ROOT
from tests.conformance import clients
from tests.conformance.clients import needs_node
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, needs_node, pytest.mark.stack, pytest.mark.slow]

PAGE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")
ADAPTER, EXAMPLE = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)

# Not `auth`, `webhooks` and `cli`: tokens and deliveries do not go through the connector.
FILES = "client crud filters fulfilment jobs lists orders relations writes".split()
# Cases on what is not the connector's business: tokens, headers, faults, requests past the SDK.
SKIPPED = {"client": 12, "jobs": 1, "relations": 1, "writes": 7}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    # The limits that it tells of leave the connector no reason to pause.
    with Simulator(seed=20, limit_scale=1_000.0) as running:
        yield running


@pytest.fixture(scope="module")
def environment(simulator: Simulator) -> Iterator[dict[str, str]]:
    """What the cases need to find, through the connector, the API and its instance."""
    no_schedules = {"ScheduleState": "DISABLED"}
    with local_stack(simulator, enforce_roles=True, parameters=no_schedules) as stack:
        yield _environment(stack, simulator)


def _environment(stack: Stack, simulator: Simulator) -> dict[str, str]:
    return {
        **stack.aws.environment,
        "API": stack.url,
        "INSTANCE": "default",
        "SIMULATOR_URL": simulator.url,
    }


@pytest.mark.parametrize("file", FILES)
def test_the_cases_pass_through_the_connector(
    file: str, environment: dict[str, str], simulator: Simulator, subtests: pytest.Subtests
) -> None:
    cases = clients.run(file, environment)
    for case in cases:
        with subtests.test(msg=case.name):
            assert case.outcome in ("passed", "skipped"), case.reason
    skipped = sum(case.outcome == "skipped" for case in cases)
    assert skipped <= SKIPPED.get(file, 0), "a case is skipped that ran"


def test_the_page_shows_the_adapter_that_is_tested() -> None:
    adapter = (clients.HOME / "adapter.js").read_text(encoding="utf-8")
    assert f"// adapter.js\n{adapter}" == ADAPTER


def test_the_example_of_the_page_works(environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["node", "--import", "./preload.js", "--input-type=module"],
        input=EXAMPLE,
        cwd=clients.HOME,
        env={"PATH": clients.PATH, **environment, "SIMULATOR_URL": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\S+@example\.com approved\n", done.stdout)
