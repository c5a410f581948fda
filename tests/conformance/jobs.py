"""What the tests of imports, exports and cleanups ask of a shop."""

import csv
import gzip
import io
import json
from typing import Any

import httpx

from local.simulator import Simulator
from tests.conformance.shop import Shop


def ask(shop: Shop, kind: str, resource_type: str, **attributes: Any) -> httpx.Response:
    document = {"type": kind, "attributes": {"resource_type": resource_type, **attributes}}
    return shop.post(kind, document)


def start(shop: Shop, kind: str, resource_type: str, **attributes: Any) -> str:
    """Its id."""
    answer = ask(shop, kind, resource_type, **attributes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def state(shop: Shop, kind: str, identifier: str) -> dict[str, Any]:
    attributes: dict[str, Any] = shop.get(f"{kind}/{identifier}").json()["data"]["attributes"]
    return attributes


def run(shop: Shop, kind: str, resource_type: str, **attributes: Any) -> dict[str, Any]:
    """The job's attributes when it has ended."""
    identifier = start(shop, kind, resource_type, **attributes)
    shop.simulator.wait_until_idle()
    return state(shop, kind, identifier)


def refusal(answer: httpx.Response) -> tuple[str, dict[str, Any]]:
    """Pointer and meta of the one error of a 422."""
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["status"], error["code"]) == (422, "422", "VALIDATION_ERROR")
    return error["source"]["pointer"], error["meta"]


def text_of(job: dict[str, Any], http: httpx.Client) -> str:
    answer = http.get(job["attachment_url"])
    assert answer.status_code == 200, answer.text
    return gzip.decompress(answer.content).decode()


def records_of(job: dict[str, Any], http: httpx.Client) -> list[dict[str, Any]]:
    text = text_of(job, http)
    if job["format"] == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    records: list[dict[str, Any]] = json.loads(text)
    return records


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Every row has the columns of all; what it has not stays empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def announced(simulator: Simulator) -> list[str]:
    """Topics from now on, in the list that is returned."""
    topics: list[str] = []
    simulator.environment().listeners.append(lambda heard: topics.append(heard.topic))
    return topics
