"""The pacer against a model of the server's limits, in simulated time."""

from bisect import bisect_right
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.commerce_layer.pacing import Pacer
from local.simulator import limits
from local.simulator.settings import Settings as SimulatorSettings
from tests.property.limiter_model import Limiter, Run

SLIDING = None
WINDOWS = st.one_of(st.just(SLIDING), st.floats(0, 60))  # a sliding log, or windows by phase
RANDOM = st.randoms(use_true_random=True)  # seeded and replayed by hypothesis all the same
MODES = st.sampled_from([True, False])


def pacer(*, test: bool, ceiling: int | None = None) -> Pacer:
    made = Pacer(ceiling)
    made.mode(test=test)
    return made


def average(*, test: bool) -> int:
    return 100 if test else 200


def latency(draw: Random, most: float) -> Callable[[], tuple[float, float]]:
    return lambda: (draw.uniform(0.001, most), draw.uniform(0.001, most))


def most_in(times: list[float], span: float) -> int:
    times = sorted(times)
    return max(
        (index - bisect_right(times, at - span) + 1 for index, at in enumerate(times)), default=0
    )


@settings(max_examples=25, deadline=None)
@given(
    phase=WINDOWS,
    test=MODES,
    draw=RANDOM,
    most=st.floats(0.001, 0.2),
    threads=st.integers(1, 4),
    headers=st.booleans(),
)
def test_three_minutes_of_listing_use_the_limit_and_meet_no_refusal(
    *, phase: float | None, test: bool, draw: Random, most: float, threads: int, headers: bool
) -> None:
    limit = average(test=test)
    limiter = Limiter(limit, phase, headers=headers)
    # Alone, one thread can send only so fast: an answer has to come first.
    threads = max(threads, int(limit / 60 * 2 * most) + 1)
    run = Run(pacer(test=test), limiter, latency(draw, most)).play(threads=threads)
    assert run.refused == []
    assert len(run.accepted) >= 0.95 * 3 * limit


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("phase", [SLIDING, 0.0, 13.7])
def test_many_threads_and_answers_out_of_order_are_not_taken_for_somebody_else(
    phase: float | None, seed: int
) -> None:
    slow = latency(Random(seed), 1.3)  # noqa: S311 - no secret
    run = Run(pacer(test=False), Limiter(200, phase), slow).play(threads=8)
    assert run.refused == []
    # A request that travels for up to 2.6 s counts that much longer than a minute.
    assert len(run.accepted) >= 0.9 * 600


class SimulatedLimits:
    """The limits as the simulator has them, by a clock of ours."""

    def __init__(self, **switches: Any) -> None:
        self.now = 0.0
        self.limiter = limits.Limiter(SimulatorSettings(**switches), self)  # type: ignore[arg-type]  # a clock

    def seconds(self) -> float:
        return self.now

    def request(self, now: float, endpoint: str = "orders") -> tuple[int, dict[str, str]]:
        self.now = now
        verdict = self.limiter.api("127.0.0.1", "GET", endpoint)
        headers = {name.lower(): value for name, value in verdict.headers().items()}
        return 200 if verdict.allowed else 429, headers


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["sliding", "window"])
@pytest.mark.parametrize("mode", ["test", "live"])
def test_the_simulators_own_limits_are_used_and_not_met(kind: str, mode: str, seed: int) -> None:
    server = SimulatedLimits(limits=kind, mode=mode, random_seed=seed)
    run = Run(pacer(test=mode == "test"), server).play()
    assert run.refused == []
    assert len(run.accepted) >= 0.95 * 3 * average(test=mode == "test")


@settings(max_examples=25, deadline=None)
@given(
    phase=WINDOWS,
    test=MODES,
    draw=RANDOM,
    share=st.floats(0, 0.95),
    threads=st.integers(1, 3),
)
def test_what_was_used_before_a_cold_start_is_learnt_from_the_first_answer(
    *, phase: float | None, test: bool, draw: Random, share: float, threads: int
) -> None:
    limit = average(test=test)
    # On other endpoints: a burst that came before us is told by nothing.
    before = [draw.uniform(-59, -0.1) for _ in range(int(limit * share))]
    run = Run(pacer(test=test), Limiter(limit, phase), latency(draw, 0.1))
    for when in before:
        run.limiter.request(run.start + when, endpoint=f"other-{draw.randrange(9)}")
    run.play(threads=threads)
    assert run.refused == []


@settings(max_examples=25, deadline=None)
@given(
    phase=WINDOWS,
    draw=RANDOM,
    every=st.floats(5, 60),
    size=st.integers(1, 25),
    width=st.floats(0.5, 5),
)
def test_an_uneven_second_client_gets_its_share_and_we_stay_within_the_limit(
    *, phase: float | None, draw: Random, every: float, size: int, width: float
) -> None:
    size = min(size, int(100 * every / 60) + 1)  # at most half of the limit
    others = [
        begin * every + draw.uniform(0, width)
        for begin in range(int(180 / every))
        for _ in range(size)
    ]
    run = Run(pacer(test=False), Limiter(200, phase), latency(draw, 0.1)).play(others=others)
    wanted, got = len(others), len(run.others_accepted)
    # It comes out of the blue: what it is refused before it was noticed, we cannot prevent.
    assert got >= 0.6 * wanted
    assert len(run.refused) <= 0.05 * len(run.accepted)
    assert len(run.accepted) + got >= 0.6 * 600
    assert most_in(run.accepted, 60 - 0.01) <= 200


@pytest.mark.parametrize("phase", [SLIDING, 0.0, 33.0])
def test_who_takes_everything_is_yielded_to_and_seldom_run_into(phase: float | None) -> None:
    greedy = [i / 8 for i in range(180 * 8)]
    run = Run(pacer(test=False), Limiter(200, phase)).play(others=greedy)
    assert len(run.refused) <= 30  # of some 540 tries that a pacer without brakes would make
    assert len(run.others_accepted) > 2 * len(run.accepted)


@pytest.mark.parametrize("ceiling", [1, 30, 120])
def test_an_instance_keeps_to_its_own_ceiling(ceiling: int) -> None:
    run = Run(pacer(test=False, ceiling=ceiling), Limiter(200)).play()
    assert most_in(run.accepted, 60) <= ceiling
    assert len(run.accepted) >= 0.95 * 3 * ceiling
