"""The file of an export job: fetched by a client of its own, and unpacked as it comes.

Its address is signed and leads to another host than the API. So nothing that we know goes with the
request: no token, no cookie, no proxy of the environment; a redirect is a failure, and the address
is https. The one exception is a simulator on this machine.
"""

import http.client
import ssl
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from connector.deadline import Deadline

CHUNK = 64 * 1024
# Seconds for each wait, and bytes: of the file as it comes, and of what is in it.
WAIT = 15.0
MOST_PACKED = 256 * 1024 * 1024
MOST_BYTES = 4 * 1024 * 1024 * 1024


class Expired(Exception):
    """The address is good no more: the export has a fresh one."""


class Broken(Exception):
    """What came is not a whole file. The text tells why, and nothing of the address."""


def fetch(address: str, deadline: Deadline, *, simulated: bool) -> Iterator[bytes]:
    """The file as it comes. `simulated`: plain http to this machine is allowed.

    Raises Expired or Broken; DeadlineExceeded when the invocation ends.
    """
    parts = _checked(address, simulated=simulated)
    connection = _connect(parts, min(WAIT, max(0.1, deadline.left())))
    try:
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        _check(answer)
        yield from _body(answer, deadline)
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"the download broke off ({type(error).__name__})") from None
    finally:
        connection.close()


def unpack(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """gzip -> what is in it, in pieces of at most 64 KiB. Raises Broken."""
    unpacker, total, begun = zlib.decompressobj(wbits=31), 0, False
    for chunk in chunks:
        rest, more = chunk, True
        while rest or more:
            if unpacker.eof and rest:  # a file may have several members
                unpacker = zlib.decompressobj(wbits=31)
            begun = begun or bool(rest)
            try:
                piece = unpacker.decompress(rest, CHUNK)
            except zlib.error:
                raise Broken("the file is not gzip, or damaged") from None
            total += len(piece)
            if total > MOST_BYTES:
                raise Broken(f"the file unpacks to over {MOST_BYTES >> 30} GB")
            if piece:
                yield piece
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            more = len(piece) == CHUNK  # all of its input may be taken, and not all given out
    if not (begun and unpacker.eof):
        raise Broken("the file is cut short")


def _checked(address: str, *, simulated: bool) -> SplitResult:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Broken("its address cannot be read") from None
    if not host or parts.username is not None or not address.isascii() or " " in address:
        raise Broken("its address is none to ask")
    if parts.scheme == "https" or (simulated and parts.scheme == "http" and _loopback(host)):
        return parts
    raise Broken("its address is not https")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _connect(parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=_trusted())
    return http.client.HTTPConnection(host, parts.port, timeout=seconds)


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _check(answer: http.client.HTTPResponse) -> None:
    if answer.status in (400, 403, 404):  # as S3 answers an address that is too old
        raise Expired
    if answer.status != 200:
        raise Broken(f"the download was answered with {answer.status}")


def _body(answer: http.client.HTTPResponse, deadline: Deadline) -> Iterator[bytes]:
    announced, total = answer.length, 0
    while True:
        deadline.require(1.0, "The download of an export")
        chunk = answer.read(CHUNK)
        total += len(chunk)
        if total > MOST_PACKED:
            raise Broken(f"the file has over {MOST_PACKED >> 20} MB")
        if not chunk:
            break
        yield chunk
    if announced is not None and total < announced:
        raise Broken("the download broke off")
