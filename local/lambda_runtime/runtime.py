"""One Lambda sandbox: the emulator, and below it Python 3.13 with the built code and layer."""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from local.processes import ProcessFailed, child, free_port
from local.tools import BUILD, LAYER, RUNTIME_PYTHON, emulator_binary, need

STARTS_WITHIN = 10.0
_INVOCATIONS = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What came back. `payload` is the function's answer, or {"errorType", "errorMessage", …}."""

    payload: Any
    seconds: float

    @property
    def failed(self) -> bool:
        return isinstance(self.payload, dict) and "errorType" in self.payload

    @property
    def timed_out(self) -> bool:
        return isinstance(self.payload, dict) and self.payload.get("errorType") == "Timeout"


class LambdaRuntime:
    """A warm container of one function while the `with` block lasts.

    configuration   as AWS describes a function: Handler, Timeout, MemorySize, Environment
    environment     more of it: where AWS is, and credentials, which Lambda sets by itself
    code, layer     folders as `sam build` leaves them; they stand for /var/task and /opt

    The first invocation is the cold start. One invocation at a time, as in Lambda.
    """

    def __init__(
        self,
        function: str,
        configuration: Mapping[str, Any],
        environment: Mapping[str, str],
        *,
        code: Path | None = None,
        layer: Path = LAYER,
    ) -> None:
        self.code = code or BUILD / function
        self.layer = layer / "python"
        self.handler: str = configuration["Handler"]
        timeout: int = configuration["Timeout"]
        self._url = ""
        self._one_at_a_time = threading.Lock()
        self._resources = ExitStack()
        self._environment = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            # Like /var/task and /opt, the artefacts are for reading only.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(self.layer),
            "LAMBDA_TASK_ROOT": str(self.code),
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            **configuration["Environment"]["Variables"],
            **environment,
        }
        self._patience = timeout + 10

    def __enter__(self) -> Self:
        need(RUNTIME_PYTHON, self.code, self.layer)
        directory = Path(
            self._resources.enter_context(tempfile.TemporaryDirectory(prefix="lambda-"))
        )
        self._log = directory / "runtime.log"
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        command: list[str | Path] = [emulator_binary(), "--log-level", "info"]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        command += [RUNTIME_PYTHON, "-m", "awslambdaric", self.handler]
        self._emulator = self._resources.enter_context(
            child(
                command,
                environment=self._environment | {"TMPDIR": str(directory)},
                directory=self.code,
                log=self._log,
            )
        )
        until = time.monotonic() + STARTS_WITHIN
        while not _listens(self._url):
            if self._emulator.poll() is not None or time.monotonic() > until:
                said = self.log()
                self._resources.close()
                raise ProcessFailed(f"The Lambda runtime did not start:\n{said}")
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def invoke(self, event: Any) -> Invocation:
        """Invoke the function and wait for its answer."""
        with self._one_at_a_time:
            begun = time.perf_counter()
            answer = httpx.post(
                self._url + _INVOCATIONS, content=json.dumps(event), timeout=self._patience
            )
            seconds = time.perf_counter() - begun
        if answer.text.startswith("Task timed out"):
            return Invocation({"errorType": "Timeout", "errorMessage": answer.text}, seconds)
        return Invocation(json.loads(answer.content) if answer.content else None, seconds)

    def log(self) -> str:
        """All that function and emulator have written until now."""
        return self._log.read_text(errors="replace")

    def peak_memory(self) -> int:
        """The most that the function's process has had in memory, in KiB. Linux only."""
        (process,) = self._processes()
        status = Path(f"/proc/{process}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def freeze(self) -> None:
        """Stop the function's process, as Lambda does between two invocations. Linux only."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def kill(self) -> None:
        """End the function's process where it stands; the next invocation is a cold start.

        Linux only.
        """
        for process in self._processes():
            os.kill(process, signal.SIGKILL)

    def _processes(self) -> list[int]:
        """Children of the emulator: the runtime, once there was an invocation."""
        tasks = Path(f"/proc/{self._emulator.pid}/task")
        return [
            int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()
        ]


def _listens(url: str) -> bool:
    try:
        httpx.get(url, timeout=1)
    except httpx.TransportError:
        return False
    return True
