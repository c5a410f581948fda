"""What the cases work with: one client for all of them, records of their own, and the way back."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connector.commerce_layer.client import MEDIA_TYPE, Client, Session
from connector.commerce_layer.messages import Request, Response
from connector.commerce_layer.pacing import kind_of
from connector.commerce_layer.query import Query
from connector.deadline import Deadline
from connector.errors import ConnectorError, NotFound
from tests.contract.watch import Watch

Record = dict[str, Any]
_Found = TypeVar("_Found")

ORIGIN = "connector-contract"
# A case may have to wait for its turn more than once.
PATIENCE = 300.0
# Cached reads may be old for a while after a write; nobody documents how long.
POLLS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)

# What a record of each kind cannot be without; `{}` is replaced by something new each time.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "addresses": {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "line_1": "12 St James's Square",
        "city": "London",
        "zip_code": "SW1Y 4JH",
        "country_code": "GB",
        "phone": "+44 20 0000 0000",
    },
    "customers": {"email": "{}@example.com"},
    "customer_groups": {"name": "{}"},
    "price_lists": {"name": "{}", "currency_code": "EUR"},
    "prices": {"amount_cents": 1990},
    "shipping_categories": {"name": "{}"},
    "sku_list_items": {},
    "sku_lists": {"name": "{}"},
    "skus": {"code": "{}", "name": "{}"},
    "stock_items": {"quantity": 7},
    "stock_locations": {"name": "{}"},
    "tags": {"name": "{}"},
    # A topic that nothing here raises, and a host that is nobody's.
    "webhooks": {"topic": "cleanups.interrupt", "callback_url": "https://example.com/contract"},
}


@dataclass
class Shop:
    """`run` begins every reference of this run, so that others' records stay out of sight.

    `sleep` passes the time of the session's clock, which need not be the real one.
    """

    session: Session
    watch: Watch
    sleep: Callable[[float], None]
    run: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def client(self) -> Client:
        return Client(self.session, Deadline.after(PATIENCE))

    def new(self) -> str:
        """A reference, a code or a name that nobody has. Short: a tag's name has 25 characters."""
        return f"{self.run}-{next(self._numbers)}"

    def attributes(self, kind: str, **more: Any) -> Record:
        """A valid record of that kind."""
        new = self.new()
        needed = {
            name: value.format(new) if isinstance(value, str) else value
            for name, value in NEEDED[kind].items()
        }
        return {**needed, "reference": new, "reference_origin": ORIGIN, **more}

    def create(
        self,
        kind: str,
        related: Mapping[str, Record | list[Record]] | None = None,
        query: Query = Query(),  # noqa: B008 - frozen
        **attributes: Any,
    ) -> Record:
        document = self.client.create(
            kind, self.attributes(kind, **attributes), to(related or {}), query
        )
        record: Record = document["data"]
        return record

    def raw(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        **headers: str,
    ) -> Response:
        """Past the client, for what it would never send; 4xx are returned. `path` has the query.

        `**{"Content-Type": "…"}` replaces a header.
        """
        client = self.client
        standard = {
            "Accept": MEDIA_TYPE,
            "Content-Type": MEDIA_TYPE,
            "Authorization": f"Bearer {self.session.tokens.get(client.deadline).value}",
        }
        resource, *rest = path.partition("?")[0].split("/")
        request = Request(
            method=method,
            url=f"{client.instance.api_url}/{path}",
            headers=standard | headers,
            content=content,
            safe=method == "GET",
            kind=kind_of(method, resource, related=len(rest) > 1),
            endpoint=resource,
        )
        return self.session.exchange(request, client.deadline)

    def eventually(self, ask: Callable[[], _Found], good: Callable[[_Found], bool]) -> _Found:
        """What `ask` finds, once it is good; what it finds last, if it never is."""
        for wait in POLLS:
            if good(found := ask()):
                return found
            time.sleep(wait)
        return ask()

    def clean(self) -> list[str]:
        """Delete what was created, the newest first. Returns what is left, and why."""
        for _ in range(2):  # once more what another record, or a passing fault, was in the way of
            left = self._delete_all()
            if not left:
                break
        return left + self._sweep()

    def _delete_all(self) -> list[str]:
        left = []
        for resource, identifier in reversed(list(self.watch.records)):
            try:
                self.client.delete(resource, identifier)
            except NotFound:
                continue
            except ConnectorError as error:
                left.append(f"{resource}/{identifier}: {error}")
        return left

    def _sweep(self) -> list[str]:
        """Whose creation was not answered: found by reference, if they came to be at all."""
        left = []
        mine = Query(filters={"reference_start": self.run})
        for resource in sorted(self.watch.doubtful):
            try:
                for record in list(self.client.scan(resource, mine)):
                    # Looked at again: a server that ignores the filter must lose nothing.
                    if str(record["attributes"].get("reference")).startswith(self.run):
                        self.client.delete(resource, record["id"])
            except ConnectorError as error:
                left.append(f"{resource} with a reference that begins with {self.run}: {error}")
        return left


def to(related: Mapping[str, Record | list[Record]]) -> Record:
    """Relationships as JSON:API writes them."""

    def link(record: Record) -> Record:
        return {"type": record["type"], "id": record["id"]}

    return {
        name: {"data": [link(each) for each in ends] if isinstance(ends, list) else link(ends)}
        for name, ends in related.items()
    }


def ids(records: list[Record]) -> list[str]:
    return [record["id"] for record in records]
