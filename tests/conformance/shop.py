"""A client for these tests, as thin as can be, and valid documents made from the catalog."""

import itertools
import json
from typing import Any

import httpx

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute
from local.simulator import Simulator
from tests.conformance import recipes

MEDIA_TYPE = "application/vnd.api+json"
STAMP = "2026-01-02T03:04:05.678Z"

# Not required by the catalog, because an attribute such as `sku_code` does as well.
_NEEDED = {("stock_items", "sku")}

# What jobs take instead of any text or array.
_JOBS: dict[str, dict[str, Any]] = {
    "imports": {"resource_type": "skus", "format": "json"},
    "exports": {
        "resource_type": "skus",
        "format": "json",
        "fields": ["code"],
        "includes": ["prices"],
        "filters": {"code_present": True},
    },
    "cleanups": {"resource_type": "skus", "filters": {"code_eq": "nothing"}},
}


class Shop:
    """Speaks JSON:API with one simulator, with a token of its own."""

    def __init__(
        self,
        simulator: Simulator,
        client_id: str = "demo-client",
        scope: str = "",
        secret: str = "demo-secret",
    ) -> None:
        self.simulator = simulator
        self.http = httpx.Client(base_url=simulator.api_url, timeout=10, verify=False)  # noqa: S501 - no TLS
        answer = self.http.post(
            simulator.auth_url,
            json={
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": secret,
                "scope": scope,
            },
        )
        self.http.headers = httpx.Headers(
            {
                "Authorization": f"Bearer {answer.json()['access_token']}",
                "Accept": MEDIA_TYPE,
                "Content-Type": MEDIA_TYPE,
            }
        )
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, **query: Any) -> httpx.Response:
        """Query names as they stand in the address, by `**{"filter[q][code_eq]": "A"}`."""
        return self.http.get(path, params=query)

    def ids(self, path: str, **query: Any) -> list[str]:
        return [each["id"] for each in self.get(path, **query).json()["data"]]

    def post(self, kind: str, document: dict[str, Any]) -> httpx.Response:
        return self.http.post(kind, content=json.dumps({"data": document}))

    def patch(self, kind: str, identifier: str, **attributes: Any) -> httpx.Response:
        document = {"type": kind, "id": identifier, "attributes": attributes}
        path = f"{kind}/{identifier}"
        return self.http.patch(path, content=json.dumps({"data": document}))

    def relate(self, kind: str, identifier: str, **relationships: Any) -> httpx.Response:
        document = {"type": kind, "id": identifier, "relationships": relationships}
        return self.http.patch(f"{kind}/{identifier}", content=json.dumps({"data": document}))

    def create(self, kind: str, **attributes: Any) -> dict[str, Any]:
        """A new record of that type, and whatever it cannot be without."""
        answer = self.post(kind, self.document(kind, **attributes))
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()["data"]
        return created

    def document(self, kind: str, *, full: bool = False, **attributes: Any) -> dict[str, Any]:
        """With what is required, or with every attribute that may be created."""
        resource = catalog.resource(kind)
        related = {
            name: {"data": self._link(relationship.types[0])}
            for name, relationship in resource.relationships.items()
            if relationship.required or (kind, name) in _NEEDED
        }
        values = {
            name: _JOBS.get(kind, {}).get(name) or self.value(attribute)
            for name, attribute in resource.attributes.items()
            if (attribute.required or (full and attribute.creatable))
            and name not in ("sku_code", "bundle_code")
            and not (name == "customer_email" and "customer" in related)
        }
        if kind == "tags":
            values["name"] = f"tag-{next(self._numbers)}"
        document = {"type": kind, "attributes": values, "relationships": related}
        recipes.fit(self.simulator.store, document)
        values.update(attributes)
        return document

    def value(self, attribute: Attribute) -> Any:
        """Something valid, different each time where the type allows it."""
        number = next(self._numbers)
        if attribute.enum:
            return attribute.enum[0]
        if attribute.name.endswith("email"):
            return f"customer-{number}@example.com"
        if attribute.name == "currency_code":
            return "EUR"
        return {
            "string": f"{attribute.name} {number}",
            "integer": number,
            "float": number + 0.5,
            "boolean": True,
            "datetime": STAMP,
            "object": {"number": number},
            "array": [{"number": number}],
        }[attribute.type]

    def _link(self, kind: str) -> dict[str, str]:
        variants = [
            each
            for each in catalog.resource(kind).variants
            if "create" in catalog.resource(each).operations
        ]
        created = self.create(variants[0] if variants else kind)
        return {"type": created["type"], "id": created["id"]}
