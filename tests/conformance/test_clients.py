"""The official clients from npm, unmodified, against the simulator. The cases: tests/clients."""

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from connector.commerce_layer import catalog
from local.simulator import Simulator
from tests.conformance import clients
from tests.conformance.clients import Case, needs_node

pytestmark = [needs_node, pytest.mark.slow]

Run = Callable[[str], tuple[list[Case], frozenset[str]]]


@pytest.fixture(scope="module")
def run() -> Run:
    """Runs a file once, against a simulator of its own. Tells which resource types answered."""

    @cache
    def once(file: str) -> tuple[list[Case], frozenset[str]]:
        with Simulator(organizations="demo,acme", token_limit=0) as simulator:
            cases = clients.run(file, {"SIMULATOR_URL": simulator.url})
            answered = frozenset(
                path.split("/")[2]
                for _, path, _, status, *_ in simulator.requests
                if path.startswith("/api/") and status and status < 300
            )
        return cases, answered

    return once


@pytest.mark.parametrize("file", clients.files())
def test_the_cases_pass(file: str, run: Run, subtests: pytest.Subtests) -> None:
    cases, _ = run(file)
    for case in cases:
        with subtests.test(msg=case.name):
            if case.outcome == "skipped":
                pytest.skip(case.reason)
            assert case.outcome == "passed", case.reason


@pytest.mark.timeout(600)  # it may be the first one, and then runs them all
def test_there_are_many_over_many_types(run: Run) -> None:
    runs = [run(file) for file in clients.files()]
    names = [case.name for cases, _ in runs for case in cases]
    types = frozenset().union(*(answered for _, answered in runs)) & frozenset(catalog.types())
    outcomes = Counter(case.outcome for cases, _ in runs for case in cases)
    print(f"\nofficial clients: {dict(outcomes)} over {len(types)} resource types")
    assert len(set(names)) == len(names), "two cases have the same name"
    assert outcomes["passed"] >= 150
    assert len(types) >= 40
