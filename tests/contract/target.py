"""Which Commerce Layer the suite runs on: the one that the environment names, or the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

# The variables that the Makefile sets from its own, `make contract API_URL=…`. They are other
# names, because an API_URL that happens to be exported must not send `make test` out.
PREFIX = "CONTRACT_"
REQUIRED = ("API_URL", "AUTH_URL", "CLIENT_ID", "CLIENT_SECRET")


class Secret(str):
    """Text that no traceback quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Target:
    """`api_url` ends with `/api`, `auth_url` is the token endpoint. `external`: not ours, so that
    its limits are kept in real time."""

    api_url: str
    auth_url: str
    client_id: str = field(repr=False)
    client_secret: Secret = field(repr=False)
    scope: str = ""
    external: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """None where none of the variables is set. Raises ValueError that names what is missing."""
        given = {name: environment.get(PREFIX + name, "") for name in (*REQUIRED, "SCOPE")}
        if not any(given.values()):
            return None
        if missing := [name for name in REQUIRED if not given[name]]:
            raise ValueError(f"{', '.join(missing)} missing: {', '.join(REQUIRED)} go together.")
        return cls(
            api_url=given["API_URL"].rstrip("/"),
            auth_url=given["AUTH_URL"],
            client_id=given["CLIENT_ID"],
            client_secret=Secret(given["CLIENT_SECRET"]),
            scope=given["SCOPE"],
            external=True,
        )
