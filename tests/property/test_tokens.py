"""Whatever happens to secrets and clocks: few token requests, and no stale token."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.commerce_layer.messages import Response
from connector.commerce_layer.tokens import PAUSE, Tokens
from connector.deadline import Deadline
from connector.errors import AuthenticationRefused
from connector.instances import Instance
from tests.unit.test_tokens import INSTANCE, granted, jwt, refused

LIFETIME, OVERLAP = 7200.0, 900.0


class Server:
    """Secrets Manager and a token endpoint that reuses tokens until 15 minutes before their end."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.version = 1  # of the secret in Secrets Manager
        self.valid = 1  # the version that the API takes
        self.issued = 0
        self.ends = 0.0
        self.refusals: list[float] = []
        self.grants = 0
        self.tokens = Tokens(INSTANCE, self.load, self.post, lambda: self.now)

    def load(self, *, fresh: bool) -> Instance:
        return replace(INSTANCE, client_secret=str(self.version), secret_version=f"v{self.version}")

    def post(self, _: str, content: bytes, __: Deadline) -> Response:
        if f'"client_secret": "{self.valid}"'.encode() not in content:
            self.refusals.append(self.now)
            return refused()
        self.grants += 1
        if self.now > self.ends - OVERLAP:
            self.issued, self.ends = self.issued + 1, self.now + LIFETIME
        return granted(jwt(self.issued, exp=self.ends))


ACTIONS = st.lists(
    st.one_of(
        st.floats(0, 4000).map(lambda seconds: ("wait", seconds)),
        st.sampled_from([("get", 0.0), ("rotate", 0.0), ("break", 0.0), ("repair", 0.0)]),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_refusals_are_rare_and_tokens_alive(actions: list[tuple[str, float]]) -> None:
    server = Server()
    server.tokens.instance = server.load(fresh=True)
    rotations: list[float] = []
    for action, seconds in actions:
        match action:
            case "wait":
                server.now += seconds
            case "rotate":
                server.version += 1
                rotations.append(server.now)
                server.valid = server.version
            case "break":
                server.valid = -1
            case "repair":
                server.valid = server.version
        if action != "get":
            continue
        try:
            token = server.tokens.get(Deadline.after(5))
        except AuthenticationRefused:
            assert server.refusals
        else:
            assert token.ends_at > server.now + 60
    # Each rotation may cost one more: the request that finds out about it.
    for at in server.refusals:
        in_a_minute = [other for other in server.refusals if at <= other < at + PAUSE]
        assert len(in_a_minute) <= 1 + sum(when < at + PAUSE for when in rotations)
    assert server.grants <= 1 + server.issued + len(rotations) + len(server.refusals)
