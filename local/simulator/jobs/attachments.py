"""The files of imports and exports, under addresses that are signed and expire, as S3 has them."""

import hmac
import secrets
from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from local.simulator.clock import SECOND, Clock
from local.simulator.environment import Environment
from local.simulator.jobs.tables import EXPORTS, FILE, IMPORTS
from local.simulator.store import Record

_LIFETIME = 5 * 60  # seconds
_KINDS = (IMPORTS, EXPORTS)


class Attachments:
    def __init__(self, clock: Clock, environments: Iterable[Environment]) -> None:
        self._clock, self._environments = clock, environments
        self.origin = ""  # where the simulator listens
        self._secret = secrets.token_bytes(32)

    def url(self, record: Record, origin: str | None = None) -> str | None:
        """A fresh one each time the record is printed, at the address that the client asked."""
        path = record.get("attachment_url")
        if record.type not in _KINDS or path != f"{record.type}/{record.id}":
            return path if path is None else str(path)
        suffix = record.get("format") or "json"
        path = f"/attachments/{path}.{suffix}.gz"
        expires = str(self._clock.now() // SECOND + _LIFETIME)
        signed = urlencode({"expires": expires, "signature": self._signature(path, expires)})
        return f"{origin or self.origin}{path}?{signed}"

    async def serve(self, request: Request) -> Response:
        """Needs no token. Wrong or late: 403, in XML."""
        path, asked = request.url.path, request.query_params
        expires, signature = asked.get("expires", ""), asked.get("signature", "")
        if not hmac.compare_digest(signature.encode(), self._signature(path, expires).encode()):
            return _refused(403, "SignatureDoesNotMatch", "The signature does not match.")
        if self._clock.now() >= int(expires) * SECOND:
            return _refused(403, "AccessDenied", "Request has expired")
        kind, name = path.split("/")[-2:]
        for environment in self._environments:
            record = environment.store.get(kind, name.partition(".")[0])
            if record:
                return Response(record.attributes[FILE], media_type="application/gzip")
        return _refused(404, "NoSuchKey", "The specified key does not exist.")

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"{path}?{expires}".encode(), sha256).hexdigest()


def _refused(status: int, code: str, message: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")
