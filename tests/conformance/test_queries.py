"""Filters, sorts and pages give what a plain reading of the records gives."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from local.simulator.predicates import PREDICATES
from tests.conformance.shop import Shop

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ["Ada", "ada", "Bob_1", "bob%", "a.d", "", "Grace Hopper"]
STATUSES = ["draft", "placed", "approved", None]
CODES = ["europe", "usa", None]

# Name in the query -> the value of a record of the dataset below.
VALUES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "reference": lambda each: each["reference"],
    "status": lambda each: each["status"],
    "total_amount_cents": lambda each: each["total_amount_cents"],
    "guest": lambda each: each["guest"],
    "placed_at": lambda each: each["placed_at"],
    "updated_at": lambda each: each["updated_at"],
    "market_code": lambda each: each["market_code"],
}
SORTABLE = ["reference", "status", "total_amount_cents", "guest", "placed_at", "updated_at", "id"]


class Dataset:
    """Forty orders with many equal and many missing values, in a simulator and as plain dicts."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        random = Random(1)  # noqa: S311 - a fixed dataset, not a secret
        store = shop.simulator.store
        markets = {code: store.put("markets", {"code": code}) for code in CODES if code}
        self.records: list[dict[str, Any]] = []
        for position in range(40):
            code = random.choice(CODES)
            values = {
                "reference": random.choice([*WORDS, None]),
                "status": random.choice(STATUSES),
                "total_amount_cents": random.choice([0, 100, 250, None]),
                "guest": random.choice([True, False, None]),
                "placed_at": random.choice([None, START + timedelta(days=random.randrange(5))]),
            }
            updated_at = START + timedelta(milliseconds=random.randrange(8))
            links = {"market": markets[code]} if code else {}
            record = store.put("orders", values, links, updated_at=updated_at)
            self.records.append(
                {**values, "id": record.id, "order": position, "updated_at": updated_at,
                 "market_code": code}
            )  # fmt: skip

    def expected(self, holds: Callable[[dict[str, Any]], bool], sort: list[str]) -> list[str]:
        found = [each for each in self.records if holds(each)]
        for criterion in reversed(sort):
            name, descending = criterion.removeprefix("-"), criterion.startswith("-")
            name = "order" if name == "id" else name

            def key(each: dict[str, Any], name: str = name) -> tuple[bool, Any]:
                return each[name] is None, 0 if each[name] is None else each[name]

            found.sort(key=key, reverse=descending)
        return [each["id"] for each in found]


@pytest.fixture(scope="module")
def dataset() -> Iterator[Dataset]:
    with Simulator() as simulator:
        shop = Shop(simulator)
        yield Dataset(shop)
        shop.close()


def condition() -> st.SearchStrategy[tuple[str, str, str]]:
    """(attribute, predicate, value of the query)"""
    text = st.sampled_from([*WORDS, "a", "B", "%d%", "_da", "draft", "europe"])
    lists = st.lists(text.filter(bool), min_size=1, max_size=3).map(",".join)
    stamps = st.sampled_from([START + timedelta(milliseconds=n) for n in (0, 3, 4)] + [
        START + timedelta(days=n) for n in (1, 3)
    ]).map(datetime.isoformat)  # fmt: skip
    numbers = st.sampled_from(["0", "99", "100", "250"])
    order = st.sampled_from(["lt", "lteq", "gt", "gteq", "eq", "not_eq", "eq_or_null"])
    return st.one_of(
        st.tuples(st.sampled_from(list(VALUES)), st.sampled_from(["null", "not_null", "present", "blank"]), st.sampled_from(["true", "false"])),  # noqa: E501 - one line a kind of condition
        st.tuples(st.just("guest"), st.sampled_from(["true", "false", "eq"]), st.sampled_from(["true", "false"])),  # noqa: E501
        st.tuples(st.sampled_from(["placed_at", "updated_at"]), order, stamps),
        st.tuples(st.just("total_amount_cents"), order, numbers),
        st.tuples(st.just("total_amount_cents"), st.sampled_from(["in", "not_in", "gt_any", "lt_all"]), st.lists(numbers, min_size=1, max_size=3).map(",".join)),  # noqa: E501
        st.tuples(st.sampled_from(["reference", "status", "market_code"]), st.sampled_from(["eq", "not_eq", "start", "end", "cont", "not_cont", "matches", "does_not_match"]), text),  # noqa: E501
        st.tuples(st.sampled_from(["reference", "status", "market_code"]), st.sampled_from(["in", "not_in", "in_or_null", "start_any", "cont_all", "not_end_any", "matches_any"]), lists),  # noqa: E501
    )  # fmt: skip


