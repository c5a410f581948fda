"""Rate limits per IP and class, on an injected clock."""

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from local.simulator.clock import Clock
from local.simulator.limits import Limiter
from local.simulator.settings import Settings
from tests.conformance.shop import Shop


def limiter(**switches: Any) -> tuple[Limiter, Clock]:
    clock = Clock()
    clock.freeze(1_800_000_000_000_000)
    return Limiter(Settings(**switches), clock), clock


def allowed(limiter: Limiter, times: int, method: str, resource: str, ip: str = "a") -> int:
    return sum(limiter.api(ip, method, resource).allowed for _ in range(times))


@pytest.mark.parametrize(
    ("mode", "method", "resource", "average", "burst"),
    [
        ("live", "GET", "skus", 1000, 250),
        ("test", "GET", "skus", 500, 125),
        ("live", "GET", "orders", 200, 50),
        ("test", "GET", "orders", 100, 25),
        ("live", "PATCH", "skus", 200, 50),
        ("test", "POST", "orders", 100, 25),
    ],
)
def test_burst_and_average_are_those_documented(
    mode: str, method: str, resource: str, average: int, burst: int
) -> None:
    rules, clock = limiter(mode=mode, limits="sliding")
    counts = []
    for _ in range(6):
        counts.append(allowed(rules, 2 * burst, method, resource))
        clock.advance(10)
    assert counts == [burst, burst, burst, burst, 0, 0]
    assert sum(counts) == average
    assert allowed(rules, 2 * burst, method, resource) == burst


def test_the_burst_is_per_resource_and_the_average_over_all_of_the_class() -> None:
    rules, _ = limiter(mode="test", limits="sliding")
    resources = ["orders", "customers", "shipments", "line_items", "returns"]
    assert [allowed(rules, 30, "GET", each) for each in resources] == [25, 25, 25, 25, 0]
    assert allowed(rules, 30, "GET", "skus") == 30
    assert allowed(rules, 30, "POST", "orders") == 25


def test_each_ip_has_a_budget_of_its_own() -> None:
    rules, _ = limiter(limits="sliding")
    assert [allowed(rules, 30, "GET", "orders", ip) for ip in "ab"] == [25, 25]


@given(gaps=st.lists(st.floats(0, 5), min_size=1, max_size=300))
def test_a_sliding_log_never_lets_more_through_than_its_limits(gaps: list[float]) -> None:
    rules, clock = limiter(mode="test", limits="sliding")
    passed: list[float] = []
    for gap in gaps:
        clock.advance(gap)
        now = clock.seconds()
        minute = [each for each in passed if each > now - 60]
        burst = [each for each in passed if each > now - 10]
        verdict = rules.api("a", "GET", "orders")
        assert verdict.allowed == (len(minute) < 100 and len(burst) < 25)
        passed += [now] if verdict.allowed else []
        assert verdict.remaining == 100 - len([each for each in passed if each > now - 60])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_fixed_windows_are_meaner_or_kinder_by_their_phase_but_never_beyond_twice(
    seed: int,
) -> None:
    rules, clock = limiter(limits="window", random_seed=seed)
    times = []
    for _ in range(200):
        times += [clock.seconds()] * allowed(rules, 5, "GET", "orders")
        clock.advance(1)
    for start in times:
        assert len([each for each in times if start <= each < start + 60]) <= 200
        assert len([each for each in times if start <= each < start + 10]) <= 50
    # Whole windows are full: the client asks for more than it may.
    assert len(times) >= 200


def test_a_scale_widens_every_limit() -> None:
    rules, _ = limiter(limits="sliding", limit_scale=10)
    assert allowed(rules, 300, "GET", "orders") == 250
    assert rules.api("b", "GET", "orders").limit == 1000


def test_answers_carry_the_average_and_a_429_is_the_recorded_one(
    http: httpx.Client, simulator: Simulator
) -> None:
    simulator.settings.change(limits="sliding")
    simulator.clock.freeze()
    shop = Shop(simulator)
    answers = [shop.get("orders", **{"page[size]": 1}) for _ in range(26)]
    assert [each.status_code for each in answers] == [200] * 25 + [429]
    headers = answers[0].headers
    assert headers["X-Ratelimit-Limit"] == "100"
    assert headers["X-Ratelimit-Interval"] == "60"
    assert headers["X-Ratelimit-Remaining"] == "99"
    refused = answers[-1]
    assert refused.headers["Retry-After"] == "0"
    assert refused.headers["X-Ratelimit-Remaining"] == "75"
    assert refused.headers["content-type"] == "application/json"
    assert refused.json() == {
        "errors": {"title": "Too Many Requests", "code": "THROTTLED", "status": 429}
    }
    simulator.settings.change(throttled_errors="list")
    (error,) = shop.get("orders").json()["errors"]
    assert error["status"] == "429"
    other = shop.http.get("orders", headers={"x-true-client-ip": "203.0.113.7"})
    assert other.status_code == 200
    simulator.limiter.forget()
    assert shop.get("orders").status_code == 200
    shop.close()


def test_without_limits_the_headers_promise_the_full_budget(simulator: Simulator) -> None:
    shop = Shop(simulator)
    remaining = {shop.get("orders").headers["X-Ratelimit-Remaining"] for _ in range(30)}
    assert remaining == {"100"}
    shop.close()


def test_a_version_in_the_path_is_no_resource_of_its_own(shop: Shop) -> None:
    shop.simulator.settings.change(limits="sliding")
    shop.simulator.clock.freeze()
    codes = [
        shop.http.get(f"{shop.simulator.url}/api{version}/orders").status_code
        for version in ["", "/2017-08"] * 13
    ]
    assert codes == [200] * 25 + [429]


def test_switches_that_do_not_exist_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="limits is one of off, sliding, window"):
        Simulator(limits="none")
    with pytest.raises(TypeError, match="latency is of type float"):
        Simulator(latency="slow")


def test_every_answer_has_a_date_of_the_simulators_clock_and_a_request_id(
    http: httpx.Client,
    simulator: Simulator,
) -> None:
    simulator.clock.freeze(1_800_000_000_900_000)
    answers = [http.get(f"{simulator.api_url}/skus") for _ in range(2)]
    assert answers[0].headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert len({each.headers["x-request-id"] for each in answers}) == 2
