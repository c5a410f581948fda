"""What reaches a log line, and what cannot."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from connector.errors import ConfigurationError
from connector.observability import correlate, logger


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    captured = io.StringIO()
    monkeypatch.setattr(logger.handlers[0], "stream", captured)
    yield captured
    logger.set_correlation_id(None)


def line(stream: io.StringIO) -> dict[str, Any]:
    return dict(json.loads(stream.getvalue()))


def test_a_field_that_is_not_on_the_list_is_dropped(stream: io.StringIO) -> None:
    logger.info("Done.", extra={"route": "GET /instances", "email": "ada@example.com"})
    assert line(stream)["route"] == "GET /instances"
    assert "ada" not in stream.getvalue()


def test_a_stack_trace_tells_types_and_places_and_our_own_texts_only(stream: io.StringIO) -> None:
    def read() -> None:
        customers: dict[str, str] = {}
        try:
            customers["ada@example.com"]
        except KeyError as error:
            raise ConfigurationError("The secret lacks client_id.") from error

    try:
        read()
    except ConfigurationError:
        logger.exception("Failed.")
    trace = line(stream)["exception"]
    assert "connector.errors.ConfigurationError: The secret lacks client_id." in trace
    assert "builtins.KeyError" in trace
    assert "in read" in trace
    assert "ada" not in stream.getvalue()


@pytest.mark.parametrize("offered", ["order-42", "1-67891233-abcdef012345678912345678"])
def test_a_callers_correlation_id_is_taken(stream: io.StringIO, offered: str) -> None:
    assert correlate(offered, "other") == offered
    logger.info("Done.")
    assert line(stream)["correlation_id"] == offered


@pytest.mark.parametrize("offered", [None, "", "ada@example.com", "a\nb", "a" * 129, "ä"])
def test_what_does_not_look_like_an_id_is_not_taken(
    stream: io.StringIO, offered: str | None
) -> None:
    assert correlate(offered, "other") == "other"


@pytest.mark.parametrize("name", ["httpx", "httpcore", "botocore", "urllib3"])
def test_libraries_that_log_addresses_and_bodies_are_quiet(name: str) -> None:
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)
