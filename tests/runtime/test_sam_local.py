"""The samples in `sam local`, in containers: the second opinion on the artefacts.

`sam local invoke` builds its image anew for each call, which takes seconds; so one sample of each
function goes through it, and every sample through `sam local start-lambda`, which runs the same
image and keeps its containers.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from local.lambda_runtime import base_image
from local.processes import child, free_port
from local.simulator import Simulator
from local.stack import deployment
from local.stack.ministack import MiniStack
from local.stack.stack import secrets_of
from local.tools import ARCHITECTURE, FUNCTIONS, ROOT, SAM
from tests.conftest import REGION, create_table
from tests.runtime.conftest import forget_everything, needs_tools, taken_by_webhooks


def _engine_answers() -> bool:
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return asked.returncode == 0


# Containers reach this machine by its address on the engine's own network.
HOST = "172.17.0.1"
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
    environment: dict[str, str]
    options: list[str]

    def invoke(self, function: str, event: Path) -> Any:
        answer = self.directory / "answer.json"
        command: list[str | Path] = [
            SAM,
            "local",
            "invoke",
            function,
            "--event",
            event,
            *self.options,
        ]
        with answer.open("w") as output:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.PIPE,
                timeout=120,
                check=False,
            )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(answer.read_text(encoding="utf-8").strip().splitlines()[-1])

    @contextmanager
    def started(self) -> Iterator[Any]:
        """The Lambda service of SAM, as a boto3 client; functions stay warm."""
        port = free_port()
        command: list[str | Path] = [
            SAM,
            "local",
            "start-lambda",
            "--port",
            str(port),
            *self.options,
        ]
        command += ["--warm-containers", "LAZY"]
        log = self.directory / "start.log"
        with child(command, environment=self.environment, directory=ROOT, log=log) as process:
            while b"Press CTRL+C to quit" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield MiniStack(f"http://127.0.0.1:{port}").client("lambda")


@pytest.fixture(scope="module")
def sam_local(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """The base image, a Commerce Layer and an AWS that containers can reach."""
    base_image.build()
    directory = tmp_path_factory.mktemp("sam-local")
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    endpoint = f"http://{HOST}:{server.get_host_and_port()[1]}"
    aws = MiniStack(endpoint)
    forget_everything(endpoint)
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
        yield SamLocal(
            directory,
            deployment.environment(directory) | aws.environment,
            [
                *("--template", str(template), "--skip-pull-image"),
                *("--parameter-overrides", *(f"{k}={v}" for k, v in parameters.items())),
            ],
        )
    template.unlink()
    server.stop()


@pytest.fixture(scope="module")
def started(sam_local: SamLocal) -> Iterator[Any]:
    with sam_local.started() as client:
        yield client


@pytest.mark.parametrize(
    "sample", ["api/list_skus.json", "sync/orders.json", "webhooks/order_placed.json"]
)
def test_sam_local_invoke_runs_a_sample(sam_local: SamLocal, sample: str) -> None:
    function = FUNCTIONS[sample.partition("/")[0]]
    check(sample, sam_local.invoke(function, ROOT / "events" / sample))


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_gets_an_answer(started: Any, sample: str) -> None:
    answer = started.invoke(
        FunctionName=FUNCTIONS[sample.partition("/")[0]],
        Payload=(ROOT / "events" / sample).read_bytes(),
    )
    check(sample, json.loads(answer["Payload"].read()))


def check(sample: str, answer: Any) -> None:
    if sample.startswith("api/"):
        assert 200 <= answer["statusCode"] < 500, answer
    elif sample.startswith("sync/"):
        assert answer["outcome"] == "done", answer
    elif sample.startswith("guardian/"):
        assert answer["outcome"] == "nothing declared", answer
    elif sample.startswith("bulk_exports/"):
        assert answer["status"] in ("working", "ended", "failed"), answer
    elif sample.startswith("bulk_imports/"):
        assert answer["status"] in ("report", "ignored", "failed"), answer
    else:
        taken_by_webhooks(answer)


def resources(aws: MiniStack) -> None:
    """What the functions use, by the names that `sam local` gives to references: logical ids."""
    for name, value in secrets_of().items():
        aws.client("secretsmanager").create_secret(Name=name, SecretString=value)
    aws.client("events").create_event_bus(Name="EventBus")
    create_table(aws.client("dynamodb"), "Table")
    aws.client("s3").create_bucket(
        Bucket="Transfers", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
