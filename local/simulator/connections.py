"""The server's open connections, for faults that a web framework does not know."""

import socket
import struct
from collections.abc import Iterator

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


class Connections:
    """Of one running server; to be used in its thread.

    A connection is known by the client's (host, port).
    """

    def __init__(self) -> None:
        self._state = ServerState()

    def attach(self, state: ServerState) -> None:
        self._state = state

    def reset(self, client: tuple[str, int] | None) -> None:
        """A TCP reset. What was written and not yet sent is lost."""
        for protocol in self._all():
            if protocol.client == client:
                opened = protocol.transport.get_extra_info("socket")
                # Lingering for no time is what turns a close into a reset.
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                protocol.transport.abort()

    def close(self, client: tuple[str, int] | None) -> None:
        """An orderly end, after everything that was written."""
        for protocol in self._all():
            if protocol.client == client:
                protocol.transport.close()

    def close_idle(self) -> int:
        """Those that wait for a next request. Tells how many there were."""
        idle = [each for each in self._all() if each.cycle is None or each.cycle.response_complete]
        for protocol in idle:
            protocol.transport.close()
        return len(idle)

    def abort_all(self) -> None:
        for protocol in self._all():
            protocol.transport.abort()

    def _all(self) -> Iterator[H11Protocol]:
        for protocol in list(self._state.connections):
            if isinstance(protocol, H11Protocol):
                yield protocol
