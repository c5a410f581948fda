"""Who an event says it comes from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from connector import streams
from sync.handler import Order, source_of


@dataclass
class Speaker:
    """A client whose token says this much."""

    said: dict[str, Any]

    def claims(self) -> dict[str, Any]:
        return self.said


@pytest.mark.parametrize(
    ("claims", "organization", "mode"),
    [
        ({"organization": {"slug": "demo"}, "test": True}, "demo", "test"),
        ({"organization": {"slug": "demo"}, "test": False}, "demo", "live"),
        ({}, None, None),  # a token that is no JWT
        ({"organization": None, "test": None}, None, None),
    ],
)
def test_organization_and_mode_are_what_the_token_says_and_else_open(
    claims: dict[str, Any], organization: str | None, mode: str | None
) -> None:
    order = Order("default", streams.find("orders"), datetime.now(UTC), None)
    source = source_of(Speaker(claims), order, "c")  # type: ignore[arg-type]  # all it asks
    assert (source.organization, source.mode) == (organization, mode)
