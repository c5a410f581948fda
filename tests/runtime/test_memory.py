"""Memory: what both functions need at most, in the Lambda runtime."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator import Simulator
from tests.component.http_api import event
from tests.runtime.conftest import Moto, needs_tools, runtime

pytestmark = [needs_tools, pytest.mark.slow]

ORDERS = 2_000  # with 10,000 it is the same 61 MB, five times as slow
MOST = 128 * 1024  # KiB
START = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def environment(moto: Moto) -> Iterator[dict[str, str]]:
    """A shop with many orders, and AWS by moto."""
    # The limits are wide and told in every answer, so that pacing does not take minutes.
    with Simulator(seed=ORDERS, limits="sliding", limit_scale=100, log_size=0) as shop:
        yield moto.environment(shop)


def test_syncing_many_orders_stays_small(built: Path, environment: dict[str, str]) -> None:
    with runtime("sync", environment) as function:
        result = function.invoke({"instance": "default", "stream": "orders", "from": "full"})
        assert not result.failed, function.log()
        assert result.payload["published"] == ORDERS
        assert result.payload["requests"] <= ORDERS / 25 + 5
        assert function.peak_memory() <= MOST


def test_reading_large_pages_stays_small(built: Path, environment: dict[str, str]) -> None:
    query = "page[size]=25&include=line_items,shipments,customer,market,shipping_address"
    with runtime("api", environment) as function:
        for page in range(1, 41):
            path = "/instances/default/api/orders"
            result = function.invoke(event("GET", path, f"{query}&page[number]={page}"))
            assert result.payload["statusCode"] == 200, result.payload
        assert function.peak_memory() <= MOST
