"""The contract suite itself, as a user runs it: it cleans up, keeps secrets, and takes no risks."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.commerce_layer import catalog
from local.simulator import Simulator
from tests.contract.report import HIDDEN, Report, redact
from tests.contract.target import Secret, Target

ROOT = Path(__file__).parents[2]
CREDENTIALS = {"CLIENT_ID": "demo-client", "CLIENT_SECRET": "demo-secret"}


@pytest.fixture
def empty() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def make_contract(simulator: Simulator, cases: str, **environment: str) -> tuple[int, str]:
    """`make contract` for some cases: how it ended and all that it said. Installs nothing."""
    run = subprocess.run(
        [
            "make",
            "--old-file=.venv/.installed",
            "contract",
            f"API_URL={simulator.api_url}",
            f"AUTH_URL={simulator.auth_url}",
            f'ARGS=-q -k "{cases}"',
        ],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def census(simulator: Simulator) -> Counter[str]:
    """How many records there are of each type that can be created."""
    kinds = [kind for kind in catalog.types() if "create" in catalog.resource(kind).operations]
    return Counter({kind: len(simulator.store.all(kind)) for kind in kinds})


def test_nothing_is_left_behind_and_no_secret_said(empty: Simulator) -> None:
    before = census(empty)
    code, said = make_contract(empty, "test_triggers and (webhook or once)", **CREDENTIALS)
    assert (code, census(empty)) == (0, before), said
    assert empty.requests.matching("POST", "/api/webhooks")
    assert "demo-secret" not in said
    assert "eyJ" not in said


def test_a_record_whose_creation_was_not_answered_is_found_and_deleted(empty: Simulator) -> None:
    before = census(empty)
    empty.faults.add("reset_after", method="POST", path="/api/addresses", times=1)
    code, said = make_contract(empty, "test_triggers and once", **CREDENTIALS)
    assert code
    assert "OutcomeUnknown" in said
    assert census(empty) == before


def test_what_cannot_be_deleted_is_named_and_fails_the_run(empty: Simulator) -> None:
    empty.faults.add("500", method="DELETE", path="/api/tags/*")
    code, said = make_contract(empty, "test_triggers and once", **CREDENTIALS)
    (tag, *_) = empty.store.all("tags")
    assert code
    assert f"NOT DELETED: tags/{tag.id}" in said


def test_live_mode_is_refused_before_anything_is_written() -> None:
    with Simulator(mode="live") as simulator:
        code, said = make_contract(simulator, "test_records", **CREDENTIALS)
        assert code
        assert "live mode" in said
        assert [request for request in simulator.requests if "/api" in request.path] == []


def test_a_refused_credential_ends_the_run_at_once(empty: Simulator) -> None:
    code, said = make_contract(empty, "test_records", CLIENT_ID="demo-client", CLIENT_SECRET="no")
    assert code
    assert "AUTH_URL answers 401" in said
    assert len(list(empty.requests)) == 1


def test_addresses_without_credentials_are_refused_by_name(empty: Simulator) -> None:
    code, said = make_contract(empty, "test_records", CLIENT_ID="demo-client", CLIENT_SECRET="")
    assert code
    assert "CLIENT_SECRET missing" in said


def test_an_exported_address_does_not_send_make_test_out() -> None:
    assert Target.of({"API_URL": "https://api.example.com", **CREDENTIALS}) is None


def test_a_secret_is_taken_out_of_a_failure_s_report() -> None:
    secret = 'o"pen\\sesame'
    report = Report()
    report.hide(Secret(secret))
    outcome = pytest.TestReport(
        nodeid="a",
        location=("a.py", 1, "a"),
        keywords={},
        outcome="failed",
        longrepr=f"assert {secret} == {secret!r}",
        when="call",
        sections=[("Captured log", f"sent {secret}")],
    )
    redact(report, outcome)
    assert outcome.longrepr == f"assert {HIDDEN} == '{HIDDEN}'"
    assert outcome.sections == [("Captured log", f"sent {HIDDEN}")]
    assert secret not in repr(Target("", "", "", Secret(secret)))
    assert secret not in repr({"client_secret": Secret(secret)})
