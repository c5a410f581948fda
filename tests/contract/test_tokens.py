"""The token endpoint, and what a token opens."""

import pytest

from connector.commerce_layer.messages import Response
from connector.deadline import Deadline
from tests.contract.granting import claims, token_request
from tests.contract.report import Report
from tests.contract.shop import Shop
from tests.contract.target import Secret, Target
from tests.contract.watch import Watch


@pytest.fixture(scope="session")
def said(granted: Response) -> dict[str, object]:
    """The token response without its token."""
    return {**granted.document(), "access_token": Secret(granted.document()["access_token"])}


def test_a_token_response_has_the_documented_keys(said: dict[str, object]) -> None:
    assert {"access_token", "token_type", "expires_in", "scope", "created_at"} <= said.keys()
    assert str(said["token_type"]).lower() == "bearer"
    assert isinstance(said["scope"], str)


def test_a_token_lives_for_fifteen_days_at_most(said: dict[str, object]) -> None:
    lifetime, created = said["expires_in"], said["created_at"]
    assert isinstance(lifetime, int)
    assert 0 < lifetime <= 15 * 24 * 3600
    assert isinstance(created, int)


def test_a_token_tells_organization_application_and_mode(granted: Response) -> None:
    told = claims(granted)
    assert {"organization", "application", "scope", "test", "exp", "iat", "iss"} <= told.keys()
    assert {"id", "slug"} <= told["organization"].keys()
    assert told["application"]["kind"] == "integration"
    assert told["exp"] > told["iat"]


def test_a_token_that_is_asked_for_again_does_not_spoil_the_first(
    shop: Shop, granted: Response, report: Report
) -> None:
    first, second = (
        granted.document()["access_token"],
        shop.session.tokens.get(shop.client.deadline),
    )
    report.observed["the same token again before its last minutes"] = (
        "yes" if first == second.value else "no"
    )
    for token in first, second.value:
        answer = shop.raw("GET", "application", Authorization=f"Bearer {token}")
        assert answer.status == 200


def test_a_wrong_secret_is_refused_as_invalid_client(target: Target, watch: Watch) -> None:
    answer = watch.exchange(token_request(target, client_secret="wrong"), Deadline.after(30))
    assert answer.status == 401
    assert [error["title"] for error in answer.errors()] == ["invalid_client"]


def test_a_token_that_was_tampered_with_opens_nothing(shop: Shop) -> None:
    token = shop.session.tokens.get(shop.client.deadline).value
    answer = shop.raw("GET", "application", Authorization=f"Bearer {token[:-9]}AAAAAAAAA")
    assert answer.status == 401
    assert [error["code"] for error in answer.errors()] == ["INVALID_TOKEN"]


def test_application_and_organization_are_those_of_the_token(shop: Shop) -> None:
    told = shop.client.claims()
    for path, kind, claim in (
        ("application", "applications", told["application"]),
        ("organization", "organizations", told["organization"]),
    ):
        record = shop.client.send("GET", path).document()["data"]
        assert (record["type"], record["id"]) == (kind, claim["id"])
    assert record["attributes"]["slug"] == told["organization"]["slug"]
