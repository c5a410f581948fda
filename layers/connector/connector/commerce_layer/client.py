"""The Commerce Layer client: one door, `send`, and the operations of JSON:API through it."""

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.commerce_layer import retry
from connector.commerce_layer.messages import Request, Response, refusal, retry_after
from connector.commerce_layer.pacing import Pacer, Ticket, kind_of
from connector.commerce_layer.query import MAX_PAGE_SIZE, Query
from connector.commerce_layer.tokens import Load, Token, Tokens
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline
from connector.errors import (
    AuthenticationRefused,
    CommerceLayerError,
    InvalidRequest,
    RateLimited,
)
from connector.instances import Instance

__all__ = ["Client", "Response", "Session"]

MEDIA_TYPE = "application/vnd.api+json"
USER_AGENT = "commerce-layer-connector/0.1"

# Seconds that must be left to begin a request. A write that is cut off leaves its outcome open,
# so that it is not begun in a hurry.
ROOM_TO_READ, ROOM_TO_WRITE = 0.1, 1.0

_RESOURCE = re.compile(r"[a-z][a-z0-9_]*")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_QUERY = re.compile(r"[!\"$-~]{0,16000}")  # no `#`: what follows it would not be sent

Document = dict[str, Any]


class Session:
    """What outlives an invocation, for one instance: its token, its pace, its retry budget."""

    def __init__(  # noqa: PLR0913 - time, sleep and chance are passed in by tests alone
        self,
        instance: Instance,
        load: Load,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.tokens = Tokens(instance, load, self._post_token, clock)
        self.pacer = Pacer(instance.rate_limit)
        self._budget = retry.Budget()
        self._transport = transport
        self._clock, self._sleep, self._draw = clock, sleep, draw

    def exchange(self, request: Request, deadline: Deadline) -> Response:
        """Send, in its turn, and again where that helps. 2xx and 4xx are returned.

        Raises RateLimited, ServerFault, Unreachable, UpstreamTimeout, OutcomeUnknown,
        InvalidRequest, DeadlineExceeded.
        """
        self._budget.call()
        tries = 0
        while True:
            tries += 1
            outcome = self._try(request, deadline)
            if isinstance(outcome, Response):
                return outcome
            fault, hint = outcome
            wait = retry.delay(fault, tries, deadline.left(), self._draw(), hint)
            # A refusal by rate limit is waited out; other faults draw on the budget.
            if wait is None or not (isinstance(fault, RateLimited) or self._budget.retry()):
                raise fault
            self._sleep(wait)

    def _try(
        self, request: Request, deadline: Deadline
    ) -> Response | tuple[CommerceLayerError, float]:
        """One attempt: the answer, or the fault and the wait that the server asks for."""
        ticket = self._turn(request, deadline)
        status: int | None = None
        headers: Mapping[str, str] = {}
        try:
            deadline.require(_room(request), "A request to Commerce Layer")
            response = self._transport.exchange(request, deadline)
            status, headers = response.status, response.headers
        except CommerceLayerError as fault:
            return fault, 0.0
        finally:
            self.pacer.answered(ticket, self._clock(), status, headers)
        if 200 <= response.status < 300:
            return response if response.looks_whole() else (response.unreadable(), 0.0)
        if 400 <= response.status < 500 and response.status != 429:
            return response
        now = self._clock()
        return refusal(response, now), retry_after(headers, now) or 0.0

    def _turn(self, request: Request, deadline: Deadline) -> Ticket:
        while True:
            ticket = self.pacer.ask(request.kind, request.endpoint, self._clock())
            if not ticket.wait:
                return ticket
            if ticket.wait + _room(request) >= deadline.left():
                raise RateLimited(
                    "The rate limit is used up for longer than this invocation lasts.",
                    retry_after=ticket.wait,
                )
            self._sleep(ticket.wait)

    def _post_token(self, url: str, content: bytes, deadline: Deadline) -> Response:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }
        # Safe to repeat: it answers with the same token.
        return self.exchange(
            Request("POST", url, headers, content, safe=True, kind="token", endpoint="token"),
            deadline,
        )


