"""Several organizations at once, each in test and live mode: nothing is shared."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import httpx
import jwt
import pytest

from local.simulator import Simulator
from tests.conformance.shop import Shop

CLIENTS = {
    "demo-client": ("demo", "test"),
    "demo-live-client": ("demo", "live"),
    "acme-client": ("acme", "test"),
    "acme-live-client": ("acme", "live"),
}


@pytest.fixture(scope="module")
def world() -> Iterator[Simulator]:
    with Simulator(organizations="demo, acme", limits="sliding") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def shops(world: Simulator) -> Iterator[dict[str, Shop]]:
    with ExitStack() as stack:
        yield {
            client: stack.enter_context(closing(Shop(world, client, secret=f"{slug}-secret")))
            for client, (slug, _) in CLIENTS.items()
        }


@pytest.mark.parametrize("client", CLIENTS)
def test_the_token_decides(shops: dict[str, Shop], client: str) -> None:
    slug, mode = CLIENTS[client]
    text = shops[client].http.headers["Authorization"].partition(" ")[2]
    claims = jwt.decode(text, options={"verify_signature": False})
    assert (claims["organization"]["slug"], claims["test"]) == (slug, mode == "test")
    organization = shops[client].get("organization").json()["data"]
    assert organization["attributes"]["slug"] == slug
    assert organization["meta"]["mode"] == mode
    assert organization["meta"]["organization_id"] == claims["organization"]["id"]


def test_nothing_is_shared(shops: dict[str, Shop]) -> None:
    made = {client: shop.create("tags", name="same")["id"] for client, shop in shops.items()}
    assert len(set(made.values())) == 4
    for client, shop in shops.items():
        assert shop.ids("tags", **{"filter[q][name_eq]": "same"}) == [made[client]]
        found = {each for each in made.values() if shop.get(f"tags/{each}").status_code == 200}
        assert found == {made[client]}


def test_a_secret_is_its_organizations(world: Simulator, http: httpx.Client) -> None:
    wrong = {"client_id": "acme-client", "client_secret": "demo-secret"}
    asked = {"grant_type": "client_credentials", **wrong}
    assert http.post(world.auth_url, json=asked).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("demo.commercelayer.io", 200),
        ("demo.localhost", 200),
        ("acme.commercelayer.io", 401),
        ("acme.localhost:4010", 401),
        ("nobody.commercelayer.io", 401),
        ("127.0.0.1:4010", 200),
    ],
)
def test_the_host_of_another_organization_refuses_the_token(
    shops: dict[str, Shop], host: str, status: int
) -> None:
    answer = shops["demo-client"].http.get("skus", headers={"Host": host})
    assert answer.status_code == status
    forwarded = shops["demo-client"].http.get("skus", headers={"X-Forwarded-Host": host})
    assert forwarded.status_code == status


def test_each_mode_has_its_limits(shops: dict[str, Shop]) -> None:
    limits = {
        client: shop.get("orders").headers["X-Ratelimit-Limit"] for client, shop in shops.items()
    }
    assert limits == {
        client: "100" if mode == "test" else "200" for client, (_, mode) in CLIENTS.items()
    }


def test_run_time_switches_take_an_environment(world: Simulator, shops: dict[str, Shop]) -> None:
    address = f"{world.url}/_simulator/records"
    record = {"type": "tags", "attributes": {"name": "put"}}
    asked = {"organization": "acme", "mode": "live"}
    made = shops["demo-client"].http.post(address, params=asked, json=[record]).json()
    assert shops["acme-live-client"].get(f"tags/{made[0]['id']}").status_code == 200
    unknown = shops["demo-client"].http.post(address, params={"mode": "dead"}, json=[record])
    assert unknown.status_code == 400
