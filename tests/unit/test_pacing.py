"""The pacer step by step; `tests/property/test_pacing.py` drives it through minutes."""

import pytest

from connector.commerce_layer.pacing import Pacer, Ticket, kind_of

NOW = 1_800_000_000.0


def pacer(*, test: bool = False, ceiling: int | None = None) -> Pacer:
    made = Pacer(ceiling)
    made.mode(test=test)
    return made


def answered(limit: int, remaining: int) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-interval": "60",
    }


def send(pacer: Pacer, now: float, *, kind: str = "read", endpoint: str = "orders") -> Ticket:
    ticket = pacer.ask(kind, endpoint, now)
    if not ticket.wait:
        pacer.answered(ticket, now, 200, {})
    return ticket


def sent_at_once(pacer: Pacer, now: float = NOW, **about: str) -> int:
    count = 0
    while not send(pacer, now, **about).wait:
        count += 1
    return count


@pytest.mark.parametrize(
    ("kind", "test", "burst"),
    [
        ("read", False, 50),
        ("read", True, 25),
        ("write", False, 50),
        ("write", True, 25),
        ("cached", False, 250),
        ("cached", True, 125),
    ],
)
def test_an_idle_endpoint_takes_its_burst(kind: str, *, test: bool, burst: int) -> None:
    assert sent_at_once(pacer(test=test), kind=kind) == burst


def test_the_smaller_limits_hold_until_the_mode_is_known() -> None:
    assert sent_at_once(Pacer()) == 25


def test_endpoints_burst_apart_and_share_the_average() -> None:
    used = pacer()
    counts = [sent_at_once(used, endpoint=f"e{n}") for n in range(5)]
    assert counts[0] == 50
    assert sum(counts) < 200  # who has sent more than is left spreads the rest
    assert send(used, NOW, endpoint="e9").wait > 0


def test_classes_do_not_share() -> None:
    used = pacer()
    sent_at_once(used)
    assert sent_at_once(used, kind="write") == 50


def test_a_request_counts_until_a_minute_after_its_answer() -> None:
    used = pacer(ceiling=1)
    ticket = used.ask("read", "orders", NOW)
    assert used.ask("read", "orders", NOW + 30).wait > 0
    used.answered(ticket, NOW + 40, 200, {})
    assert used.ask("read", "orders", NOW + 99).wait == pytest.approx(1.25)
    assert used.ask("read", "orders", NOW + 100.3).wait == 0


def test_the_first_answer_tells_what_others_have_used() -> None:
    used = pacer()
    first = used.ask("read", "orders", NOW)
    assert used.ask("read", "orders", NOW).wait > 0  # until then nobody knows
    used.answered(first, NOW + 0.1, 200, answered(200, 0))
    assert used.ask("read", "customers", NOW + 0.2).wait == pytest.approx(60, abs=1)


def test_a_first_request_that_hangs_does_not_hold_the_others_up() -> None:
    used = pacer()
    used.ask("read", "orders", NOW)
    assert used.ask("read", "orders", NOW + 1.1).wait == 0


def test_the_limit_that_the_server_tells_is_taken_over() -> None:
    used = pacer()
    ticket = used.ask("read", "orders", NOW)
    used.answered(ticket, NOW, 200, answered(400, 399))
    assert sent_at_once(used, endpoint="customers") == 100


def test_the_interval_that_the_server_tells_is_taken_over() -> None:
    used = pacer(ceiling=1)
    ticket = used.ask("read", "orders", NOW)
    used.answered(ticket, NOW, 200, {**answered(200, 199), "x-ratelimit-interval": "20"})
    assert used.ask("read", "orders", NOW).wait == pytest.approx(20, abs=0.5)


def test_a_limit_of_another_class_is_not_mistaken_for_ours() -> None:
    used = pacer()
    ticket = used.ask("read", "orders", NOW)
    used.answered(ticket, NOW, 200, answered(1000, 999))
    assert sent_at_once(used, endpoint="customers") == 50


