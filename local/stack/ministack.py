"""MiniStack, an AWS emulator in Python, as a child process."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

from local.processes import ProcessFailed, child, free_port
from local.tools import MINISTACK, need

REGION = "eu-west-1"
# MiniStack's root user. Not secret: they open nothing but the emulator.
ACCESS_KEY = SECRET_KEY = "test"
STARTS_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class MiniStack:
    endpoint: str

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated AWS."""
        make: Callable[..., Any] = boto3.client  # typed for single names, not for any
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What makes any AWS tool talk to the emulator, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def ministack(directory: Path, *, enforce_roles: bool = False) -> Iterator[MiniStack]:
    """An emulator on a free port of 127.0.0.1, its files below `directory`.

    enforce_roles: functions may do what their role allows and no more.
    """
    need(MINISTACK)
    port = free_port()
    emulator = MiniStack(f"http://127.0.0.1:{port}")
    environment = {
        # Functions inherit this environment: nothing of the user's may be in it.
        "PATH": os.defpath,
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "s3"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": str(enforce_roles).lower(),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    log = directory / "ministack.log"
    with child([MINISTACK], environment=environment, directory=directory, log=log) as process:
        until = time.monotonic() + STARTS_WITHIN
        while not _answers(emulator.endpoint):
            if process.poll() is not None or time.monotonic() > until:
                said = log.read_text(errors="replace")[-2000:]
                raise ProcessFailed(f"MiniStack did not start:\n{said}")
            time.sleep(0.05)
        yield emulator


def _answers(endpoint: str) -> bool:
    try:
        return httpx.get(f"{endpoint}/_ministack/health", timeout=1).is_success
    except httpx.TransportError:
        return False
