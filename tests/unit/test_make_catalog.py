"""The generator carries over facts, and nothing else."""

import json
import re
import runpy
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path("layers/connector/make_catalog.py")
CATALOG = Path("layers/connector/connector/commerce_layer/catalog.json")

DESCRIPTION: list[dict[str, Any]] = [
    {
        "id": "category",
        "type": "resources",
        "attributes": {
            "singleton": False,
            "actions": ["list", "retrieve", "create"],
            "fields": {
                "id": {"type": "string", "fetchable": True},
                "code": {
                    "type": "string",
                    "desc": "PROSE that must not be carried over.",
                    "required": "required",
                    "creatable": True,
                    "updatable": True,
                    "fetchable": True,
                    "filterable": True,
                    "sortable": False,
                    "enum": ["a", "b"],
                    "default": "a",
                },
                "_archive": {"type": "boolean", "trigger": True, "updatable": True},
            },
            "relationships": {
                "owner": {"type": "has_one", "class_name": "ShopOwner", "filterable": True},
                "jwt_markets": {"type": "has_many", "class_name": "Market"},
            },
        },
    },
    {
        "id": "shop_owner",
        "type": "resources",
        "attributes": {
            "singleton": True,
            "actions": ["retrieve"],
            "fields": {},
            "relationships": {},
        },
    },
]


@pytest.fixture
def make_catalog(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    def run(source: str) -> dict[str, Any]:
        destination = tmp_path / "catalog.json"
        runpy.run_path(str(SCRIPT))["main"](source, str(destination))
        return dict(json.loads(destination.read_text()))

    return run


def test_a_description_becomes_flags_and_no_prose(
    make_catalog: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    source = tmp_path / "resources.json"
    source.write_text(json.dumps(DESCRIPTION))
    assert make_catalog(str(source)) == {
        "categories": {
            "path": "categories",
            "operations": ["list", "retrieve", "create"],
            "attributes": {"code": "string cufqr"},
            "triggers": {"_archive": "boolean uf"},
            "relationships": {"owner": "one shop_owners fq"},
            "enums": {"code": ["a", "b"]},
            "defaults": {"code": "a"},
        },
        "shop_owners": {"path": "shop_owner", "operations": ["retrieve"], "attributes": {}},
    }


def test_the_description_may_come_from_a_url(
    make_catalog: Callable[[str], dict[str, Any]],
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": DESCRIPTION}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        made = make_catalog(f"http://127.0.0.1:{server.server_port}/api/public/resources")
        thread.join()
    assert set(made) == {"categories", "shop_owners"}


def test_the_catalog_in_the_repository_covers_every_resource_and_holds_no_prose() -> None:
    catalog = json.loads(CATALOG.read_text())
    assert len(catalog) == 135
    named = sum(len(e["attributes"]) + len(e.get("triggers", {})) for e in catalog.values())
    assert named == 2159, "2,294 in the description, less the id of each resource"
    line = re.compile(r"(string|boolean|integer|float|datetime|object|array)( [cufqsrmx]+)?")
    relation = re.compile(r"(one|many) [a-z_]+(\|[a-z_]+)*( [cufqsr]+)?")
    for entry in catalog.values():
        for text in [*entry["attributes"].values(), *entry.get("triggers", {}).values()]:
            assert line.fullmatch(text), text
        for text in entry.get("relationships", {}).values():
            assert relation.fullmatch(text), text
            assert set(text.split(" ")[1].split("|")) <= set(catalog), text
