"""The two representations: flat JSON, and JSON:API as Commerce Layer speaks it.

`Accept` chooses the answer's; `Content-Type` tells the body's, and decides where `Accept` does not.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.answer import JSON, JSON_API, Answer, dumps
from api.links import relink, relinked
from api.request import Request
from connector.commerce_layer.client import Response
from connector.commerce_layer.documents import check_identity, document_of, flatten
from connector.errors import InvalidRequest

# Lambda gives back 6 MB at most, counted after it has put the body into a JSON string.
MOST_BYTES = 5_500_000


def accepted(headers: Mapping[str, str], offered: Sequence[str] = (JSON, JSON_API)) -> str:
    """The media type of the answer. Raises InvalidRequest (406)."""
    preferred = offered[0]
    if JSON_API in offered and _media_type(headers) == JSON_API:
        preferred = JSON_API
    ranges = [_range(part) for part in (headers.get("accept") or "*/*").split(",")]
    for name, quality in sorted(ranges, key=lambda r: -r[1]):
        if quality > 0 and name in ("*/*", "application/*"):
            return preferred
        if quality > 0 and name in offered:
            return name
    raise InvalidRequest(f"Accept asks for none of: {', '.join(offered)}.", status=406)


def _range(part: str) -> tuple[str, float]:
    """`application/json;q=0.5` -> ("application/json", 0.5)."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", JSON).partition(";")[0].strip().lower()


def parse(request: Request) -> Any:
    """The body's JSON. Raises InvalidRequest: 415 for another media type, 400 for no JSON."""
    if _media_type(request.headers) not in (JSON, JSON_API):
        raise InvalidRequest(f"Content-Type must be {JSON} or {JSON_API}.", status=415)
    try:
        return json.loads(
            request.body,
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8.") from error
    except ValueError as error:  # from `_finite`, or an integer longer than Python reads
        raise InvalidRequest("The body has a number that is too large.") from error
    except RecursionError as error:
        raise InvalidRequest("The body is nested too deeply.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(n for n, times in Counter(n for n, _ in pairs).items() if times > 1)
        raise InvalidRequest(f"The body has the name `{name[:40]}` twice in one object.")
    return found


def _refuse(constant: str) -> None:
    raise InvalidRequest(f"The body has {constant}, which is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # 1e999, which would be sent on as Infinity
        raise ValueError
    return number


def document(
    request: Request, resource: str, kind: str, identity: str | None = None
) -> Mapping[str, Any] | bytes:
    """The document to send: a JSON:API body as it came, a flat one converted.

    `kind` is the JSON:API type of `resource`; `identity` the id in the path.
    Raises InvalidRequest (400, 415, 422).
    """
    body = parse(request)
    data = body.get("data") if isinstance(body, dict) else None
    if _media_type(request.headers) == JSON:
        if isinstance(data, dict) and data.get("type") == kind:
            raise InvalidRequest(f"A JSON:API body needs Content-Type: {JSON_API}.", status=415)
        return document_of(resource, body, id=identity)
    if not isinstance(data, dict):
        raise InvalidRequest(
            'A JSON:API body is {"data": {"type": …, "attributes": {…}}}.',
            status=422,
            pointer="/data",
        )
    check_identity(data, kind, identity, at="/data")
    return request.body


def present(request: Request, response: Response, *, pages: bool = False) -> Answer:
    """The answer to the caller. `pages`: the response may have page links.

    Raises InvalidRequest (413) if it is more than Lambda can return.
    """
    if not response.content:
        return Answer(status=response.status)
    base = f"{request.base}/instances/{request.instance}/api"
    media_type = accepted(request.headers)
    try:
        if media_type == JSON_API:
            body = response.content.decode()
            body = relinked(body, base) if pages else body
        else:
            found = response.document()
            if pages and "links" in found:
                found["links"] = relink(found["links"], base)
            body = dumps(flatten(found, request.include))
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # no JSON:API document
        raise response.unreadable() from error
    if len(body) > MOST_BYTES // 6:  # no character takes more than 6 bytes on its way
        _check_size(body, response)
    return Answer(body, response.status, media_type)


def _check_size(body: str, response: Response) -> None:
    size = len(dumps(body).encode())
    if size <= MOST_BYTES:
        return
    found = response.document()
    data = found["data"] if isinstance(found["data"], list) else [found["data"]]
    sizes: Counter[str] = Counter()
    for record in [*data, *found.get("included", ())]:
        sizes[record["type"]] += len(dumps(record))
    kind = sizes.most_common(1)[0][0]
    raise InvalidRequest(
        f"The answer has {size / 1e6:.1f} MB and {MOST_BYTES / 1e6} MB can be returned. Most of it"
        f" is {kind}: leave them out of `include`, ask for fewer of their fields with"
        f" `fields[{kind}]=…`, or for fewer records with `page[size]`."
        + ("" if response.safe else " The write itself was done."),
        status=413,
    )
