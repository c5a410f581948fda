"""When a token is asked for, kept, dropped, and when nothing is asked at all."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest

from connector.commerce_layer.messages import Response
from connector.commerce_layer.tokens import Tokens
from connector.deadline import Deadline
from connector.errors import (
    AuthenticationRefused,
    ConfigurationError,
    ConnectorError,
    RateLimited,
    ServerFault,
    Unreachable,
)
from connector.instances import Instance

NOW = 1_800_000_000.0
SECRET = "s3cr3t-that-nobody-sees"
INSTANCE = Instance(
    name="default",
    slug="demo",
    client_id="id",
    client_secret=SECRET,
    api_url="http://127.0.0.1/api",
    auth_url="http://127.0.0.1/oauth/token",
    secret_version="v1",
)
INVALID_CLIENT = {
    "errors": [{"title": "invalid_client", "detail": SECRET, "code": "UNAUTHORIZED", "status": 401}]
}


def jwt(number: int = 1, **claims: Any) -> str:
    claims = {"organization": {"slug": "demo"}, "test": True, "rand": number, **claims}
    body = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzUxMiJ9.{body}.c2lnbmF0dXJl"


def granted(token: str, **fields: Any) -> Response:
    document = {"access_token": token, "token_type": "bearer", "expires_in": 7200, **fields}
    return Response(200, {}, json.dumps(document).encode())


def refused(status: int = 401, document: Any = INVALID_CLIENT) -> Response:
    return Response(status, {}, json.dumps(document).encode())


class World:
    """The token endpoint, Secrets Manager and the wall clock, all in the test's hands."""

    def __init__(self, *answers: Response | ConnectorError) -> None:
        self.answers = list(answers)
        self.now = NOW
        self.instance = INSTANCE
        self.asked: list[dict[str, str]] = []
        self.reads = 0
        self.unreadable: ConnectorError | None = None
        self.tokens = Tokens(INSTANCE, self.load, self.post, lambda: self.now)

    def load(self, *, fresh: bool) -> Instance:
        assert fresh
        self.reads += 1
        if self.unreadable:
            raise self.unreadable
        return self.instance

    def post(self, url: str, content: bytes, deadline: Deadline) -> Response:
        assert url == self.instance.auth_url
        self.asked.append(json.loads(content))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ConnectorError):
            raise answer
        return answer

    def get(self) -> str:
        return self.tokens.get(Deadline.after(5)).value

    def later(self, seconds: float) -> "World":
        self.now += seconds
        return self


def test_the_request_is_what_the_api_wants() -> None:
    world = World(granted(jwt()))
    world.get()
    assert world.asked == [
        {"grant_type": "client_credentials", "client_id": "id", "client_secret": SECRET}
    ]
    world = World(granted(jwt()))
    world.tokens.instance = replace(INSTANCE, scope="market:all store:id:x")
    world.get()
    assert world.asked[0]["scope"] == "market:all store:id:x"


def test_a_token_serves_until_ten_minutes_before_its_end() -> None:
    world = World(granted(jwt(1, exp=NOW + 7200)), granted(jwt(2, exp=NOW + 14_400)))
    first = world.get()
    assert world.later(7200 - 601).get() == first
    assert world.later(2).get() != first
    assert len(world.asked) == 2


def test_the_claim_counts_more_than_expires_in_and_that_more_than_nothing() -> None:
    world = World(granted(jwt(exp=NOW + 1000), expires_in=9999))
    world.get()
    world.later(401).get()
    assert len(world.asked) == 2
    world = World(granted("opaque", expires_in=1000))
    world.get()
    world.later(399).get()
    assert len(world.asked) == 1
    world.later(2).get()
    assert len(world.asked) == 2
    with pytest.raises(ServerFault, match="does not tell how long"):
        World(granted("opaque", expires_in=None)).get()


@pytest.mark.parametrize("exp", [NOW - 5000, NOW + 10])
def test_a_clock_that_is_wrong_does_not_ask_at_every_call(exp: float) -> None:
    world = World(granted(jwt(exp=exp)))
    for _ in range(10):
        world.get()
    assert len(world.asked) == 1
    world.later(61).get()
    assert len(world.asked) == 2


def test_only_the_very_token_that_was_refused_is_dropped() -> None:
    world = World(granted(jwt(1)), granted(jwt(2)))
    old = world.tokens.get(Deadline.after(1))
    world.tokens.drop(old)
    new = world.tokens.get(Deadline.after(1))
    world.tokens.drop(old)  # another thread's late news
    assert world.tokens.get(Deadline.after(1)) is new
    assert len(world.asked) == 2


def test_the_same_token_once_more_is_no_help_and_is_not_asked_for_again_and_again() -> None:
    world = World(granted(jwt(1)))
    world.tokens.drop(world.tokens.get(Deadline.after(1)))
    for _ in range(5):
        with pytest.raises(AuthenticationRefused, match="the very token that it hands out"):
            world.get()
    assert len(world.asked) == 2


def test_the_same_token_is_tried_again_after_the_pause() -> None:
    """It may live for days, and what refused it may have been a fault that passed."""
    world = World(granted(jwt(1)))
    world.tokens.drop(world.tokens.get(Deadline.after(1)))
    with pytest.raises(AuthenticationRefused):
        world.get()
    assert world.later(61).get() == jwt(1)
    assert len(world.asked) == 3


def test_a_wrong_secret_costs_one_request_a_minute() -> None:
    world = World(refused())
    for _ in range(180):
        with pytest.raises(AuthenticationRefused, match="client_id or client_secret"):
            world.get()
        world.later(1)
    assert len(world.asked) == 3
    assert world.reads <= 6


