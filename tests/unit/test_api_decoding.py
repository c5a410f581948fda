"""Events, media types and page links, without anything around them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.links import relink, relinked
from api.representations import accepted
from api.request import Request
from connector.deadline import Deadline
from connector.errors import InvalidRequest

JSON = "application/json"
JSON_API = "application/vnd.api+json"
HOST = "api.example.com"
BASE = f"https://{HOST}/instances/default/api"


def request(**event: Any) -> Request:
    event.setdefault("requestContext", {"domainName": HOST})
    return Request.of(event, {"instance": "default"}, Deadline.after(1))


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/VND.API+JSON", JSON_API),
        ('application/vnd.api+json; ext="x"', JSON_API),
        ("text/html, application/vnd.api+json", JSON_API),
        ("application/json;q=0.5, application/vnd.api+json", JSON_API),
        ("application/vnd.api+json;q=0.1, */*;q=0.2", JSON),
        ("application/json;q=0, application/vnd.api+json;q=0.1", JSON_API),
    ],
)
def test_accept_chooses_the_representation(accept: str | None, chosen: str) -> None:
    assert accepted({} if accept is None else {"accept": accept}) == chosen


def test_the_bodys_type_decides_where_accept_does_not() -> None:
    assert accepted({"content-type": JSON_API}) == JSON_API
    assert accepted({"content-type": f"{JSON_API}; charset=utf-8", "accept": "*/*"}) == JSON_API
    assert accepted({"content-type": JSON_API, "accept": JSON}) == JSON


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "*/*;q=x", "json", ","])
def test_an_accept_without_an_answer_is_406(accept: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        accepted({"accept": accept})
    assert refused.value.status == 406


@pytest.mark.parametrize(
    ("event", "base"),
    [
        ({"rawPath": "/instances/default/api/skus"}, f"https://{HOST}"),
        ({"rawPath": "/prod/instances/default/api/skus"}, f"https://{HOST}/prod"),
        ({"rawPath": "/instances", "headers": {"X-Forwarded-Proto": "http"}}, f"http://{HOST}"),
        ({"rawPath": "/instances", "headers": {"Host": f"{HOST}:4566"}}, f"https://{HOST}:4566"),
        ({"rawPath": "/instances", "headers": {"Host": "evil.example"}}, f"https://{HOST}"),
        ({"rawPath": "/instances", "headers": {"Host": f"{HOST}.evil.example"}}, f"https://{HOST}"),
        ({"rawPath": "/instances", "headers": {"Host": f"{HOST}:@evil"}}, f"https://{HOST}"),
        ({"headers": None}, f"https://{HOST}"),
    ],
)
def test_the_apis_own_address_comes_from_the_gateway(event: dict[str, Any], base: str) -> None:
    assert request(**event).base == base


def test_an_event_may_lack_what_is_empty() -> None:
    found = request(headers=None, rawQueryString=None, body=None)
    assert (found.headers, found.query, found.body) == ({}, "", b"")


@pytest.mark.parametrize(
    "query",
    ["include=a.b,c", "include=a.b&include=c", "x=1&include=a.b%2Cc", "include=,a.b,,c,"],
)
def test_include_is_read_from_the_raw_query(query: str) -> None:
    found = request(rawQueryString=query)
    assert found.include == ["a.b", "c"]
    assert found.query == query


@pytest.mark.parametrize(
    "link",
    [
        "https://demo.commercelayer.io/api/skus?page[number]=2",
        "https://demo.commercelayer.io/api/2026-05/skus?page[number]=2",
        "http://127.0.0.1:4010/api/skus?page[number]=2",
        "/api/skus?page[number]=2",
    ],
)
def test_a_page_link_leads_back_here(link: str) -> None:
    assert relink({"next": link, "prev": None}, BASE) == {
        "next": f"{BASE}/skus?page[number]=2",
        "prev": None,
    }


def test_a_query_that_looks_like_an_address_stays() -> None:
    link = "https://demo.commercelayer.io/api/skus?filter[q][image_url_eq]=https://x/api/y\\1"
    assert relink({"self": link}, BASE)["self"] == f"{BASE}/skus?{link.partition('?')[2]}"


MEMBERS = st.dictionaries(
    st.text(max_size=5) | st.sampled_from(["data", "meta", "included"]),
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    ),
    max_size=4,
).filter(lambda members: "links" not in members)


@given(
    MEMBERS, MEMBERS, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), ("\n,", "\t: ")])
)
def test_only_the_links_of_the_document_itself_change(
    before: dict[str, Any], after: dict[str, Any], ascii_only: bool, separators: tuple[str, str]
) -> None:
    def dumps(value: Any) -> str:
        return json.dumps(value, ensure_ascii=ascii_only, separators=separators)

    links = {"next": "https://demo.commercelayer.io/api/skus?page=2"}
    inside = {"a record": {"links": {"self": "https://demo.commercelayer.io/api/skus/x"}}}
    text = dumps({**before, **inside, "links": links, **after})
    got = relinked(text, BASE)
    ours = json.dumps({"next": f"{BASE}/skus?page=2"}, separators=(",", ":"))
    assert ours in got
    assert got.replace(ours, dumps(links)) == text


@given(MEMBERS)
def test_a_document_without_links_is_the_same_text(members: dict[str, Any]) -> None:
    text = json.dumps(members, indent=1)
    assert relinked(text, BASE) == text


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1;', "{a:1}", "x"]
)
def test_what_is_no_json_object_is_an_error_of_value(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        relinked(text, BASE)
