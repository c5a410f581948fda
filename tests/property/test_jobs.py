"""Imports and exports, in both formats, against the plainest reading of what they do."""

import asyncio
import csv
import gzip
import io
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.commerce_layer import catalog
from local.simulator import validation
from local.simulator.background import Background
from local.simulator.behaviour import writes
from local.simulator.clock import Clock
from local.simulator.environment import Environment
from local.simulator.errors import ApiError
from local.simulator.faults import Faults
from local.simulator.jobs.runner import Jobs
from local.simulator.jobs.tables import FILE, NESTED
from local.simulator.settings import Settings
from local.simulator.store import Record

Row = dict[str, Any]

FIELDS = ("code", "name", "pieces_per_pack", "reference")

codes = st.sampled_from("ABCDEF")
# What a CSV and its reader take to be something else is left to other tests.
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6)
skus = st.fixed_dictionaries(
    {"code": codes, "name": texts},
    optional={"pieces_per_pack": st.integers(1, 9), "reference": texts},
)
shops = st.lists(skus, max_size=6, unique_by=lambda each: each["code"])
rows = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(0, 8),  # of the records in their order, or of none
        "code": codes,
        "name": texts,
        "pieces_per_pack": st.one_of(st.integers(1, 9), st.just("many")),
        "reference": texts,
        "nonsense": texts,
    },
)
formats = st.sampled_from(["json", "csv"])


def shop(records: list[Row]) -> Environment:
    environment = Environment("demo", "test", Clock(), 0)
    for each in records:
        environment.store.put("skus", each | {"do_not_ship": True})
    return environment


def run(environment: Environment, kind: str, **attributes: Any) -> Record:
    """A job from its creation to its end."""
    store, faults = environment.store, Faults(0)

    async def play() -> Record:
        background = Background()
        jobs = Jobs(Settings(job_speed=0.0), background, faults)
        jobs.attend(environment)
        change = validation.change(store, kind, {"attributes": attributes})
        jobs.admit(environment, kind, change)
        record = writes.create(store, kind, change)
        environment.settle()
        await background.idle()
        return record

    return asyncio.run(play())


def as_csv(lines: list[Row]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for line in lines for name in line)))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


class Upserts:
    """What an import should come to."""

    def __init__(self, records: list[Row]) -> None:
        self.records = [dict(each) for each in records]
        self.done = self.failed = 0
        self.status = "completed"

    def play(self, lines: list[Row], *, skip_errors: bool) -> None:
        for line in lines:
            if self._upserted(line):
                self.done += 1
            else:
                self.failed += 1
            if self.failed > len(lines) / 10 and not skip_errors:
                self.status = "interrupted"
                return

    def _upserted(self, line: Row) -> bool:
        values = {name: line[name] for name in FIELDS if name in line}
        by_code = {each["code"]: each for each in self.records}
        record = by_code.get(values.get("code"))
        if "id" in line and line["id"] < len(self.records):
            record = self.records[line["id"]]
        if "nonsense" in line or values.get("pieces_per_pack") == "many":
            return False
        if record is None:
            if not {"code", "name"} <= set(values):
                return False
            self.records.append(values)
            return True
        if by_code.get(values.get("code"), record) is not record:
            return False
        record.update(values)
        return True


@settings(max_examples=150, deadline=None)
@given(shops, st.lists(rows, min_size=1, max_size=25), formats, st.booleans())
def test_an_import_is_a_row_of_upserts(
    before: list[Row],
    lines: list[Row],
    form: str,
    skip_errors: bool,
) -> None:
    environment, model = shop(before), Upserts(before)
    store = environment.store
    ids = [each.id for each in store.all("skus")]
    # An id names a record that is there before: those to come have none that a client knows.
    lines = [
        {**line, "id": line["id"] if line["id"] < len(before) else 99} if "id" in line else line
        for line in lines
    ]
    model.play(lines, skip_errors=skip_errors)
    sent = [
        {
            **line,
            "do_not_ship": True,
            **(
                {"id": ids[line["id"]] if line["id"] < 99 else "xxxxxxxxxx"} if "id" in line else {}
            ),
        }
        for line in lines
    ]
    inputs = as_csv(sent) if form == "csv" else sent
    job = run(
        environment,
        "imports",
        resource_type="skus",
        format=form,
        inputs=inputs,
        skip_errors=skip_errors,
    )
    assert [
        {name: each.get(name) for name in FIELDS if each.get(name) is not None}
        for each in store.all("skus")
    ] == model.records
    assert (job.get("status"), job.get("processed_count"), job.get("errors_count")) == (
        model.status,
        model.done,
        model.failed,
    )
    assert bool(job.get("errors_log")) == (model.failed > 0)


