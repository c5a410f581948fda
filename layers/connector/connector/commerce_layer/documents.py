"""JSON:API document <-> flat JSON. Pure.

    {"data": {"id": "x", "type": "skus",                {"id": "x", "type": "skus",
              "attributes": {"code": "A"},         <->   "code": "A",
              "relationships": {"prices":                "prices": [{"id": "p", "type": "prices"}]}
                {"data": [{"id": "p", "type": "prices"}]}}}}

Reading needs no catalog, so that a name the API gains tomorrow is there tomorrow. Writing asks the
catalog which name is an attribute, which a relationship, and which may be written at all.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Relationship, Resource
from connector.errors import InvalidRequest

Record = Mapping[str, Any]
# (type, id) -> record, of everything that a document holds
Index = Mapping[tuple[str, str], Record]
# `prices.price_list,tags` -> {"prices": {"price_list": {}}, "tags": {}}
Tree = Mapping[str, "Tree"]


def flatten(document: Mapping[str, Any], include: Iterable[str] = ()) -> dict[str, Any]:
    """The flat form of an answer.

    One record gives `{"id", "type", …}`; a list, or a relationship without a record, gives
    `{"data": [{…}] | None, "meta": {…}, "links": {…}}` with what of these the answer has.
    `include`: the paths that were asked for, such as `line_items.item`; the records along them are
    expanded, every other reference stays `{"id", "type"}`.
    """
    index, tree = index_of(document), tree_of(include)
    data = document["data"]
    if isinstance(data, Mapping):
        return flatten_record(data, index, tree)
    flat: dict[str, Any] = {"data": data}
    if isinstance(data, list):
        flat["data"] = [flatten_record(record, index, tree) for record in data]
    return flat | {key: document[key] for key in ("meta", "links") if key in document}


def index_of(document: Mapping[str, Any]) -> Index:
    """Primary records too: JSON:API does not repeat them in `included`."""
    data = document.get("data") or ()
    primary = (data,) if isinstance(data, Mapping) else data
    return {(r["type"], r["id"]): r for r in (*document.get("included", ()), *primary)}


def tree_of(include: Iterable[str]) -> Tree:
    tree: dict[str, Any] = {}
    for path in include:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def flatten_record(record: Record, index: Index, tree: Tree) -> dict[str, Any]:
    """Only as deep as `tree`, so records that refer to each other do no harm.

    A relationship that was not loaded is absent; loaded and empty, it is None or [].
    """
    # Some resources repeat the type as an attribute: the order of these lines makes ours win.
    identity = {"id": record["id"], "type": record["type"]}
    flat: dict[str, Any] = identity | record.get("attributes", {}) | identity

    def expanded(name: str, reference: Record) -> dict[str, Any]:
        found = index.get((reference["type"], reference["id"])) if name in tree else None
        if found is None:
            return {"id": reference["id"], "type": reference["type"]}
        return flatten_record(found, index, tree[name])

    for name, relationship in record.get("relationships", {}).items():
        if "data" not in relationship:
            continue
        data = relationship["data"]
        if isinstance(data, list):
            flat[name] = [expanded(name, reference) for reference in data]
        else:
            flat[name] = data and expanded(name, data)
    return flat


def document_of(
    resource: str,
    flat: Any,
    *,
    id: str | None = None,  # noqa: A002 - JSON:API's own word
    at: str = "",
) -> dict[str, Any]:
    """The document that creates a record from `flat`, or with `id` changes that one.

    `resource` is a path or type; one that the catalog does not know gets all its names as
    attributes, for the API to judge. Required names are left to the API too.
    Raises InvalidRequest (422) with a pointer; `at` is the pointer to `flat` in the caller's body.
    """
    if not isinstance(flat, Mapping):
        raise InvalidRequest("The body must be a JSON object.", status=422, pointer=at)
    known = catalog.resource(resource) if catalog.known(resource) else None
    kind = known.type if known else resource
    check_identity(flat, kind, id, at)
    names = {name: value for name, value in flat.items() if name not in ("id", "type")}
    document: dict[str, Any] = {"type": kind} if id is None else {"type": kind, "id": id}
    relationships = {}
    if known:
        for name in names:
            _check_writable(known, name, _pointer(at, name), create=id is None)
        relationships = {
            name: {"data": _linkage(known.relationships[name], names.pop(name), _pointer(at, name))}
            for name in list(names)
            if name in known.relationships
        }
    document["attributes"] = names
    if relationships:
        document["relationships"] = relationships
    return {"data": document}


def check_identity(record: Record, kind: str, id: str | None, at: str = "") -> None:  # noqa: A002 - as above
    """`type` and `id` of a record that is to be written must say what the path says.

    `at` is the JSON pointer to the record. Raises InvalidRequest (422).
    """
    if record.get("type", kind) != kind:
        raise InvalidRequest(
            f"`type` must be `{kind}`, as in the path.",
            status=422,
            pointer=f"{at}/type",
        )
    if id is None and record.get("id") is not None:
        raise InvalidRequest(
            "`id` is given by Commerce Layer: leave it out of what you create.",
            status=422,
            pointer=f"{at}/id",
        )
    if record.get("id", id) != id:
        raise InvalidRequest(
            f"`id` must be `{id}`, as in the path.", status=422, pointer=f"{at}/id"
        )


def _check_writable(resource: Resource, name: str, pointer: str, *, create: bool) -> None:
    fields: dict[str, Attribute | Relationship] = {
        **resource.attributes,
        **resource.triggers,
        **resource.relationships,
    }
    writable = {n for n, f in fields.items() if (f.creatable if create else f.updatable)}
    if name in writable:
        return
    if name not in fields:
        problem = "is not a name of"
    elif fields[name].creatable:
        problem = "can be set on creation only, on"
    elif fields[name].updatable:
        problem = "can be updated only, on"
    else:
        problem = "is read-only on"
    near = catalog.nearest(name, tuple(writable))
    hint = f" Did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else ""
    raise InvalidRequest(
        f"`{name[:60]}` {problem} {resource.type}.{hint}", status=422, pointer=pointer
    )


def _pointer(at: str, name: str) -> str:
    return f"{at}/{name[:60].replace('~', '~0').replace('/', '~1')}"


def _linkage(relationship: Relationship, value: Any, pointer: str) -> Any:
    """JSON:API resource linkage. None and [] clear."""
    if relationship.many:
        if not isinstance(value, list):
            raise InvalidRequest(
                f"`{relationship.name}` takes a list; [] clears it.", status=422, pointer=pointer
            )
        return [_reference(relationship, v, f"{pointer}/{i}") for i, v in enumerate(value)]
    return None if value is None else _reference(relationship, value, pointer)


def _reference(relationship: Relationship, value: Any, pointer: str) -> dict[str, str]:
    """`"x"`, `{"id": "x"}` or `{"type": "skus", "id": "x"}`."""
    parts = {"id": value} if isinstance(value, str) else value
    if not isinstance(parts, Mapping) or not isinstance(parts.get("id"), str):
        raise InvalidRequest(
            f'`{relationship.name}` takes {{"type": …, "id": …}} or an id.',
            status=422,
            pointer=pointer,
        )
    if extra := sorted(set(parts) - {"id", "type"}):
        raise InvalidRequest(
            f"`{relationship.name}` takes `type` and `id` alone, not {', '.join(extra)[:60]}:"
            " change the related record itself.",
            status=422,
            pointer=pointer,
        )
    kind = parts.get("type", relationship.types[0] if len(relationship.types) == 1 else None)
    # A base type stands for its variants: `promotions` for `free_gift_promotions`.
    variants = [v for t in relationship.types for v in catalog.resource(t).variants]
    allowed = [*relationship.types, *variants]
    if kind not in allowed:
        raise InvalidRequest(
            f"`{relationship.name}` needs a `type`, one of: {', '.join(sorted(allowed))}.",
            status=422,
            pointer=pointer,
        )
    return {"type": kind, "id": parts["id"]}
