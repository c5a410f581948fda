"""Child processes that never outlive the block that started them."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

GRACE = 3.0  # seconds between asking and killing


class ProcessFailed(Exception):
    """A command ended with an error; the message has the end of what it said."""


@contextmanager
def child(
    command: Sequence[str | Path], *, environment: Mapping[str, str], directory: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `command`; at the end of the block it and all of its descendants are gone.

    It gets a session of its own, so that Ctrl-C reaches us alone and things stop in order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, kind)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)


def run(
    command: Sequence[str | Path], *, environment: Mapping[str, str], directory: Path, log: Path
) -> None:
    """Runs `command` to its end. Raises ProcessFailed."""
    start = log.stat().st_size if log.exists() else 0
    with child(command, environment=environment, directory=directory, log=log) as process:
        code = process.wait()
    if code:
        said = log.read_bytes()[start:].decode(errors="replace").strip().splitlines()
        name = " ".join([Path(command[0]).name, *map(str, command[1:2])])
        raise ProcessFailed("\n".join([f"`{name}` ended with {code}:", *said[-25:]]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
