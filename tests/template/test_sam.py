"""What SAM and CloudFormation's own rules say of the template."""

import os
import subprocess

import pytest

from local.tools import ROOT, SAM


@pytest.mark.slow
@pytest.mark.skipif(not SAM.exists(), reason="needs the SAM CLI: make install")
def test_sam_validate_finds_nothing() -> None:
    done = subprocess.run(
        [SAM, "validate", "--lint"],
        cwd=ROOT,
        env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout
