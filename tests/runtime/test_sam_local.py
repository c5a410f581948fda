"""`sam local invoke` on every sample, in a container: the second opinion on the artefacts."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from local.lambda_runtime import base_image
from local.simulator import Simulator
from local.stack import deployment
from local.stack.ministack import MiniStack
from local.stack.stack import SIMULATOR_SECRET
from local.tools import ARCHITECTURE, ROOT, SAM
from tests.runtime.conftest import needs_tools


def _engine_answers() -> bool:
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False)  # noqa: S607
    return asked.returncode == 0


# Containers reach this machine by its address on the engine's own network.
HOST = "172.17.0.1"
FUNCTIONS = {"api": "ApiFunction", "sync": "SyncFunction"}
SAMPLES = sorted(
    str(path.relative_to(ROOT / "events")) for path in (ROOT / "events").glob("*/*.json")
)

pytestmark = [
    needs_tools,
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.allow_hosts(["127.0.0.1", "::1", HOST]),
    pytest.mark.skipif(not _engine_answers(), reason="no container engine runs here"),
]


@dataclass(frozen=True)
class SamLocal:
    directory: Path
    template: Path
    environment: dict[str, str]
    parameters: list[str]

    def invoke(self, function: str, event: Path) -> Any:
        done = subprocess.run(
            [
                *(SAM, "local", "invoke", function, "--event", event),
                *("--template", self.template, "--skip-pull-image"),
                *("--parameter-overrides", *self.parameters),
            ],
            cwd=ROOT,
            env=deployment.environment(self.directory) | self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def sam_local(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """The base image, a Commerce Layer and an AWS that containers can reach."""
    base_image.build()
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    endpoint = f"http://{HOST}:{server.get_host_and_port()[1]}"
    aws = MiniStack(endpoint)
    resources(aws)
    # SAM hands over only variables that the template has, and this one it must not have in AWS.
    template = built / "sam-local.yaml"
    text = (built / "template.yaml").read_text(encoding="utf-8")
    line = "SECRET_PREFIX:\n"
    assert text.count(line) == 1
    template.write_text(
        text.replace(line, f"AWS_ENDPOINT_URL: {endpoint}\n        {line}"), encoding="utf-8"
    )
    with Simulator(seed=20, host=HOST) as simulator:
        address = f"http://{HOST}:{simulator.port}"
        parameters = {
            "Architecture": ARCHITECTURE,
            "CommerceLayerApiUrl": f"{address}/api",
            "CommerceLayerAuthUrl": f"{address}/oauth/token",
        }
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        yield SamLocal(tmp_path_factory.mktemp("sam-local"), template, aws.environment, overrides)
    template.unlink()
    server.stop()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_gets_an_answer(sam_local: SamLocal, sample: str) -> None:
    """One after the other: two SAMs at once would rebuild the same image under each other."""
    function = FUNCTIONS[sample.partition("/")[0]]
    answer = sam_local.invoke(function, ROOT / "events" / sample)
    if sample.startswith("api/"):
        assert 200 <= answer["statusCode"] < 500, answer
    else:
        assert answer["outcome"] == "done", answer


def resources(aws: MiniStack) -> None:
    """What the functions use, by the names that `sam local` gives to references: logical ids."""
    aws.client("secretsmanager").create_secret(
        Name="commerce-layer/default", SecretString=json.dumps(SIMULATOR_SECRET)
    )
    aws.client("events").create_event_bus(Name="EventBus")
    aws.client("dynamodb").create_table(
        TableName="Table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
