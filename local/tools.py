"""Where things are that `make install` and `sam build` put below the repository."""

import platform
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".tools"

SAM = TOOLS / "sam" / "bin" / "sam"
MINISTACK = TOOLS / "ministack" / "bin" / "ministack"
# Python 3.13 with what AWS's runtime adds to it, and nothing of ours.
RUNTIME_PYTHON = TOOLS / "runtime" / "bin" / "python3.13"

BUILD = ROOT / ".aws-sam" / "build"
LAYER = BUILD / "ConnectorLayer"

# Packages of functions/ -> their logical ids in template.yaml.
FUNCTIONS = {
    "api": "ApiFunction",
    "sync": "SyncFunction",
    "webhooks": "WebhooksFunction",
    "guardian": "GuardianFunction",
    "commands": "CommandsFunction",
    "bulk_imports": "BulkImportsFunction",
    "bulk_exports": "BulkExportsFunction",
}

# Lambda's name of this machine's processor.
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


class NotInstalled(Exception):
    """`make install` has not run, or found no Python 3.13."""


def need(*tools: Path) -> None:
    """Raise NotInstalled if one of `tools` is missing."""
    for tool in tools:
        if not tool.exists():
            raise NotInstalled(
                f"{tool.relative_to(ROOT)} is missing: run `make install`. It needs Python 3.13."
            )


def emulator_binary() -> Path:
    """AWS's Lambda runtime interface emulator, which comes inside aws-sam-cli."""
    need(SAM)
    name = f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}"
    return next((TOOLS / "sam").glob(name))
