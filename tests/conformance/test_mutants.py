"""The cases of the official clients can fail: each fault of mutants.toml is noticed by one."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.tools import ROOT
from tests.conformance import clients
from tests.conformance.clients import needs_node

pytestmark = [needs_node, pytest.mark.slow]

MUTANTS = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the simulator, to be broken."""
    home = tmp_path_factory.mktemp("mutants")
    shutil.copytree(ROOT / "local" / "simulator", home / "local" / "simulator")
    (home / "layers").symlink_to(ROOT / "layers")
    return home


@contextmanager
def broken(copy: Path, file: str, old: str, new: str) -> Iterator[None]:
    path = copy / "local" / "simulator" / file
    whole = path.read_text(encoding="utf-8")
    assert whole.count(old) == 1, f"{file} has changed: this fault must be put in anew"
    path.write_text(whole.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(whole, encoding="utf-8")


@contextmanager
def simulator(home: Path) -> Iterator[str]:
    """The address of a simulator of that copy, in a process of its own."""
    command = [
        *(sys.executable, "-m", "local.simulator", "--port", "0", "--token-limit", "0"),
        *("--organizations", "demo,acme"),
    ]
    # Nothing compiled from a fault may stay behind.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "/api" in line)
            yield line.split()[-1].removesuffix("/api")
        finally:
            process.terminate()


@pytest.mark.parametrize("name", MUTANTS)
def test_the_fault_is_noticed(name: str, copy: Path) -> None:
    mutant = dict(MUTANTS[name])
    file = mutant.pop("cases")
    with broken(copy, **mutant), simulator(copy) as url:
        cases = clients.run(file, {"SIMULATOR_URL": url, "FAIL_FAST": "1"})
    noticed = [case.name for case in cases if case.outcome == "failed"]
    print(f"\n{name}: {', '.join(noticed) or 'not noticed'}")
    assert noticed, f"no case of {file} noticed it"


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 20
