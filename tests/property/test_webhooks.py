"""The circuit and the retries of webhooks, against the plainest reading of their rules."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.background import Background
from local.simulator.clock import Clock
from local.simulator.environment import Environment
from local.simulator.jobs.attachments import Attachments
from local.simulator.settings import Settings
from local.simulator.webhooks.deliveries import Deliveries
from local.simulator.webhooks.policy import RETRIES, THRESHOLD, Circuit, pause, succeeded
from local.simulator.webhooks.sender import Outcome, Sender

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


class Scripted(Sender):
    """Calls nobody; each attempt ends as the next fate says, and then well for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.fates: list[bool] = []
        self.attempts = 0

    async def post(self, *_: Any) -> Outcome:
        self.attempts += 1
        failing = bool(self.fates) and self.fates.pop(0)
        return Outcome(500, "") if failing else Outcome(200, "OK")


class Model:
    """A webhook as one would explain it."""

    def __init__(self) -> None:
        self.failures = self.attempts = self.events = 0
        self.open = self.disabled = False

    def announce(self, fates: list[bool]) -> None:
        self.events += 1
        for attempt in range(11):
            if self.open or self.disabled:
                return
            self.attempts += 1
            if attempt >= len(fates) or not fates[attempt]:
                self.failures = 0
                return
            self.failures += 1
            self.open = self.failures == 30


# To be told of something, with the fates of the attempts; or a trigger of the webhook.
steps = st.one_of(
    st.lists(st.just(True), min_size=8, max_size=12),
    st.lists(st.booleans(), max_size=4),
    st.sampled_from(["reset", "disable", "enable"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=14))
def test_deliveries_agree_with_a_model(actions: list[list[bool] | str]) -> None:
    model, environment = Model(), Environment("demo", "test", Clock(), 0)
    store = environment.store
    webhook = store.put("webhooks", {"topic": "customers.create", "callback_url": "http://a"})
    customer = store.put("customers", {"email": "a@example.com"})

    async def play() -> int:
        background, sender = Background(), Scripted()
        Deliveries(
            environment,
            Settings(webhook_retry_pause=0.0),
            background,
            sender,
            Attachments(store.clock, [environment]),
        )
        for action in actions:
            if isinstance(action, list):
                model.announce(action)
                sender.fates = list(action)
                store.announce(customer, "create")
                environment.settle()
                await background.idle()
            elif action == "reset":
                model.open, model.failures = False, 0
                store.change(webhook, {"circuit_state": "closed", "circuit_failure_count": 0})
            else:
                model.disabled = action == "disable"
                store.change(webhook, {"disabled_at": 1 if model.disabled else None})
        return sender.attempts

    assert asyncio.run(play()) == model.attempts
    assert len(store.all("event_callbacks")) == model.attempts
    assert len(store.all("events")) == model.events
    held = Circuit.of(webhook.get("circuit_state"), webhook.get("circuit_failure_count"))
    assert held == Circuit(model.failures, model.open)
