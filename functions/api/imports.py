"""Small imports by one call: the rows become a file where every file is imported from.

There is one way in. What starts an import is the object, so that nothing can be half-started: the
item in the table is made first, the object comes last, and the same call repeats both.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from botocore.config import Config

from api.answer import JSON, Answer, dumps
from api.discovery import answer
from api.idempotency import KEY, VALUE
from api.representations import accepted, parse
from api.request import Request
from connector import aws, instances
from connector.commerce_layer import catalog, importing
from connector.commerce_layer.changes import print_time
from connector.errors import InvalidRequest, KeyReused
from connector.import_ledger import OWN_NAME, Ledger
from connector.settings import settings

# Addresses are signed by it too, and never in the way of old.
S3 = aws.CONFIG.merge(Config(signature_version="s3v4"))
OPTION = re.compile(r"[!-~]{1,60}")
ID = re.compile(r"[0-9a-f]{32}")
MOST_ROWS = 10_000
# Seconds that an address may be used.
UPLOAD_SECONDS, REPORT_SECONDS = 3600, 900
FORMATS = ("csv", "csv.gz", "jsonl", "jsonl.gz")
# Of the body, and of the object's metadata.
OPTIONS: Mapping[str, tuple[type, str]] = {
    "dry_run": (bool, "dry-run"),
    "events": (bool, "events"),
    "skip_errors": (bool, "skip-errors"),
    "chunk_size": (int, "chunk-size"),
    "parent": (str, "parent"),
}


def start(request: Request) -> Answer:
    """Body: `rows`, or the `format` of a file that the answer then has an address for; options.

    202: it has begun, or begins with the upload.
    """
    instance, kind = instances.check(request.instance), _importable(request.part("resource"))
    accepted(request.headers, (JSON,))
    body = parse(request)
    rows, suffix = _rows(body)
    metadata = _metadata(body)
    identifier = _id(request)
    key = f"imports/{instance}/{kind}/{OWN_NAME}{identifier}.{suffix}"
    doc = {
        "import": identifier,
        "instance": instance,
        "resource": kind,
        "status": "waiting",
        "file": {"bucket": settings().transfer_bucket, "key": key},
        "digest": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
        "at": print_time(datetime.now(UTC)),
    }
    there = _ledger().announce(identifier, doc)
    if there and there.get("digest", doc["digest"]) != doc["digest"]:
        raise KeyReused("The Idempotency-Key belongs to an import with another body.")
    told = there or doc
    if there is None or there["status"] == "waiting":
        told |= _hand_over(key, rows, metadata)
    return replace(answer(request, _shown(told)), status=202)


def show(request: Request) -> Answer:
    instance, identifier = instances.check(request.instance), request.parameters["id"]
    told = _ledger().told(identifier) if ID.fullmatch(identifier) else None
    if told is None or told["instance"] != instance:
        raise InvalidRequest("There is no import of this id, or it is 90 days old.", status=404)
    return answer(request, _shown(told))


def _importable(kind: str) -> str:
    if kind in importing.TYPES:
        return kind
    if catalog.known(kind):
        raise InvalidRequest(
            f"Commerce Layer imports no {kind}: write them one by one.", status=422
        )
    near = catalog.nearest(kind, tuple(sorted(importing.TYPES)))
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise InvalidRequest(f"There is no resource of that name.{hint}", status=404)


def _rows(body: Any) -> tuple[list[Any] | None, str]:
    """The rows, or None and the suffix of the file that comes instead."""
    if not isinstance(body, Mapping):
        raise InvalidRequest("The body is a JSON object.", status=422, pointer="")
    if unknown := sorted(set(body) - {"rows", "format", *OPTIONS}):
        raise InvalidRequest(
            f"`{unknown[0][:60]}` is not known: an import takes rows or format,"
            f" {', '.join(OPTIONS)}.",
            status=422,
            pointer=f"/{unknown[0][:60]}",
        )
    if ("rows" in body) == ("format" in body):
        raise InvalidRequest("Send either rows or the format of a file.", status=422, pointer="")
    if "format" in body:
        if body["format"] not in FORMATS:
            message = f"format is one of {', '.join(FORMATS)}."
            raise InvalidRequest(message, status=422, pointer="/format")
        return None, body["format"]
    rows = body["rows"]
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS:
        raise InvalidRequest(
            f"rows is a list of 1 to {MOST_ROWS:,} objects; send more of them as a file.",
            status=422,
            pointer="/rows",
        )
    return rows, "jsonl"


def _metadata(body: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, (kind, key) in OPTIONS.items():
        value = body.get(name)
        if value is None:
            continue
        if type(value) is not kind or not OPTION.fullmatch(str(value)):
            raise InvalidRequest(
                f"{name} is not of type {kind.__name__}.", status=422, pointer=f"/{name}"
            )
        found[key] = str(value).lower() if kind is bool else str(value)
    return found


def _id(request: Request) -> str:
    value = request.headers.get(KEY)
    if value is None:
        return uuid4().hex
    if not VALUE.fullmatch(value):
        raise InvalidRequest("Idempotency-Key takes 1 to 255 visible ASCII characters.")
    path = [request.caller, *request.parameters.values(), value]
    return hashlib.sha256(json.dumps(path).encode()).hexdigest()[:32]


def _hand_over(key: str, rows: list[Any] | None, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The object that starts it, or the address where it is to be put."""
    s3, bucket = aws.client("s3", S3), settings().transfer_bucket
    if rows is None:
        parameters = {"Bucket": bucket, "Key": key, "Metadata": metadata}
        url = s3.generate_presigned_url("put_object", parameters, ExpiresIn=UPLOAD_SECONDS)
        headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        return {"upload": {"method": "PUT", "url": url, "headers": headers}}
    text = "".join(dumps(row) + "\n" for row in rows)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), Metadata=metadata)
    return {}


def _shown(told: Mapping[str, Any]) -> dict[str, Any]:
    """With addresses that the two files may be read at for a while."""
    shown = {name: value for name, value in told.items() if name != "digest"}
    links = {}
    for name in ("report", "failed"):
        if told.get(name):
            parameters = {"Bucket": told["bucket"], "Key": told[name]}
            links[name] = aws.client("s3", S3).generate_presigned_url(
                "get_object", parameters, ExpiresIn=REPORT_SECONDS
            )
    return {**shown, "links": links}


def _ledger() -> Ledger:
    return Ledger(aws.client("dynamodb"), settings().table)
