"""A client for these tests, as thin as can be, and valid documents made from the catalog."""

import itertools
import json
from typing import Any

import httpx

from connector.commerce_layer import catalog
from local.simulator import Simulator
from tests.conformance import recipes, samples
from tests.conformance.samples import STAMP

__all__ = ["MEDIA_TYPE", "STAMP", "Shop"]

MEDIA_TYPE = "application/vnd.api+json"

# Attributes that name something which has to exist, and to be of use.
_CODES = {
    "sku_code",
    "bundle_code",
    "coupon_code",
    "gift_card_code",
    "gift_card_or_coupon_code",
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
        needed = samples.required(self.simulator.store, kind, attributes)
        related = {
            name: {"data": self._link(resource.relationships[name].types[0])}
            for name in needed
            if name in resource.relationships
        }
        names = [
            name
            for name, attribute in resource.attributes.items()
            if (name in needed or (full and attribute.creatable))
            and name not in _CODES
            and not (name == "customer_email" and "customer" in related)
        ]
        values = {name: self.value(kind, name) for name in names} | attributes
        for name in samples.required(self.simulator.store, kind, values):
            if name in resource.attributes and not (name == "customer_email" and related):
                values[name] = self.value(kind, name)
        samples.settle(kind, values, attributes)
        document = {"type": kind, "attributes": values, "relationships": related}
        recipes.fit(self.simulator.store, document)
        values.update(attributes)
        return document

    def value(self, kind: str, name: str) -> Any:
        attribute = catalog.resource(kind).attributes[name]
        return samples.value(kind, attribute, next(self._numbers))

    def _link(self, kind: str) -> dict[str, str]:
        variants = [
            each
            for each in catalog.resource(kind).variants
            if "create" in catalog.resource(each).operations
        ]
        created = self.create(variants[0] if variants else kind)
        return {"type": created["type"], "id": created["id"]}