def test_a_rotated_secret_is_read_and_used_at_once() -> None:
    world = World(refused(), granted(jwt(2)))
    world.instance = replace(INSTANCE, client_secret="new", secret_version="v2")
    world.get()
    assert [asked["client_secret"] for asked in world.asked] == [SECRET, "new"]
    assert world.tokens.instance.secret_version == "v2"


def test_a_rotation_to_another_wrong_secret_ends_there() -> None:
    world = World(refused())
    world.instance = replace(INSTANCE, client_secret="new", secret_version="v2")
    for _ in range(5):
        with pytest.raises(AuthenticationRefused):
            world.get()
    assert len(world.asked) == 2


def test_a_wrong_secret_that_cannot_even_be_read_again_costs_no_more() -> None:
    world = World(refused())
    world.unreadable = ConfigurationError("Secret 'x' does not exist.")
    for _ in range(5):
        with pytest.raises(ConnectorError):
            world.get()
    assert len(world.asked) == 1


def test_a_secret_that_is_corrected_during_the_pause_is_used_after_it() -> None:
    world = World(refused(), granted(jwt(2)))
    with pytest.raises(AuthenticationRefused):
        world.get()
    world.instance = replace(INSTANCE, client_secret="new", secret_version="v2")
    with pytest.raises(AuthenticationRefused):
        world.later(59).get()
    world.later(2).get()
    assert [asked["client_secret"] for asked in world.asked] == [SECRET, "new"]


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("accessToken", {"access_token": 1}),
        ("accessToken", {"accessToken": 1, "access_token": 0}),
        ("access_token", {"accessToken": 1}),
        ("jwt", {"jwt": 1, "access_token": 0}),
        ("myAuthToken", {"my_auth_token": 1}),
    ],
)
def test_the_key_of_the_token_is_read_exactly_or_as_its_twin(
    key: str, fields: dict[str, int]
) -> None:
    document = {name: jwt(number) for name, number in fields.items()} | {"expires_in": 7200}
    world = World(Response(200, {}, json.dumps(document).encode()))
    world.tokens.instance = replace(INSTANCE, response_auth_token_key=key)
    assert world.get() == jwt(1)


def test_a_key_that_is_not_there_is_named_and_asked_for_once_a_minute() -> None:
    world = World(granted(jwt()))
    world.tokens.instance = replace(INSTANCE, response_auth_token_key="jwt")
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="the token response has no 'jwt'"):
            world.get()
    assert len(world.asked) == 1


def test_credentials_of_another_organization_are_refused() -> None:
    world = World(granted(jwt(organization={"slug": "other"})))
    for _ in range(3):
        with pytest.raises(ConfigurationError, match=r"domain is 'demo'.* belong to 'other'"):
            world.get()
    assert len(world.asked) == 1


@pytest.mark.parametrize(
    ("claims", "test"), [({"test": True}, True), ({"test": False}, False), ({"test": None}, True)]
)
def test_the_mode_is_test_unless_the_claim_says_live(claims: dict[str, Any], *, test: bool) -> None:
    world = World(granted(jwt(**claims)))
    assert world.tokens.get(Deadline.after(1)).test is test


@pytest.mark.parametrize("token", ["a", "a.b.c", "a.e30.c", "a.W10.c", "..", "a.\xff.c"])
def test_what_is_no_jwt_is_a_token_all_the_same(token: str) -> None:
    world = World(granted(token))
    assert world.get() == token


@pytest.mark.parametrize(
    "fault",
    [Unreachable("x"), ServerFault("x"), RateLimited("x", retry_after=30)],
    ids=lambda fault: type(fault).__name__,
)
def test_a_token_that_cannot_be_renewed_serves_its_last_ten_minutes(fault: ConnectorError) -> None:
    world = World(granted(jwt(1, exp=NOW + 7200)), fault)
    first = world.get()
    assert world.later(6700).get() == first
    assert world.get() == first
    assert len(world.asked) == 2  # and the server is left in peace for a while
    with pytest.raises(type(fault)):
        world.later(501).get()


def test_token_requests_over_their_limit_wait_as_long_as_they_are_told() -> None:
    world = World(RateLimited("x", retry_after=20, status=429), granted(jwt()))
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            world.get()
    assert caught.value.retry_after > 0
    assert len(world.asked) == 1
    world.later(21).get()


@pytest.mark.parametrize(
    ("status", "document", "message"),
    [
        (401, INVALID_CLIENT, "refused client_id or client_secret"),
        (400, {"errors": {"title": "invalid_client", "status": 400}}, "client_id or client_secret"),
        (400, {"errors": [{"title": "invalid_scope"}]}, "scope is the first suspect"),
        (403, "gone", "refused the token request"),
    ],
)
def test_refusals_say_what_to_do_and_quote_nothing(
    status: int, document: Any, message: str
) -> None:
    world = World(refused(status, document))
    with pytest.raises(AuthenticationRefused, match=message) as caught:
        world.get()
    assert "'default'" in str(caught.value)
    assert SECRET not in str(caught.value) + repr(caught.value.errors)


def test_neither_secret_nor_token_is_printed() -> None:
    world = World(granted(jwt()))
    token = world.tokens.get(Deadline.after(1))
    text = f"{token} {token!r} {world.tokens!r} {world.tokens.instance} {world.tokens.instance!r}"
    assert token.value not in text
    assert SECRET not in text