def holds(value: Any, predicate: str, text: str) -> bool:  # noqa: C901, PLR0911 - one branch a predicate
    """The oracle: each predicate spelled out as one would explain it."""
    match predicate:
        case "null" | "not_null":
            return (value is None) == ((predicate == "null") == (text == "true"))
        case "present" | "blank":
            blank = value is None or value is False or str(value).strip() == ""
            return blank == ((predicate == "blank") == (text == "true"))
        case "true" | "false":
            return (value is (predicate == "true")) == (text == "true")
    if predicate.endswith("_or_null"):
        return value is None or holds(value, predicate.removesuffix("_or_null"), text)
    if value is None:
        return False
    for suffix, combine in (("_any", any), ("_all", all)):
        if predicate.endswith(suffix):
            one = predicate.removesuffix(suffix)
            return combine(holds(value, one, item) for item in text.split(","))
    if predicate in ("in", "not_in"):
        return (value in [typed(value, item) for item in text.split(",")]) == (predicate == "in")
    if predicate in ("eq", "not_eq"):
        return _same(value, text) == (predicate == "eq")
    if predicate in ("lt", "lteq", "gt", "gteq"):
        if _same(value, text):
            return predicate.endswith("eq")
        return bool(value < typed(value, text)) == predicate.startswith("lt")
    positive = predicate.removeprefix("not_")
    have, want = str(value).lower(), text.lower()
    if predicate in ("matches", "does_not_match"):
        return like(have, want) == (predicate == "matches")
    found = {"start": have.startswith(want), "end": have.endswith(want), "cont": want in have}
    return found[positive] == (positive == predicate)


def _same(value: Any, text: str) -> bool:
    return bool(value == typed(value, text))


def typed(value: Any, text: str) -> Any:
    if isinstance(value, bool):
        return text == "true"
    return datetime.fromisoformat(text) if isinstance(value, datetime) else type(value)(text)


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE, by hand."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[n:], pattern[1:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    conditions=st.lists(condition(), max_size=3, unique_by=lambda each: each[:2]),
    sort=st.lists(st.sampled_from(SORTABLE), max_size=3, unique=True),
    signs=st.lists(st.booleans(), min_size=3, max_size=3),
    size=st.sampled_from([7, 25]),
)
def test_pages_agree_with_an_oracle(
    dataset: Dataset,
    conditions: list[tuple[str, str, str]],
    sort: list[str],
    signs: list[bool],
    size: int,
) -> None:
    criteria = [("-" if sign else "") + name for name, sign in zip(sort, signs, strict=False)]
    query = {f"filter[q][{name}_{predicate}]": text for name, predicate, text in conditions}
    query |= {"sort": ",".join(criteria)} if criteria else {}
    expected = dataset.expected(
        lambda each: all(holds(VALUES[name](each), p, text) for name, p, text in conditions),
        criteria,
    )
    seen: list[str] = []
    url = f"orders?{dataset.shop.http.build_request('GET', '', params=query).url.query.decode()}"
    url += f"&page[size]={size}&fields[orders]=number"
    while url:
        page = dataset.shop.http.get(url).json()
        assert page["meta"] == {
            "record_count": len(expected),
            "page_count": -(-len(expected) // size),
        }
        seen += [each["id"] for each in page["data"]]
        url = page["links"].get("next", "")
    assert seen == expected


@pytest.fixture(scope="module")
def linked(shared: Shop) -> tuple[Shop, dict[str, str]]:
    """Two orders that differ in what they hold and what they point at: ids -> their names."""
    store = shared.simulator.store
    names = {}
    for label, reference, metadata, links in (
        ("one", "X-1", {"erp": {"id": 7, "x": 1}}, {"customer": {"reference": "C-1"}}),
        ("two", "x-2", {"tags": ["a", "b"]}, {}),
    ):
        related = {name: store.put(f"{name}s", values) for name, values in links.items()}
        values = {"reference": reference, "metadata": metadata, "reference_origin": "filters"}
        order = store.put("orders", values, related)
        sku = store.put("skus", {"name": "A" if label == "one" else "B"})
        store.put("line_items", {"name": "T-Shirt"}, {"order": order, "sku": sku})
        names[order.id] = label
    return shared, names


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("reference_or_number_start", "x-1", ["one"]),
        ("metadata_jcont", '{"erp": {"id": 7}}', ["one"]),
        ("metadata_jcont", '{"tags": ["b"]}', ["two"]),
        ("metadata_jcont", '{"tags": ["z"]}', []),
        ("customer_reference_eq", "C-1", ["one"]),
        ("customer_reference_or_reference_eq", "x-2", ["two"]),
        ("line_items_sku_name_in", "B,C", ["two"]),
        ("line_items_name_cont", "shirt", ["one", "two"]),
        ("market_id_null", "true", ["one", "two"]),
        ("id_eq", "nonsense", []),
        ("id_gt", "nonsense", []),
        ("created_at_or_updated_at_lt", "2020-01-01", []),
    ],
)
def test_filters_reach_across_attributes_and_relations(
    linked: tuple[Shop, dict[str, str]], name: str, value: str, found: list[str]
) -> None:
    shop, names = linked
    query = {f"filter[q][{name}]": value, "filter[q][reference_origin_eq]": "filters"}
    assert [names[each] for each in shop.ids("orders", **query)] == found


