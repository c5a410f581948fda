"""The circuit and the retries of webhooks, against the plainest reading of their rules."""

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.webhooks.policy import RETRIES, THRESHOLD, Circuit, pause, succeeded

# Runs of failures (true) and successes, some of them longer than the circuit bears.
outcomes = st.lists(st.tuples(st.booleans(), st.integers(1, 35)), max_size=8).map(
    lambda runs: [fate for fate, length in runs for _ in range(length)]
)


@given(outcomes)
def test_thirty_failures_in_a_row_open_it_and_nothing_closes_it(fates: list[bool]) -> None:
    circuit = Circuit()
    for position, _ in enumerate(fates):
        circuit = circuit.after(succeeded=not fates[position])
        seen = fates[: position + 1]
        row = "".join("f" if each else "s" for each in seen)
        assert circuit.open == ("f" * THRESHOLD in row)
        if not circuit.open:
            assert circuit.failures == len(row) - len(row.rstrip("f"))
        else:
            assert circuit.failures == THRESHOLD


@given(outcomes)
def test_it_goes_on_from_what_a_record_holds(fates: list[bool]) -> None:
    whole, kept = Circuit(), Circuit()
    for fate in fates:
        whole = whole.after(succeeded=not fate)
        kept = Circuit.of(kept.state, kept.failures).after(succeeded=not fate)
    assert kept == whole


@given(st.floats(0, 3600))
def test_there_are_ten_retries_and_no_pause_is_shorter_than_the_one_before(first: float) -> None:
    pauses = [pause(failed, first) for failed in range(1, RETRIES + 5)]
    assert pauses[RETRIES:] == [None] * 4
    given_pauses = [each for each in pauses if each is not None]
    assert len(given_pauses) == RETRIES
    assert given_pauses == sorted(given_pauses)
    assert given_pauses[0] == first


@given(st.integers(100, 599))
def test_any_2xx_is_a_success_and_nothing_else(status: int) -> None:
    assert succeeded(status) == (status // 100 == 2)
    assert not succeeded(None)
