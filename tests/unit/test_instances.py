"""What may stand in a secret, and what is said when it is wrong."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connector import instances
from connector.errors import ConfigurationError, UnknownInstance
from connector.settings import settings
from tests.conftest import CREDENTIALS

SECRET = "s3cr3t-that-nobody-sees"


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INSTANCES", "default,b2b")
    for name in ("SECRET_PREFIX", "COMMERCE_LAYER_API_URL", "COMMERCE_LAYER_AUTH_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


def parse(**changes: Any) -> instances.Instance:
    values = {**CREDENTIALS, "client_secret": SECRET, **changes}
    kept = {key: value for key, value in values.items() if value is not ...}
    return instances.parse("default", json.dumps(kept), "v1")


def test_a_plain_secret() -> None:
    assert parse() == instances.Instance(
        name="default",
        slug="demo",
        client_id="demo-client",
        client_secret=SECRET,
        api_url="https://demo.commercelayer.io/api",
        auth_url="https://auth.commercelayer.io/oauth/token",
        secret_version="v1",
    )


def test_the_labels_of_a_form_may_be_pasted() -> None:
    labels = {
        "Domain": "demo.commercelayer.io",
        "Client ID": " demo-client\n",
        "client-secret": SECRET,
        "Scope": "market:id:a, stock_location:code:b",
        "Grant Type": "client_credentials",
        "Response authentication token key": "accessToken",
        "API version": "2017-08",
        "RateLimit": "60",
    }
    instance = instances.parse("default", json.dumps(labels), "v1")
    assert instance.client_id == "demo-client"
    assert instance.scope == "market:id:a stock_location:code:b"
    assert instance.api_url == "https://demo.commercelayer.io/api/2017-08"
    assert instance.rate_limit == 60


@pytest.mark.parametrize(
    "domain",
    [
        "demo",
        "DEMO",
        "demo.commercelayer.io",
        "https://demo.commercelayer.io",
        "https://demo.commercelayer.io/",
        " https://Demo.CommerceLayer.io/ ",
    ],
)
def test_every_way_to_write_the_domain(domain: str) -> None:
    assert parse(domain=domain).slug == "demo"


@pytest.mark.parametrize(
    "domain",
    [
        "https://demo.commercelayer.io/api",
        "demo.commercelayer.io/x",
        "http://demo.commercelayer.io",
        "https://evil.example",
        "demo.commercelayer.io.evil.example",
        "https://demo.commercelayer.io:444",
        "https://user@demo.commercelayer.io",
        "https://evil.example/demo.commercelayer.io",
        "https://demo.commercelayer.io?x",
        "https://demo.commercelayer.io#x",
        "a.b",
        "-demo",
        "demo\n.evil",
        "démo",
        "a" * 64,
    ],
)
def test_credentials_go_to_no_other_host(domain: str) -> None:
    with pytest.raises(ConfigurationError, match="domain must be the organization's slug"):
        parse(domain=domain)


@pytest.mark.parametrize("scope", ["", None, ..., "market:all", "store:code:a,market:id:x"])
def test_scopes_that_the_api_takes(scope: Any) -> None:
    assert parse(scope=scope).scope == (scope.replace(",", " ") if isinstance(scope, str) else "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_secret": ...}, "client_secret is missing"),
        ({"client_id": ...}, "client_id is missing"),
        ({"domain": ...}, "domain is missing"),
        ({"client_secret": " "}, "client_secret is empty"),
        ({"client_secret": None}, "client_secret is empty"),
        ({"client_secret": 5}, "client_secret must be text"),
        ({"client_secret": [SECRET]}, "client_secret must be text"),
        ({"grant_type": "password"}, "grant_type must be client_credentials"),
        ({"scope": "market:1234"}, "scope number 1 must be market:all or"),
        ({"scope": f"market:all {SECRET}"}, "scope number 2 must be"),
        ({"api_version": "v2"}, "api_version must look like 2017-08"),
        ({"rate_limit": 0}, "rate_limit must be a whole number"),
        ({"rate_limit": True}, "rate_limit must be a whole number"),
        ({"rate_limit": 1.5}, "rate_limit must be a whole number"),
        ({"Client Secret": SECRET}, "client_secret stands there twice"),
    ],
)
def test_a_complaint_names_secret_and_key_and_no_value(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(**changes)
    assert message in str(caught.value)
    assert "'commerce-layer/default'" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SECRET, "is not JSON"),
        (f'{{"client_secret": "{SECRET}"', "is not JSON"),
        (json.dumps(SECRET), "not an object"),
        (json.dumps([SECRET]), "not an object"),
        ("", "is not JSON"),
        ("null", "is not JSON"),
        (f'{{"client_secret": "{SECRET}", "client_secret": "b"}}', "stands there twice"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_secret_that_is_no_object_is_not_quoted(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        instances.parse("default", text, "v1")
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_is_printed_of_an_instance_holds_no_secret() -> None:
    assert SECRET not in repr(parse())
    assert SECRET not in str(parse())


@pytest.mark.parametrize(
    "name", ["x%2Fy", "../a", "", "Default", "default ", "nobody", "a" * 300, "default\n"]
)
def test_a_name_that_is_not_configured_is_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(UnknownInstance, match="Configured: default, b2b") as caught:
        instances.load(name)
    assert len(str(caught.value)) < 300


def test_configured_names() -> None:
    assert instances.names() == ("default", "b2b")
    assert instances.check("b2b") == "b2b"