def test_all_51_documented_predicates_exist() -> None:
    assert len(PREDICATES) == 51


@pytest.mark.parametrize("predicate", sorted(PREDICATES))
def test_every_predicate_is_accepted_on_a_text(shared: Shop, predicate: str) -> None:
    boolean = {"null", "not_null", "blank", "present", "true", "false"}
    value = "true" if predicate in boolean else '{"a": 1}' if predicate == "jcont" else "a,b"
    answer = shared.get("skus", **{f"filter[q][reference_{predicate}]": value})
    assert answer.status_code == 200, answer.text


def test_include_follows_dot_paths_and_fills_linkage(shared: Shop) -> None:
    document = shared.get(
        "orders", **{"include": "customer,line_items.item", "page[size]": 2}
    ).json()
    order = document["data"][0]
    included = {(each["type"], each["id"]): each for each in document["included"]}
    assert len(included) == len(document["included"])
    linkage = order["relationships"]["customer"]["data"]
    customer = included[linkage["type"], linkage["id"]]
    assert customer["attributes"]["email"] == order["attributes"]["customer_email"]
    assert "data" not in order["relationships"]["market"]
    for linkage in order["relationships"]["line_items"]["data"]:
        item = included[linkage["type"], linkage["id"]]["relationships"]["item"]["data"]
        assert (item["type"], item["id"]) in included


def test_empty_relationships_are_null_and_empty_lists_when_included(shared: Shop) -> None:
    order = shared.simulator.store.put("orders")
    data = shared.get(f"orders/{order.id}", include="customer,line_items").json()["data"]
    assert data["relationships"]["customer"]["data"] is None
    assert data["relationships"]["line_items"]["data"] == []


def test_sparse_fields_narrow_attributes_and_relationships(shared: Shop) -> None:
    fields = {"fields[skus]": "code,prices", "fields[prices]": "amount_cents"}
    answer = shared.get("skus", include="prices", **fields)
    document = answer.json()
    assert set(document["data"][0]["attributes"]) == {"code"}
    assert set(document["data"][0]["relationships"]) == {"prices"}
    assert set(document["included"][0]["attributes"]) == {"amount_cents"}
    assert document["included"][0]["relationships"] == {}


def test_to_many_relationships_filter_sort_and_page(shared: Shop) -> None:
    order = shared.get("orders", **{"page[size]": 1}).json()["data"][0]
    path = f"orders/{order['id']}/line_items"
    everything = shared.ids(path)
    document = shared.get(path, **{"sort": "-id", "page[size]": 1}).json()
    assert document["meta"]["record_count"] == len(everything) > 1
    assert document["data"][0]["id"] == everything[-1]
    assert f"/{path}?" in document["links"]["next"]
    skus = shared.ids(path, **{"filter[q][item_type_eq]": "skus"})
    assert 0 < len(skus) < len(everything)


def test_to_one_relationships_are_single_or_null(shared: Shop) -> None:
    order = shared.get("orders", **{"page[size]": 1}).json()["data"][0]
    assert shared.get(f"orders/{order['id']}/market").json()["data"]["type"] == "markets"
    assert shared.get(f"orders/{order['id']}/store").json()["data"] is None


def test_links_leave_out_prev_on_the_first_page_and_next_on_the_last(shared: Shop) -> None:
    query = {"page[size]": 20, "filter[q][code_start]": "SKU"}
    first = shared.get("skus", **query).json()["links"]
    assert set(first) == {"first", "next", "last"}
    last = shared.http.get(first["last"]).json()
    assert set(last["links"]) == {"first", "prev", "last"}
    assert len(last["data"]) == 10
    assert "filter%5Bq%5D%5Bcode_start%5D=SKU" in last["links"]["prev"]


def test_the_default_page_holds_ten(shared: Shop) -> None:
    assert len(shared.ids("orders")) == 10


def test_a_page_past_the_end_is_empty(shared: Shop) -> None:
    assert shared.ids("skus", **{"page[number]": 99}) == []


def test_metadata_of_the_document_moves_by_a_switch() -> None:
    with Simulator(seed=1, meta="document") as simulator:
        shop = Shop(simulator)
        document = shop.get("skus").json()
        shop.close()
    assert document["meta"]["mode"] == "test"
    assert json.dumps(document["data"][0]["meta"]) == '{"created_with_version": "2017-08"}'
