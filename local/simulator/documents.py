"""Records -> JSON:API documents, as bytes.

A page of orders is a quarter of a megabyte, most of it links that depend on nothing but the type
and the id. So the links of a type are made once, as text, and only attributes go through `json`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connector.commerce_layer import catalog
from local.simulator.behaviour import computed, money
from local.simulator.clock import printed
from local.simulator.query import IncludeTree, Query
from local.simulator.selection import Page
from local.simulator.store import Record, Store
from local.simulator.validation import Change

_ID = "@id@"
# Quicker than json.dumps: compact, and records hold no circles.
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Context:
    """What a document needs besides the records. `base` is the address with its /api.

    `admit` refuses jobs that may not be created, `attachment_url` signs where their files are.
    """

    store: Store
    base: str
    mode: str
    organization_id: str
    meta: str
    admit: Callable[[str, Change], None] = lambda _, __: None
    attachment_url: Callable[[Record], str | None] = lambda record: record.get("attachment_url")

    def meta_of(self, record: Record) -> dict[str, Any]:
        if self.meta == "document":
            return {"created_with_version": "2017-08"}
        return self.document_meta() | {"trace_id": sha256(record.id.encode()).hexdigest()}

    def document_meta(self) -> dict[str, Any]:
        return {"mode": self.mode, "organization_id": self.organization_id}


@dataclass(frozen=True, slots=True)
class Shape:
    """One type, one set of fields, one set of included relationships.

    `amounts` are derived money attributes: name, the attribute in cents, whether it is text.
    """

    names: tuple[str, ...]
    stamps: tuple[str, ...]
    amounts: tuple[tuple[str, str, bool], ...]
    computed: tuple[tuple[str, computed.Compute], ...]
    relationships: str
    included: tuple[str, ...]
    path: str


def single(context: Context, record: Record | None, query: Query) -> bytes:
    records = [record] if record else []
    body = _object(context, record, query.include, query.fields, alone=True) if record else "null"
    rest = {"meta": context.document_meta()} if context.meta == "document" else {}
    return _document(body, _included(context, records, query), rest)


def collection(context: Context, page: Page, query: Query, url: str, raw_query: str) -> bytes:
    objects = [_object(context, each, query.include, query.fields) for each in page.records]
    last = -(-page.count // query.size)
    meta: dict[str, Any] = {"record_count": page.count, "page_count": last}
    if context.meta == "document":
        meta |= context.document_meta()
    numbers = {"first": 1}
    if query.number > 1:
        numbers["prev"] = query.number - 1
    if query.number < last:
        numbers["next"] = query.number + 1
    numbers["last"] = max(last, 1)
    rest = [
        pair
        for pair in parse_qsl(raw_query, keep_blank_values=True)
        if pair[0] not in ("page[number]", "page[size]")
    ]
    links = {
        name: f"{url}?{urlencode([*rest, ('page[number]', number), ('page[size]', query.size)])}"
        for name, number in numbers.items()
    }
    body = f"[{','.join(objects)}]"
    return _document(body, _included(context, page.records, query), {"meta": meta, "links": links})


def uncounted(
    context: Context, records: Iterable[Record], query: Query, following: str | None
) -> bytes:
    """A page of a list that nobody counts; `following` is the address of the next one."""
    objects = [_object(context, each, query.include, query.fields) for each in records]
    rest: dict[str, Any] = {"links": {"next": following} if following else {}}
    if context.meta == "document":
        rest["meta"] = context.document_meta()
    return _document(f"[{','.join(objects)}]", None, rest)


def _document(data: str, included: str | None, rest: Mapping[str, Any]) -> bytes:
    parts = [f'"data":{data}']
    if included is not None:
        parts.append(f'"included":{included}')
    parts += [f'"{name}":{_dumps(value)}' for name, value in rest.items()]
    return f"{{{','.join(parts)}}}".encode()


def _included(context: Context, records: Iterable[Record], query: Query) -> str | None:
    """Each record once, with the linkage of every path that reaches it."""
    if not query.include:
        return None
    primary = list(records)
    trees: dict[int, IncludeTree] = {}
    reached: dict[int, Record] = {}
    pending = [(record, query.include) for record in primary]
    while pending:
        record, tree = pending.pop()
        for name, below in tree.items():
            if name not in catalog.resource(record.type).relationships:
                continue
            for other in context.store.related(record, name):
                reached[other.number] = other
                _merge(trees.setdefault(other.number, {}), below)
                if below:
                    pending.append((other, below))
    for record in primary:
        reached.pop(record.number, None)
    objects = [
        _object(context, record, trees[number], query.fields)
        for number, record in sorted(reached.items())
    ]
    return f"[{','.join(objects)}]"


def _merge(tree: IncludeTree, other: IncludeTree) -> None:
    for name, below in other.items():
        _merge(tree.setdefault(name, {}), below)


def _object(
    context: Context,
    record: Record,
    include: IncludeTree,
    fields: Mapping[str, frozenset[str]],
    *,
    alone: bool = False,
) -> str:
    shape = _shape(context.base, record.type, fields.get(record.type), frozenset(include), alone)
    relationships = shape.relationships.replace(_ID, record.id)
    for name in shape.included:
        linkage = _dumps(_linkage(context.store, record, name))
        relationships = relationships.replace(f'"@{name}@"', linkage)
    values = _attributes(context.store, record, shape)
    if "attachment_url" in values:
        values["attachment_url"] = context.attachment_url(record)
    link = f"{context.base}/{shape.path}" + ("" if shape.path != record.type else f"/{record.id}")
    return (
        f'{{"id":"{record.id}","type":"{record.type}","links":{{"self":"{link}"}},'
        f'"attributes":{_dumps(values)},'
        f'"relationships":{relationships},"meta":{_dumps(context.meta_of(record))}}}'
    )


def attributes(store: Store, record: Record) -> dict[str, Any]:
    """As they are printed in a list."""
    return _attributes(store, record, _shape("", record.type, None, frozenset(), alone=False))


def _linkage(store: Store, record: Record, name: str) -> Any:
    found = [{"type": each.type, "id": each.id} for each in store.related(record, name)]
    if catalog.resource(record.type).relationships[name].many:
        return found
    return found[0] if found else None


def _attributes(store: Store, record: Record, shape: Shape) -> dict[str, Any]:
    kept = record.attributes.get
    values = {name: kept(name) for name in shape.names}
    for name in shape.stamps:
        value = record.get(name)
        values[name] = None if value is None else printed(value)
    for name, compute in shape.computed:
        values[name] = compute(store, record)
    if shape.amounts:
        code = money.currency(store, record)
        subunits = money.subunits(code)
        for name, source, as_text in shape.amounts:
            cents = values[source] if source in values else computed.value(store, record, source)
            if cents is not None:
                values[name] = money.formatted(cents, code) if as_text else cents / subunits
    return values


@lru_cache(maxsize=4096)
def _shape(
    base: str, kind: str, fields: frozenset[str] | None, included: frozenset[str], alone: bool
) -> Shape:
    """`alone` is the record of an answer that is about no other."""
    resource = catalog.resource(kind)
    retrieved = computed.RETRIEVED.get(kind, {})
    computes = {**computed.COMPUTED.get(kind, {}), **retrieved}
    attributes = [
        each
        for each in resource.attributes.values()
        if each.fetchable
        and (fields is None or each.name in fields)
        and (alone or each.name not in retrieved)
    ]
    relationships = {}
    linked = []
    for name in resource.relationships:
        if fields is not None and name not in fields:
            continue
        url = f"{base}/{resource.path}/{_ID}"
        links = {"self": f"{url}/relationships/{name}", "related": f"{url}/{name}"}
        relationships[name] = {"links": links}
        if name in included:
            relationships[name] = {"links": links, "data": f"@{name}@"}  # type: ignore[dict-item]
            linked.append(name)
    return Shape(
        names=tuple(each.name for each in attributes),
        stamps=tuple(each.name for each in attributes if each.type == "datetime"),
        amounts=tuple(
            (each.name, money.source(kind, each.name), each.type == "string")
            for each in attributes
            if each.derived_money and each.type != "integer"
        ),
        computed=tuple(
            (each.name, computes[each.name]) for each in attributes if each.name in computes
        ),
        relationships=_dumps(relationships),
        included=tuple(linked),
        path=resource.path,
    )
