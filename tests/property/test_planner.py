"""The write planner: it breaks no promise, and never spends more than the alternatives."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector import planner
from connector.commerce_layer import importing
from connector.planner import Write

ROWS: list[Any] = [
    None,
    {"sku_code": "A", "stock_location_id": "x", "quantity": 1},
    {"sku_code": "B", "stock_location_id": "x", "quantity": 1},
    {"sku_code": "C", "quantity": 1},
    {"email": "a@example.com"},
    {"email": "A@example.com", "_request_password_reset": True},
    {"code": "S1", "name": "x"},
    {"id": "abc", "code": "S1"},
    {"name": "a tag"},
]
RESOURCES = ["stock_items", "customers", "skus", "tags", "addresses", "markets"]
writes = st.builds(
    Write,
    action=st.sampled_from(["create", "update", "upsert", "delete", "trigger"]),
    resource=st.sampled_from(RESOURCES),
    row=st.sampled_from(ROWS),
    by_id=st.booleans(),
    ordered=st.booleans(),
    webhooks=st.booleans(),
)
# Most of a batch is alike; what is not must be found in it.
plain = st.integers(0, 60).map(
    lambda count: [
        Write("upsert", "stock_items", {"sku_code": f"S{number}", "stock_location_id": "x"})
        for number in range(count)
    ]
)
batches: st.SearchStrategy[list[Write]] = st.tuples(plain, st.lists(writes, max_size=25)).map(
    lambda parts: parts[0] + parts[1]
)
sizes = st.integers(1, 40)


def breaks_a_promise(write: Write) -> bool:
    """Written anew, as the facts say it: what an import job would do to this row."""
    if write.ordered or write.webhooks or write.resource not in importing.TYPES:
        return True
    if write.row is None or any(name.startswith("_") for name in write.row):
        return True
    key = importing.identity(write.resource, write.row)
    if write.action == "upsert":
        return key is None or write.by_id
    return write.action != "create" or key is not None


@given(batches, sizes)
def test_every_row_is_written_once_and_keeps_its_promise(batch: list[Write], size: int) -> None:
    plan = planner.plan(batch, chunk_size=size)
    imported = [position for job in plan.jobs for position in job.rows]
    assert sorted([*plan.singles, *imported]) == list(range(len(batch)))
    assert not [batch[each] for each in imported if breaks_a_promise(batch[each])]
    assert all(batch[each].resource == job.resource for job in plan.jobs for each in job.rows)
    assert all(0 < len(job.rows) <= size for job in plan.jobs)
    assert sum(plan.reasons.values()) == len(plan.singles)


@given(batches, sizes)
def test_writes_of_one_record_keep_their_order(batch: list[Write], size: int) -> None:
    """They are all single, and singles are in the order of the batch."""
    plan = planner.plan(batch, chunk_size=size)
    assert all(a < b for a, b in pairwise(plan.singles))
    for job in plan.jobs:
        for position in job.rows:
            row = batch[position].row
            assert row is not None
            key = importing.identity(job.resource, row)
            same = [
                each
                for each in batch
                if each.row
                and each.resource == job.resource
                and importing.identity(each.resource, each.row) == key
            ]
            assert key is None or len(same) == 1


@given(batches, sizes)
def test_it_never_spends_more_than_the_alternatives(batch: list[Write], size: int) -> None:
    plan = planner.plan(batch, chunk_size=size)
    assert plan.one_by_one == sum(write.requests for write in batch)
    assert plan.requests <= plan.one_by_one
    singles = sum(batch[each].requests for each in plan.singles)
    assert plan.requests == singles + planner.JOB * len(plan.jobs)
    # And for what is single only because it is few, jobs would not have been cheaper.
    few = plan.reasons.get("so few cost less so", 0)
    assert few == 0 or few * 2 <= planner.job_requests(few, size) * len(RESOURCES)


@given(batches)
def test_the_choice_is_explained(batch: list[Write]) -> None:
    summary = planner.plan(batch).summary()
    assert summary["rows"] == len(batch)
    assert summary["explanation"]


def test_fifty_thousand_stock_levels() -> None:
    batch = [
        Write("upsert", "stock_items", {"sku_code": f"S{number}", "stock_location_id": "x"})
        for number in range(50_000)
    ]
    plan = planner.plan(batch)
    assert (len(plan.jobs), len(plan.singles)) == (25, 0)
    assert (plan.requests, plan.one_by_one) == (125, 100_000)
    assert plan.explain() == (
        "50,000 rows in 25 import jobs: about 125 requests in all, instead of 100,000."
    )
