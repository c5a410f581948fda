"""`make demo`, `make start`, `make invoke`: what people type."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.stack.ministack import MiniStack
from local.tools import FUNCTIONS, ROOT
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

READY = "Ctrl-C stops everything"


@contextmanager
def started(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m local.stack …`, all of its temporary files in `directory`."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "local.stack", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def finish(directory: Path, *arguments: str) -> tuple[int, str]:
    with started(directory, *arguments) as process:
        said, _ = process.communicate(timeout=150)
    return process.returncode, said


def until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if READY in line:
            break
    said = "".join(lines)
    assert READY in said, said
    return said


def value(said: str, label: str) -> str:
    return next(
        line.removeprefix(label).strip() for line in said.splitlines() if line.startswith(label)
    )


def is_gone(endpoint: str) -> bool:
    try:
        httpx.get(endpoint, timeout=5)
    except httpx.ConnectError:
        return True
    return False


def test_the_demo_tells_the_whole_story_and_leaves_nothing(tmp_path: Path) -> None:
    code, said = finish(tmp_path, "demo")
    assert code == 0, said
    for step in range(1, 6):
        assert f"\n{step}. " in said
    assert "connected: true" in said
    assert "detail-type: orders.changed" in said
    assert list(tmp_path.iterdir()) == []


def test_connect_shows_how_webhooks_live(tmp_path: Path) -> None:
    code, said = finish(tmp_path, "connect")
    assert code == 0, said
    for step in range(1, 8):
        assert f"\n{step}. " in said
    assert "detail-type: orders.approve" in said
    assert "circuit_state: open  circuit_failure_count: 30" in said
    assert "The probe: answered 404 (unknown-instance)." in said
    assert "circuit_state: closed  circuit_failure_count: 0" in said
    assert "shared_secret" not in said
    assert list(tmp_path.iterdir()) == []


def test_start_stays_up_and_ends_without_a_trace(tmp_path: Path) -> None:
    with started(tmp_path, "start") as process:
        said = until_ready(process)
        assert httpx.get(f"{value(said, 'HTTP API')}/instances").status_code == 403
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Everything is stopped" in rest
    assert is_gone(value(said, "AWS endpoint"))
    assert is_gone(value(said, "Commerce Layer"))
    assert list(tmp_path.iterdir()) == []


def test_start_with_a_secret_talks_to_the_real_commerce_layer(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"domain": "acme", "client_id": "a"}), encoding="utf-8")
    # Credentials that are not complete: whatever the schedules do, no request leaves the machine.
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with started(temporary, "start", "--instance-secret", str(secret)) as process:
        said = until_ready(process)
        assert value(said, "Commerce Layer") == "the real Commerce Layer"
        aws = MiniStack(value(said, "AWS endpoint"))
        stored = aws.client("secretsmanager").get_secret_value(SecretId="commerce-layer/default")
        assert json.loads(stored["SecretString"]) == {"domain": "acme", "client_id": "a"}
        functions = aws.client("lambda").list_functions()["Functions"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert is_gone(aws.endpoint)
    assert list(temporary.iterdir()) == []
    assert len(functions) == len(FUNCTIONS)
    for function in functions:
        assert function["Environment"]["Variables"]["COMMERCE_LAYER_API_URL"] == ""


def test_invoke_runs_one_function_on_one_sample(tmp_path: Path) -> None:
    code, said = finish(tmp_path, "invoke", "api", "events/api/list_skus.json")
    assert code == 0, said
    assert '"statusCode": 200' in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["start", "--instance-secret", "nowhere.json"], "nowhere.json is not a JSON file"),
        (["invoke", "api", "events/api/nothing.json"], "nothing.json is not a JSON file"),
        (["invoke", "unknown", "events/api/list_skus.json"], "choose from"),
    ],
)
def test_a_wrong_argument_is_told_at_once(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, said = finish(tmp_path, *arguments)
    assert code != 0
    assert message in said
    assert "Traceback" not in said
