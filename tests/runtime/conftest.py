"""The built artefacts and the deployed stack, once for all tests of this layer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator import Simulator
from local.stack import Stack, deployment, local_stack
from local.tools import BUILD, MINISTACK, RUNTIME_PYTHON, SAM

needs_tools = pytest.mark.skipif(
    not all(tool.exists() for tool in (SAM, MINISTACK, RUNTIME_PYTHON)),
    reason="needs Python 3.13 and its tools: make install",
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """.aws-sam/build, up to date."""
    with deployment.the_build():
        deployment.build(tmp_path_factory.mktemp("build") / "sam.log")
    return BUILD


@pytest.fixture(scope="session")
def shop() -> Iterator[Simulator]:
    """The Commerce Layer that the stack talks to. Shared: tests look at their own records."""
    with Simulator(seed=20) as running:
        yield running


@pytest.fixture(scope="session")
def stack(shop: Simulator) -> Iterator[Stack]:
    """template.yaml deployed, with the instance `default` connected to `shop`."""
    with local_stack(shop, parameters={"ScheduleState": "DISABLED"}) as running:
        yield running
