"""`python -m local.simulator`, as a user starts it, and the switches while it runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from local.simulator import Simulator, control
from local.simulator.faults import KINDS
from local.simulator.settings import FIXED, Settings

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "local.simulator"]


@contextmanager
def started(*switches: str) -> Iterator[str]:
    """Its address. Without a PYTHONPATH, and stopped by Ctrl-C."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [*COMMAND, "--port", "0", *switches]
    with subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        lines = [child.stdout.readline() for _ in range(4)]
        yield next(line.split()[1] for line in lines if "API" in line).removesuffix("/api")
        child.send_signal(signal.SIGINT)
        assert child.wait(5) == 0


def refused(*switches: str) -> str:
    """What it says to a wrong switch."""
    command = [*COMMAND, *switches]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_it_starts_by_its_name_alone_and_stops_on_ctrl_c() -> None:
    with started("--seed", "2") as address:
        assert httpx.get(f"{address}/_simulator/health").json()["records"]["orders"] == 2


def test_faults_can_be_there_from_the_start() -> None:
    with started(
        *("--fault", "502,path=/oauth/token,times=1"), *("--fault", "html,method=POST")
    ) as address:
        answers = [httpx.post(f"{address}/oauth/token") for _ in range(2)]
        assert [each.status_code for each in answers] == [502, 503]
        rules = httpx.get(f"{address}/_simulator/faults").json()["rules"]
        assert [rule["hits"] for rule in rules] == [1, 1]


def test_help_explains_every_switch() -> None:
    command = [*COMMAND, "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folded = " ".join(text.split())
    for each in fields(Settings):
        assert f"--{each.name.replace('_', '-')}" in text
        assert each.metadata["help"].split(";")[0] in folded.replace("- ", "-"), each.name
    for kind, meaning in KINDS.items():
        assert f"{kind} {meaning}" in folded
    for (method, name), act in control.ACTS.items():
        assert f"{method} /_simulator/{name}" in folded
        assert act.__doc__, f"{method} {name} tells nothing"


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        (("--organizations", ""), "'' is no slug"),
        (("--organizations", "demo,A b"), "'A b' is no slug"),
        (("--limits", "none"), "invalid choice: 'none'"),
        (("--seed", "many"), "invalid int value: 'many'"),
        (("--fault", "oops"), "'oops' is none of 500, 502"),
        (("--fault", "500,x=1"), "'x' is none of method, path"),
        (("--fault", "500,times=two"), "'two' is no value for times"),
    ],
)
def test_a_wrong_switch_is_named(switches: tuple[str, ...], said: str) -> None:
    assert said in refused(*switches)


def test_a_port_that_is_taken_is_named() -> None:
    with Simulator() as simulator:
        assert "Address already in use" in refused("--port", str(simulator.port))


@pytest.mark.parametrize("name", sorted(FIXED))
def test_what_it_is_built_from_stays(name: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match=f"{name}: decided when the simulator starts"):
        settings.change(**{name: getattr(settings, name)})


def test_settings_change_over_http_all_or_none(simulator: Simulator, http: httpx.Client) -> None:
    address = f"{simulator.url}/_simulator/settings"
    assert http.patch(address, json={"limits": "sliding"}).json()["limits"] == "sliding"
    wrong = http.patch(address, json={"latency": 0.5, "limits": "none"})
    assert wrong.status_code == 400
    assert "limits is one of off, sliding, window" in wrong.json()["error"]
    assert simulator.settings.latency == 0
