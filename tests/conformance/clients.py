"""Runs the cases of tests/clients: the official clients, under Node, against some address."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pytest

from local.tools import ROOT

HOME = ROOT / "tests" / "clients"
PATH = os.environ["PATH"]
# The first with `--import` and reporters of one's own; the clients themselves ask for 20.
_OLDEST = (18, 19)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    outcome: str
    reason: str


def files() -> list[str]:
    """Names of the files of cases: `crud`, `orders`, ..."""
    return sorted(path.name.removesuffix(".test.js") for path in HOME.glob("cases/*.test.js"))


@cache
def missing() -> str:
    """Why the cases cannot run here; empty if they can."""
    node = shutil.which("node")
    if not node:
        return "needs Node.js"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(map(int, re.findall(r"\d+", said)))
    if version < _OLDEST:
        return f"needs Node.js {'.'.join(map(str, _OLDEST))} or later, found {said.strip()}"
    if not (HOME / "node_modules" / ".installed").exists():
        return "needs the official clients: make install, with npm"
    return ""


needs_node = pytest.mark.skipif(bool(missing()), reason=missing())


def run(file: str, environment: Mapping[str, str], *, only: str = "") -> list[Case]:
    """All cases of that file, or those whose name matches the regular expression `only`."""
    done = subprocess.run(
        [
            *("node", "--import", "./preload.js", "--test-reporter", "./reporter.js"),
            *(["--test-name-pattern", only] if only else []),
            f"cases/{file}.test.js",
        ],
        cwd=HOME,
        env={"PATH": PATH, **environment},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    cases = [Case(**json.loads(line)) for line in done.stdout.splitlines()]
    assert cases, f"{file} ran no case:\n{done.stderr[-4000:]}"
    return cases
