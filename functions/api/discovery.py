"""What there is to ask for: instances, resources and what each of them can do."""

from typing import Any

from api.answer import JSON, Answer, dumps
from api.representations import accepted
from api.request import Request
from connector import instances
from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Relationship, Resource
from connector.errors import InvalidRequest


def list_instances(request: Request) -> Answer:
    return answer(request, {"data": [{"name": name} for name in instances.names()]})


def list_resources(request: Request) -> Answer:
    instances.check(request.instance)
    return answer(request, {"data": [_summary(catalog.resource(t)) for t in catalog.types()]})


def describe_resource(request: Request) -> Answer:
    instances.check(request.instance)
    name = request.part("resource")
    if not catalog.known(name):
        near = catalog.nearest(name)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InvalidRequest(f"The catalog has no resource {name}.{hint}", status=404)
    return answer(request, _description(catalog.resource(name)))


def answer(request: Request, body: dict[str, Any]) -> Answer:
    """These routes are the connector's own: they speak plain JSON only."""
    return Answer(dumps(body), media_type=accepted(request.headers, (JSON,)))


def _summary(resource: Resource) -> dict[str, Any]:
    return {
        "type": resource.type,
        "path": resource.path,
        "operations": sorted(resource.operations),
        "triggers": [name[1:] for name in resource.triggers],
    }


def _description(resource: Resource) -> dict[str, Any]:
    return _summary(resource) | {
        "singleton": resource.singleton,
        "cacheable": resource.cacheable,
        "variants": list(resource.variants),
        "attributes": [_attribute(a) for a in resource.attributes.values()],
        "relationships": [_relationship(r) for r in resource.relationships.values()],
        "triggers": [
            {"name": name[1:], "type": trigger.type, "attribute": name}
            for name, trigger in resource.triggers.items()
        ],
    }


def _attribute(attribute: Attribute) -> dict[str, Any]:
    described = {
        "name": attribute.name,
        "type": attribute.type,
        "creatable": attribute.creatable,
        "updatable": attribute.updatable,
        "required": attribute.required,
        "filterable": attribute.filterable,
        "sortable": attribute.sortable,
    }
    if attribute.enum:
        described["enum"] = list(attribute.enum)
    if attribute.default is not None:
        described["default"] = attribute.default
    return described


def _relationship(relationship: Relationship) -> dict[str, Any]:
    return {
        "name": relationship.name,
        "many": relationship.many,
        "types": list(relationship.types),
        "creatable": relationship.creatable,
        "updatable": relationship.updatable,
        "required": relationship.required,
        "includable": relationship.fetchable,
    }
