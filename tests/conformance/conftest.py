"""A simulator and a client of it, for the module or for one test."""

from collections.abc import Iterator

import httpx
import pytest

from local.simulator import Simulator
from tests.conformance.shop import Shop


@pytest.fixture(scope="module")
def shared() -> Iterator[Shop]:
    """One for the tests of a module which do not mind each other's records."""
    with Simulator(seed=30) as simulator:
        shop = Shop(simulator)
        yield shop
        shop.close()


@pytest.fixture
def shop(simulator: Simulator) -> Iterator[Shop]:
    """One of its own, for a test that counts, breaks or freezes things."""
    shop = Shop(simulator)
    yield shop
    shop.close()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """For addresses outside /api. Nothing here speaks TLS, whose certificates take long to load."""
    with httpx.Client(verify=False) as client:  # noqa: S501 - plain http on this machine
        yield client
