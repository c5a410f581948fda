"""One delivery of Commerce Layer: decoded, checked, made into an event."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector import webhook_secrets
from connector.commerce_layer.changes import parse_time, print_time
from connector.commerce_layer.documents import flatten
from connector.commerce_layer.signatures import SIGNATURE_HEADER, TOPIC_HEADER, verify
from connector.event_bus import Source, envelope

# Longer than a delivery that was recorded could be told from a new one: docs/events.md.
SEEN_DAYS = 35


class Refused(Exception):
    """The delivery is not taken. `status` tells the sender, `category` the metrics."""

    def __init__(self, status: int, category: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.category = status, category


@dataclass(frozen=True, slots=True)
class Delivery:
    """`body` is what was sent, byte by byte: the signature is over it."""

    instance: str
    topic: str
    header_topic: str
    signature: str
    body: bytes

    @classmethod
    def of(cls, event: Mapping[str, Any], limit: int) -> "Delivery":
        """From an HTTP API event (payload 2.0). Raises Refused (413, 400) before any work."""
        text, encoded = event.get("body") or "", event.get("isBase64Encoded")
        size = len(text) * 3 // 4 - text[-2:].count("=") if encoded else len(text)
        if size > limit:
            raise Refused(413, "too-large", f"The body has more than {limit} bytes.")
        try:
            body = base64.b64decode(text, validate=True) if encoded else text.encode()
        except (binascii.Error, UnicodeEncodeError):
            raise Refused(400, "malformed", "The body is not what it says it is.") from None
        if len(body) > limit:  # letters of several bytes
            raise Refused(413, "too-large", f"The body has more than {limit} bytes.")
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        path = event.get("pathParameters") or {}
        return cls(
            instance=path.get("instance", ""),
            topic=path.get("topic", ""),
            header_topic=headers.get(TOPIC_HEADER, ""),
            signature=headers.get(SIGNATURE_HEADER, ""),
            body=body,
        )

    def authenticate(self) -> None:
        """Raises Refused (401) unless a current secret of the topic signed the body.

        Also what webhook_secrets raises. A signature that does not fit may be of a new secret.
        """
        if self.topic != self.header_topic:
            raise Refused(401, "wrong-topic", "The topic of the path is not that of the header.")
        tried: tuple[str, ...] = ()
        for fresh in (False, True):
            secrets = webhook_secrets.load(self.instance, fresh=fresh).get(self.topic, ())
            if secrets != tried and verify(self.signature, self.body, secrets):
                return
            tried = secrets
        raise Refused(401, "wrong-signature", "No current secret of the topic made the signature.")

    def event(self, correlation_id: str, now: datetime) -> dict[str, Any]:
        """The envelope. Raises Refused (400, 409).

        The same delivery gives the same id, also when links or `meta` have changed meanwhile.
        """
        try:
            return self._event(json.loads(self.body), correlation_id, now)
        except (ValueError, TypeError, LookupError, AttributeError):
            # A place for every way in which JSON can fail to be such a document.
            raise Refused(
                400, "malformed", "The body is no JSON:API document of one record."
            ) from None

    def _event(
        self, document: Mapping[str, Any], correlation_id: str, now: datetime
    ) -> dict[str, Any]:
        record = document["data"]
        if not all(isinstance(record[name], str) for name in ("type", "id")):
            raise TypeError
        # Of a record that is gone there is no more than type and id.
        resource = flatten({**document, "data": _filled(record)}, _included(document))
        updated_at = resource.get("updated_at")
        _refuse_replay(updated_at, now)
        parts = [self.instance, self.topic, record["type"], record["id"], updated_at]
        parts.append(hashlib.sha256(_canonical(document).encode()).hexdigest())
        event_id = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        meta = (record.get("meta") or {}) | (document.get("meta") or {})
        source = Source(self.instance, "webhook", correlation_id, mode=meta.get("mode"))
        return envelope(source, self.topic, event_id, resource, print_time(now))


def _filled(record: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {
        name: {} for name in ("attributes", "relationships") if record.get(name) is None
    }
    return {**record, **empty}


def _included(document: Mapping[str, Any]) -> list[str]:
    """The include paths of the webhook, as deep as three: the body does not tell them."""
    records = {(r["type"], r["id"]): r for r in document.get("included", ())}
    found: dict[str, None] = {}

    def follow(record: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for name, relationship in (record.get("relationships") or {}).items():
            if "data" not in relationship or len(path) == 3:
                continue
            here = (*path, name)
            data = relationship["data"]
            for reference in data if isinstance(data, list) else [data] if data else []:
                other = records.get((reference["type"], reference["id"]))
                if other:
                    found[".".join(here)] = None
                    follow(other, here)

    follow(document["data"], ())
    return list(found)


def _canonical(document: Mapping[str, Any]) -> str:
    """Without `meta` and `links`: a trace id, or another host, makes no other event."""

    def stripped(record: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in record.items() if name not in ("meta", "links")}
        if isinstance(kept.get("relationships"), dict):
            kept["relationships"] = {
                name: {"data": each["data"]}
                for name, each in kept["relationships"].items()
                if "data" in each
            }
        return kept

    parts = [stripped(each) for each in (document["data"], *document.get("included", ()))]
    return json.dumps(parts, sort_keys=True, separators=(",", ":"))


def _refuse_replay(updated_at: Any, now: datetime) -> None:
    """What is older than the marks of what was seen cannot be told from a recorded delivery."""
    stamp = parse_time(updated_at) if updated_at is not None else now
    if stamp < now - timedelta(days=SEEN_DAYS):
        raise Refused(409, "too-old", f"The record has not changed for {SEEN_DAYS} days.")


def now() -> datetime:
    return datetime.now(UTC)
