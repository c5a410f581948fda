"""The authorization server: grants, claims, lifetimes, revocation, refusals."""

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from local.simulator import Simulator
from tests.conformance.shop import Shop

INTEGRATION = {
    "grant_type": "client_credentials",
    "client_id": "demo-client",
    "client_secret": "demo-secret",
}
SALES = {
    "grant_type": "client_credentials",
    "client_id": "demo-sales",
    "scope": "market:code:europe",
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Its clock stands still."""
    with Simulator(seed=1) as running:
        running.clock.freeze()
        yield running


def ask(http: httpx.Client, simulator: Simulator, **request: Any) -> dict[str, Any]:
    answer = http.post(simulator.auth_url, json=request)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def status_of(http: httpx.Client, simulator: Simulator, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return http.get(f"{simulator.api_url}/application", headers=headers).status_code


def test_an_integration_gets_a_token_with_the_documented_keys(
    http: httpx.Client, simulator: Simulator
) -> None:
    body = ask(http, simulator, **INTEGRATION, scope="", slug="demo")
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "created_at"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 7200, "market:all")
    assert body["created_at"] == int(simulator.clock.seconds())


def test_a_form_and_basic_credentials_work_as_well(
    http: httpx.Client, simulator: Simulator
) -> None:
    form = http.post(simulator.auth_url, data=INTEGRATION)
    basic = http.post(
        simulator.auth_url,
        data={"grant_type": "client_credentials"},
        auth=("demo-client", "demo-secret"),
    )
    assert form.status_code == basic.status_code == 200
    assert form.json()["access_token"] == basic.json()["access_token"]


@pytest.mark.parametrize(
    ("request_", "kind", "lifetime"),
    [(INTEGRATION, "integration", 7200), (SALES, "sales_channel", 14400)],
    ids=["integration", "sales channel"],
)
def test_tokens_carry_the_real_claims_and_a_signature_of_the_jwks(
    http: httpx.Client,
    simulator: Simulator,
    request_: dict[str, str],
    kind: str,
    lifetime: int,
) -> None:
    text = ask(http, simulator, **request_)["access_token"]
    (key,) = http.get(f"{simulator.url}/.well-known/jwks.json").json()["keys"]
    assert jwt.get_unverified_header(text)["kid"] == key["kid"]
    claims = jwt.decode(
        text,
        jwt.PyJWK(key).key,
        algorithms=["RS512"],
        issuer="https://auth.commercelayer.io",
    )
    assert claims["organization"].items() >= {"slug": "demo", "enterprise": False}.items()
    application = claims["application"]
    public = kind == "sales_channel"
    assert application["kind"] == kind
    assert (application["public"], application["confidential"]) == (public, not public)
    assert claims["test"] is True
    assert claims["exp"] - claims["iat"] == lifetime


def test_live_mode_shows_in_the_token_and_in_the_records() -> None:
    with Simulator(seed=1, mode="live") as simulator:
        shop = Shop(simulator)
        text = shop.http.headers["Authorization"].partition(" ")[2]
        assert jwt.decode(text, options={"verify_signature": False})["test"] is False
        assert shop.get("skus").json()["data"][0]["meta"]["mode"] == "live"
        shop.close()


def test_the_same_token_comes_until_its_last_quarter_of_an_hour(
    http: httpx.Client, simulator: Simulator
) -> None:
    first = ask(http, simulator, **INTEGRATION)
    simulator.clock.advance(7200 - 15 * 60 - 1)
    again = ask(http, simulator, **INTEGRATION)
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] == 15 * 60 + 1
    simulator.clock.advance(1)
    second = ask(http, simulator, **INTEGRATION)
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 7200
    # The overlap: both are valid, then only the new one.
    assert status_of(http, simulator, first["access_token"]) == 200
    assert status_of(http, simulator, second["access_token"]) == 200
    simulator.clock.advance(15 * 60)
    assert status_of(http, simulator, first["access_token"]) == 401
    assert status_of(http, simulator, second["access_token"]) == 200


def test_the_reuse_of_tokens_can_be_switched_off(http: httpx.Client) -> None:
    with Simulator(reuse_tokens=False) as simulator:
        first, second = (ask(http, simulator, **INTEGRATION)["access_token"] for _ in range(2))
    assert first != second


def test_each_scope_has_its_own_token(http: httpx.Client, simulator: Simulator) -> None:
    everything = ask(http, simulator, **INTEGRATION)
    narrowed = ask(http, simulator, **INTEGRATION, scope="market:code:a,stock_location:code:b")
    assert narrowed["scope"] == "market:code:a stock_location:code:b"
    assert narrowed["access_token"] != everything["access_token"]


def test_a_revoked_token_is_invalid_and_the_next_one_is_new(
    http: httpx.Client, simulator: Simulator
) -> None:
    text = ask(http, simulator, **INTEGRATION)["access_token"]
    url = f"{simulator.url}/oauth/revoke"
    credentials = {k: INTEGRATION[k] for k in ("client_id", "client_secret")}
    stranger = http.post(url, json={"client_id": "demo-sales", "token": text})
    assert (stranger.status_code, stranger.json()["errors"][0]["title"]) == (
        403,
        "unauthorized_client",
    )
    assert status_of(http, simulator, text) == 200
    revoked = http.post(url, json={**credentials, "token": text})
    assert (revoked.status_code, revoked.json()) == (200, {})
    assert status_of(http, simulator, text) == 401
    assert ask(http, simulator, **INTEGRATION)["access_token"] != text


@pytest.mark.parametrize(
    ("changes", "status", "title"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "demo-sales"}, 400, "invalid_scope"),
    ],
)
def test_refusals_carry_a_numeric_status(
    http: httpx.Client, simulator: Simulator, changes: dict[str, str], status: int, title: str
) -> None:
    answer = http.post(simulator.auth_url, json={**INTEGRATION, **changes})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["status"], error["title"]) == (status, status, title)


def test_a_body_that_is_no_json_object_is_refused(http: httpx.Client, simulator: Simulator) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http.post(simulator.auth_url, content=b"[", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["title"]) == (400, "invalid_request")


def test_thirty_requests_a_minute_then_429(http: httpx.Client, simulator: Simulator) -> None:
    statuses = [http.post(simulator.auth_url, json=INTEGRATION).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    other = http.post(
        simulator.auth_url, json=INTEGRATION, headers={"x-true-client-ip": "203.0.113.7"}
    )
    assert other.status_code == 200
    simulator.clock.advance(60)
    assert http.post(simulator.auth_url, json=INTEGRATION).status_code == 200


def test_permissions_follow_the_kind_of_credential(simulator: Simulator) -> None:
    reader = Shop(simulator, "demo-read-only")
    storefront = Shop(simulator, "demo-sales", "market:code:europe")
    assert reader.get("skus").status_code == storefront.get("skus").status_code == 200
    refusals = [
        reader.post("shipping_categories", {"type": "shipping_categories"}),
        storefront.post("skus", {"type": "skus"}),
        storefront.get("webhooks"),
    ]
    for refusal in refusals:
        assert (refusal.status_code, refusal.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
    assert storefront.post("orders", {"type": "orders"}).status_code == 201
    reader.close()
    storefront.close()


def test_an_order_is_of_the_market_and_the_store_of_the_token(simulator: Simulator) -> None:
    """One that the scope names; market:all names none, so the order has to."""
    everywhere = Shop(simulator)
    store = everywhere.create("stores", code="via-dante")
    refused = everywhere.post("orders", {"type": "orders"})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["source"] == {"pointer": "/data/relationships/market"}
    scope = f"market:code:europe store:id:{store['id']}"
    storefront = Shop(simulator, "demo-sales", scope)
    order = storefront.post("orders", {"type": "orders"}).json()["data"]
    market = everywhere.get(f"orders/{order['id']}/market").json()["data"]
    assert market["attributes"]["code"] == "europe"
    assert everywhere.get(f"orders/{order['id']}/store").json()["data"]["id"] == store["id"]
    other = everywhere.document("orders")
    own = other["relationships"]["market"]["data"]["id"]
    order = storefront.post("orders", other).json()["data"]
    assert everywhere.get(f"orders/{order['id']}/market").json()["data"]["id"] == own
    everywhere.close()
    storefront.close()


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer nonsense", "Basic x"])
def test_a_missing_or_foreign_token_is_invalid(
    http: httpx.Client, simulator: Simulator, value: str
) -> None:
    headers = {"Authorization": value} if value else {}
    answer = http.get(f"{simulator.api_url}/skus", headers=headers)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["status"]) == (401, "INVALID_TOKEN", "401")
