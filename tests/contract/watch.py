"""A transport that counts what it sends and knows what exists because of it."""

import json
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from connector.commerce_layer.messages import Request, Response
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline
from connector.errors import ConnectorError


class Watch(Transport):
    """Whoever sends through it, client, function or bare request, leaves nothing unnoticed.

    records      (resource, id) of what was created and not deleted, the oldest first
    doubtful     resources of which a record may exist whose id was never told
    answers      how many by class of request and status

    `hide` is told every token, for whoever prints.
    """

    def __init__(self, hide: Callable[[str], None]) -> None:
        super().__init__()
        self._hide = hide
        self.records: dict[tuple[str, str], None] = {}
        self.doubtful: set[str] = set()
        self.answers: Counter[tuple[str, int]] = Counter()

    def exchange(self, request: Request, deadline: Deadline) -> Response:
        creates = request.kind == "write" and request.method == "POST"
        try:
            response = super().exchange(request, deadline)
        except ConnectorError:
            if creates:
                self.doubtful.add(request.endpoint)
            raise
        self.answers[request.kind, response.status] += 1
        if request.kind == "token":
            self._hide_token(response)
        elif creates:
            self._created(request.endpoint, response)
        elif request.method == "DELETE" and response.status in (204, 404):
            identifier = urlsplit(request.url).path.rpartition("/")[2]
            self.records.pop((request.endpoint, identifier), None)
        return response

    def refused_by_limit(self) -> int:
        return sum(count for (_, status), count in self.answers.items() if status == 429)

    def kinds(self) -> list[str]:
        return sorted({kind for kind, _ in self.answers})

    def sent(self, kind: str) -> int:
        return sum(count for (each, _), count in self.answers.items() if each == kind)

    def _created(self, resource: str, response: Response) -> None:
        if 400 <= response.status < 500:
            return
        try:
            identifier = json.loads(response.content)["data"]["id"]
        except (ValueError, KeyError, TypeError):
            self.doubtful.add(resource)
        else:
            self.records[resource, identifier] = None

    def _hide_token(self, response: Response) -> None:
        try:
            document = response.document()
        except ConnectorError:
            return
        if token := document.get("access_token"):
            self._hide(str(token))