def test_what_a_server_with_fixed_windows_has_forgotten_frees_no_room_a_minute_later() -> None:
    used = pacer()
    for remaining in range(199, 159, -1):
        used.answered(used.ask("read", "orders", NOW), NOW, 200, answered(200, remaining))
    first = used.ask("read", "orders", NOW + 30)
    used.answered(first, NOW + 30, 200, answered(200, 199))  # a new window: ours of before are gone
    second = used.ask("read", "orders", NOW + 31)
    used.answered(second, NOW + 31, 200, answered(200, 0))  # and others have filled it
    assert used.ask("read", "orders", NOW + 61).wait == pytest.approx(30, abs=2)


def test_others_are_left_room_for_their_burst_and_a_little_to_be_noticed_by() -> None:
    used = pacer()
    for second, remaining in enumerate((199, 168, 167, 166)):  # 30 are not ours
        ticket = used.ask("read", "customers", NOW + second)
        used.answered(ticket, NOW + second, 200, answered(200, remaining))
    assert sent_at_once(used, NOW + 4) == 20
    used = pacer()
    ticket = used.ask("read", "customers", NOW)
    used.answered(ticket, NOW, 200, answered(200, 4))
    assert used.ask("read", "orders", NOW).wait > 0


@pytest.mark.parametrize(
    "headers",
    [{"x-ratelimit-limit": "many"}, answered(0, 0), {**answered(200, 0), "x-ratelimit-limit": ""}],
)
def test_headers_that_make_no_sense_are_left(headers: dict[str, str]) -> None:
    used = pacer()
    used.answered(used.ask("read", "orders", NOW), NOW, 200, headers)
    assert used.ask("read", "orders", NOW).wait == 0


def refuse(used: Pacer, now: float, headers: dict[str, str], endpoint: str = "orders") -> None:
    ticket = used.ask("read", endpoint, now)
    assert not ticket.wait
    used.answered(ticket, now, 429, headers)


def test_each_refusal_in_a_row_closes_the_way_for_longer() -> None:
    used, now = pacer(), NOW
    for closed in (1, 2, 4, 8, 10, 10):
        refuse(used, now, answered(200, 100))
        assert used.ask("read", "orders", now).wait == pytest.approx(closed)
        now += closed
    send(used, now)
    refuse(used, now, answered(200, 100))
    assert used.ask("read", "orders", now).wait == pytest.approx(1)


def test_a_burst_closes_its_endpoint_and_an_average_the_class() -> None:
    used = pacer()
    refuse(used, NOW, answered(200, 100))
    assert used.ask("read", "customers", NOW).wait == 0
    used = pacer()
    refuse(used, NOW, answered(200, 0))
    assert used.ask("read", "customers", NOW).wait == pytest.approx(1)
    assert used.ask("write", "orders", NOW).wait == 0


def test_refusals_of_requests_that_left_together_count_once() -> None:
    used = pacer()
    send(used, NOW - 1)
    tickets = [used.ask("read", "orders", NOW) for _ in range(8)]
    for ticket in tickets:
        used.answered(ticket, NOW + 0.1, 429, {})
    assert used.ask("read", "orders", NOW + 0.1).wait == pytest.approx(1)


def test_endpoints_without_traffic_are_forgotten() -> None:
    used = pacer()
    for n in range(100):
        send(used, NOW + n, endpoint=f"e{n}")
    assert len(used._classes["read"].bursts) < 15


@pytest.mark.parametrize(
    ("method", "resource", "related", "kind"),
    [
        ("GET", "skus", False, "cached"),
        ("GET", "skus", True, "read"),
        ("GET", "orders", False, "read"),
        ("GET", "no_such", False, "read"),
        ("POST", "skus", False, "write"),
        ("PATCH", "orders", False, "write"),
        ("DELETE", "orders", False, "write"),
    ],
)
def test_classes_of_requests(method: str, resource: str, kind: str, *, related: bool) -> None:
    assert kind_of(method, resource, related=related) == kind
