"""The simulator in a process of its own, so that its CPU and memory are not counted as ours."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class SimulatorProcess:
    base: str
    pid: int

    @property
    def api_url(self) -> str:
        return f"{self.base}/api"

    @property
    def auth_url(self) -> str:
        return f"{self.base}/oauth/token"

    def headers(self) -> dict[str, str]:
        body = {
            "grant_type": "client_credentials",
            "client_id": "demo-client",
            "client_secret": "demo-secret",
        }
        request = Request(  # noqa: S310 - our own loopback address
            self.auth_url, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urlopen(request) as answer:  # noqa: S310
            token = json.load(answer)["access_token"]
        return {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.api+json",
            "content-type": "application/vnd.api+json",
        }


@contextmanager
def simulator_process(*, seed: int, limit_scale: float = 100) -> Iterator[SimulatorProcess]:
    """Its rate limits are on, and wide: the pacer reads them off the answers and need not wait."""
    command = [
        *(sys.executable, "-m", "local.simulator", "--port", "0", "--seed", str(seed)),
        *("--limits", "sliding", "--limit-scale", str(limit_scale)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # It says where it listens as soon as it does.
            line = next(line for line in process.stdout if "http://127.0.0.1:" in line)
            base = "http://127.0.0.1:" + line.split("http://127.0.0.1:")[1].split("/")[0].split()[0]
            yield SimulatorProcess(base, process.pid)
        finally:
            process.terminate()
