"""Records that are meant by what the business calls them: a SKU code, an order number, an e-mail
address, a price by SKU code and price list code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Resource
from connector.commerce_layer.client import Client
from connector.commerce_layer.query import Query
from connector.errors import CommerceLayerError, InvalidRequest


class NotOne(CommerceLayerError):
    """None or several records match; `count` tells how many."""

    def __init__(self, message: str, *, count: int) -> None:
        super().__init__(message, errors=[{"code": "NOT_ONE", "meta": {"error": f"{count} match"}}])
        self.count = count


@dataclass(frozen=True, slots=True)
class Key:
    """`values` by name: an attribute, or a relationship and an attribute of it, `order_number`."""

    resource: Resource
    values: Mapping[str, str]

    @property
    def filters(self) -> dict[str, str]:
        return {f"{name}_eq": value for name, value in self.values.items()}

    def find(self, client: Client) -> dict[str, Any] | None:
        """The record, in JSON:API's form, `updated_at` alone of its attributes; None if there is
        none. Raises NotOne if there are several."""
        kind = self.resource.type
        # Commerce Layer tells how many there are, whatever the size of the page.
        query = Query(filters=self.filters, fields={kind: ("updated_at",)}, page_size=1)
        document = client.list(self.resource.path, query)
        found = document["data"]
        count = document.get("meta", {}).get("record_count", len(found))
        if count > 1:
            raise NotOne(f"{count} {kind} match {self}: a command is for one.", count=count)
        return dict(found[0]) if found else None

    def get(self, client: Client) -> dict[str, Any]:
        """As `find`; raises NotOne if there is none."""
        found = self.find(client)
        if found is None:
            raise NotOne(f"No {self.resource.type} match {self}.", count=0)
        return found

    def written(self) -> tuple[dict[str, Any], dict[str, "Key"]]:
        """What a record that is created for the key gets: attributes, and what to look up."""
        attributes: dict[str, Any] = {}
        related: dict[str, Key] = {}
        for name, value in self.values.items():
            attribute = self.resource.attributes.get(name)
            if attribute and attribute.creatable:
                attributes[name] = value
            elif found := _through(self.resource, name):
                related[found[0]] = Key(catalog.resource(found[1]), {found[2]: value})
        return attributes, related

    def unwritten(self) -> str | None:
        """A name that nothing can be created with."""
        attributes, related = self.written()
        known = (*attributes, *related)
        return next(
            (n for n in self.values if n not in known and not n.startswith(tuple(related) or "/")),
            None,
        )

    def __str__(self) -> str:
        """The names alone: values may be customer data."""
        return " and ".join(f"`{name}`" for name in self.values)


def key_of(resource: Resource, match: Any, at: str) -> Key:
    """Raises InvalidRequest if that is not how a record can be found. `at` points to it."""
    if not isinstance(match, Mapping) or not match:
        raise InvalidRequest('`match` is {"code": "…"}, or such.', status=422, pointer=at)
    values = {}
    for name, value in match.items():
        attribute = resource.attributes.get(name)
        if not (attribute and attribute.filterable) and not _through(resource, name):
            near = catalog.nearest(name, _names(resource))
            hint = f" Did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else ""
            raise InvalidRequest(
                f"{resource.type} cannot be found by `{name[:40]}`.{hint}",
                status=422,
                pointer=f"{at}/{name[:40]}",
            )
        if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
            raise InvalidRequest(
                f"`{name}` takes text or a number.", status=422, pointer=f"{at}/{name}"
            )
        values[name] = str(value)
    return Key(resource, values)


def _through(resource: Resource, name: str) -> tuple[str, str, str] | None:
    """`price_list_code` -> ("price_list", "price_lists", "code"), where the catalog has it."""
    for relationship in resource.relationships.values():
        rest = name.removeprefix(f"{relationship.name}_")
        if rest == name or relationship.many or len(relationship.types) > 1:
            continue
        kind = catalog.resource(relationship.types[0])
        if rest == "id" or (rest in kind.attributes and kind.attributes[rest].filterable):
            return relationship.name, kind.type, rest
    return None


def _names(resource: Resource) -> tuple[str, ...]:
    own = [name for name, each in resource.attributes.items() if each.filterable]
    through = [
        f"{relationship.name}_{name}"
        for relationship in resource.relationships.values()
        if not relationship.many
        for name in ("id", "code", "number", "reference", "name", "email")
    ]
    return (*own, *(name for name in through if _through(resource, name)))