@dataclass(frozen=True, slots=True)
class Client:
    """One invocation's view of a session: everything through it ends before `deadline`.

    Every method raises the errors of `connector.errors` for what is not a success, and
    InvalidRequest for a path, id or name that could not be meant. Documents are JSON:API
    documents as plain dicts.
    """

    session: Session = field(repr=False)
    deadline: Deadline

    @property
    def instance(self) -> Instance:
        return self.session.tokens.instance

    def claims(self) -> Mapping[str, Any]:
        """What the access token says: `organization`, `application`, `scope`, `test`, `exp`."""
        return self.session.tokens.get(self.deadline).claims

    def send(
        self,
        method: str,
        path: str,
        query: str | Query = "",
        document: Mapping[str, Any] | bytes | None = None,
    ) -> Response:
        """The one door to Commerce Layer.

        `path` is below `/api` (`skus/xYZkjABcde/prices`), `query` a Query or encoded text,
        `document` a JSON:API document or its bytes. Returns 2xx answers only.
        """
        segments = _segments(path)
        if method not in _METHODS:
            raise InvalidRequest(f"{method[:20]!r} is not one of {_METHODS}.", status=405)
        if isinstance(query, Query):
            query = query.encode()
        if not _QUERY.fullmatch(query):
            raise InvalidRequest("The query is not percent-encoded, or over 16,000 characters.")
        if document is not None and not isinstance(document, bytes):
            document = json.dumps(document, separators=(",", ":")).encode()
        tokens = self.session.tokens
        token = tokens.get(self.deadline)
        response = self._exchange(token, method, segments, query, document)
        if response.status == 401:
            fault = refusal(response, 0.0)
            if isinstance(fault, AuthenticationRefused):
                # Refused, so nothing was done: a write may be sent again too.
                tokens.drop(token)
                token = tokens.get(self.deadline)
                response = self._exchange(token, method, segments, query, document)
        if response.status >= 400:
            raise refusal(response, 0.0)
        return response

    def _exchange(
        self, token: Token, method: str, segments: list[str], query: str, content: bytes | None
    ) -> Response:
        session, resource = self.session, segments[0]
        session.pacer.mode(test=token.test)
        url = f"{self.instance.api_url}/{'/'.join(segments)}"
        headers = {
            "Accept": MEDIA_TYPE,
            "Content-Type": MEDIA_TYPE,
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {token.value}",
            "User-Agent": USER_AGENT,
        }
        request = Request(
            method=method,
            url=f"{url}?{query}" if query else url,
            headers=headers,
            content=content,
            safe=method == "GET",
            kind=kind_of(method, resource, related=len(segments) > 2),
            endpoint=resource,
        )
        return session.exchange(request, self.deadline)

    def list(self, resource: str, query: Query = Query()) -> Document:  # noqa: B008 - frozen
        """`{"data": […], "meta": {…}, "links": {…}}`: page 1 unless the query says another."""
        if query.page_number is None:
            query = replace(query, page_number=1)  # the official clients do: a faster route
        return self.send("GET", _one(resource), query).document()

    def retrieve(self, resource: str, id: str, query: Query = Query()) -> Document:  # noqa: A002, B008
        return self.send("GET", f"{_one(resource)}/{_id(id)}", query).document()

    def related(
        self,
        resource: str,
        id: str,  # noqa: A002 - JSON:API's own name
        relationship: str,
        query: Query = Query(),  # noqa: B008
    ) -> Document:
        """What stands at the other end of a relationship: one record, none or a list."""
        path = f"{_one(resource)}/{_id(id)}/{_one(relationship)}"
        return self.send("GET", path, query).document()

    def create(
        self,
        resource: str,
        attributes: Mapping[str, Any] | None = None,
        relationships: Mapping[str, Any] | None = None,
        query: Query = Query(),  # noqa: B008
    ) -> Document:
        """`relationships` are JSON:API's: `{"sku": {"data": {"type": "skus", "id": "…"}}}`."""
        data = _data(resource, None, attributes, relationships)
        return self.send("POST", _one(resource), query, {"data": data}).document()

    def update(
        self,
        resource: str,
        id: str,  # noqa: A002
        attributes: Mapping[str, Any] | None = None,
        relationships: Mapping[str, Any] | None = None,
        query: Query = Query(),  # noqa: B008
    ) -> Document:
        path = f"{_one(resource)}/{_id(id)}"
        data = _data(resource, id, attributes, relationships)
        return self.send("PATCH", path, query, {"data": data}).document()

    def delete(self, resource: str, id: str) -> None:  # noqa: A002
        self.send("DELETE", f"{_one(resource)}/{_id(id)}")

    def trigger(
        self,
        resource: str,
        id: str,  # noqa: A002
        trigger: str,
        value: Any = True,
        attributes: Mapping[str, Any] | None = None,
    ) -> Document:
        """Fire `approve` or `_approve` by one PATCH, together with `attributes` if it has any."""
        name = f"_{_one(trigger.removeprefix('_'))}"
        return self.update(resource, id, {**(attributes or {}), name: value})

    def scan(self, resource: str, query: Query = Query()) -> Iterator[Document]:  # noqa: B008
        """Every record that the query's filters match, in the order of ids.

        Pages by `id_gt`: page numbers shift while records come and go, and ids do not. Ids are
        not compared here; their order is the server's.
        """
        if query.sort or query.page_number or query.page_size or "id_gt" in query.filters:
            raise InvalidRequest("A scan sets sort, page and id_gt itself.")
        page = replace(query, sort=("id",), page_size=MAX_PAGE_SIZE, page_number=1)
        while True:
            records = self.list(resource, page).get("data", [])
            yield from records
            if len(records) < MAX_PAGE_SIZE:
                return
            page = replace(page, filters={**query.filters, "id_gt": records[-1]["id"]})


def _room(request: Request) -> float:
    return ROOM_TO_READ if request.safe else ROOM_TO_WRITE


def _segments(path: str) -> "list[str]":
    segments = path.split("/")
    if len(segments) > 4 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise InvalidRequest(f"{path[:80]!r} is not a path below /api.", status=404)
    return segments


def _id(value: str) -> str:
    """A blank id would turn the retrieval of one record into a list of all."""
    if not _SEGMENT.fullmatch(value):
        raise InvalidRequest(f"{value[:60]!r} is not an id: letters, digits, _ and - make one.")
    return value


def _one(name: str) -> str:
    if not _RESOURCE.fullmatch(name):
        raise InvalidRequest(f"{name[:60]!r} is not a name of the API.", status=404)
    return name


def _data(
    resource: str,
    id: str | None,  # noqa: A002
    attributes: Mapping[str, Any] | None,
    relationships: Mapping[str, Any] | None,
) -> Document:
    data: Document = {"type": resource}
    if id is not None:
        data["id"] = id
    data["attributes"] = dict(attributes or {})
    if relationships:
        data["relationships"] = dict(relationships)
    return data