# A filter of an export, and what it says.
conditions: st.SearchStrategy[tuple[str, Any, Callable[[Row], bool]]] = st.one_of(
    codes.map(lambda code: ("code_eq", code, lambda each: each["code"] == code)),
    st.lists(codes, min_size=1).map(
        lambda some: ("code_in", ",".join(some), lambda each: each["code"] in some)
    ),
    texts.map(lambda name: ("name_not_eq", name, lambda each: each["name"] != name)),
    st.booleans().map(
        lambda wanted: ("reference_null", wanted, lambda each: ("reference" not in each) == wanted)
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    shops,
    st.lists(conditions, max_size=2),
    st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
    formats,
)
def test_an_export_prints_what_its_filters_mean(
    records: list[Row],
    asked: list[tuple[str, Any, Callable[[Row], bool]]],
    fields: list[str],
    form: str,
) -> None:
    environment = shop(records)
    last = {name: (value, holds) for name, value, holds in asked}
    expected = [
        {name: each.get(name) for name in fields}
        for each in records
        if all(holds(each) for _, holds in last.values())
    ]
    filters = {name: value for name, (value, _) in last.items()}
    export = partial(run, environment, "exports", resource_type="skus", filters=filters)
    if not expected:
        with pytest.raises(ApiError) as refusal:
            export()
        assert refusal.value.errors[0]["meta"]["error"] == "greater_than"
        return
    job = export(format=form, fields=fields)
    assert job.get("status") == "completed"
    assert job.get("records_count") == job.get("processed_count") == len(expected) > 0
    text = gzip.decompress(job.attributes[FILE]).decode()
    if form == "json":
        assert json.loads(text) == expected
        return
    printed = [
        {name: "" if value is None else str(value) for name, value in each.items()}
        for each in expected
    ]
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == printed


@settings(max_examples=60, deadline=None)
@given(shops, formats)
def test_what_was_exported_dry_makes_the_same_shop_elsewhere(records: list[Row], form: str) -> None:
    if not records:
        return
    here, there = shop(records), shop([])
    job = run(here, "exports", resource_type="skus", format=form, dry_data=True)
    text = gzip.decompress(job.attributes[FILE]).decode()
    inputs = text if form == "csv" else json.loads(text)
    done = run(there, "imports", resource_type="skus", format=form, inputs=inputs)
    assert done.get("errors_log") is None
    assert [{name: each.get(name) for name in FIELDS} for each in there.store.all("skus")] == [
        {name: each.get(name) for name in FIELDS} for each in here.store.all("skus")
    ]


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-2, 2), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
kinds = st.sampled_from(["skus", "prices", "orders", "customers", "price_tiers", "sku_lists"])


@st.composite
def wild_rows(draw: st.DrawFn) -> tuple[str, list[Row]]:
    """Names that the type knows, with anything in them."""
    kind = draw(kinds)
    resource = catalog.resource(kind)
    names = [
        *("id", "type", "tags", "tags_id", *NESTED.get(kind, {})),
        *(each.name for each in resource.attributes.values() if each.creatable),
        *resource.triggers,
        *(f"{name}_id" for name in resource.relationships),
    ]
    nested = st.lists(st.dictionaries(st.sampled_from(["sku_code", "name", "id"]), json_values))
    row = st.dictionaries(st.sampled_from(names), st.one_of(json_values, nested), max_size=5)
    return kind, draw(st.lists(row, min_size=1, max_size=3))


@settings(max_examples=200, deadline=None)
@given(wild_rows())
def test_whatever_stands_in_a_row_the_import_ends(given_rows: tuple[str, list[Row]]) -> None:
    kind, lines = given_rows
    environment = shop([{"code": "A", "name": "a"}])
    job = run(environment, "imports", resource_type=kind, inputs=lines, skip_errors=True)
    assert job.get("status") == "completed", job.attributes
    assert job.get("processed_count") + job.get("errors_count") == len(lines)
