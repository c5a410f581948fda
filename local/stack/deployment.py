"""A real `sam build` and `sam deploy` of template.yaml into MiniStack."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.processes import run
from local.stack.ministack import REGION, MiniStack
from local.tools import ARCHITECTURE, BUILD, ROOT, RUNTIME_PYTHON, SAM, need

STACK = "connector"
_BUCKET = "deployments"
_SOURCES = [ROOT / name for name in ("template.yaml", "samconfig.toml", "layers", "functions")]


def build(log: Path) -> None:
    """Build the layer and the functions into .aws-sam/build. Raises ProcessFailed.

    Not again when nothing changed: `sam build` takes seconds to find that out.
    """
    need(SAM, RUNTIME_PYTHON)
    built = BUILD / "template.yaml"
    if built.exists() and built.stat().st_mtime > max(map(_changed, _SOURCES)):
        return
    begun = time.time()
    run([SAM, "build"], environment=environment(log.parent), directory=ROOT, log=log)
    # What changes while it runs may have been missed.
    os.utime(built, (begun, begun))


def deploy(emulator: MiniStack, parameters: Mapping[str, str], log: Path) -> None:
    """Deploy what was built, as the stack `connector`. Raises ProcessFailed."""
    emulator.client("s3").create_bucket(
        Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    # What MiniStack has no handler for stands behind this one parameter.
    values = {"Emulated": "true", "Architecture": ARCHITECTURE, **parameters}
    run(
        [
            *(SAM, "deploy", "--stack-name", STACK, "--s3-bucket", _BUCKET, "--no-resolve-s3"),
            *("--no-confirm-changeset", "--no-progressbar", "--capabilities", "CAPABILITY_IAM"),
            *("--parameter-overrides", *(f"{name}='{text}'" for name, text in values.items())),
        ],
        environment=environment(log.parent) | emulator.environment,
        directory=ROOT,
        log=log,
    )

    _number_concurrency(emulator)


def _number_concurrency(emulator: MiniStack) -> None:
    """A concurrency that refers to a parameter arrives there as text, and stops all polling."""
    client = emulator.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        scaling = {name: int(value) for name, value in mapping.get("ScalingConfig", {}).items()}
        client.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)


@contextmanager
def the_build() -> Iterator[None]:
    """One at a time: .aws-sam/build must not change while it is being deployed."""
    directory = ROOT / ".aws-sam"
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _changed(path: Path) -> float:
    """When `path` changed last, or anything below it came, went or changed."""
    below = (each for each in path.rglob("*") if "__pycache__" not in each.parts)
    return max(each.stat().st_mtime for each in (path, *below))


def environment(temporary: Path) -> dict[str, str]:
    """The user's, without what points at a real AWS account.

    `temporary` is where SAM may leave things: it does not clear up all of them.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {
        # `sam build` wants a python3.13 there, and the makefiles its pip.
        "PATH": f"{RUNTIME_PYTHON.parent}:{os.environ.get('PATH', os.defpath)}",
        "TMPDIR": str(temporary),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
        "AWS_DEFAULT_REGION": REGION,
    }
