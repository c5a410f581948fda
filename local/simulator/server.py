"""Runs the simulator: in this thread for the command line, in another one for tests."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn

from local.simulator.app import application
from local.simulator.auth import Authority
from local.simulator.background import Background
from local.simulator.clock import Clock
from local.simulator.connections import Connections
from local.simulator.environment import Environment
from local.simulator.faults import Faults
from local.simulator.limits import Limiter
from local.simulator.log import RequestLog
from local.simulator.settings import Settings
from local.simulator.store import Store
from local.simulator.world import World

_Result = TypeVar("_Result")


class _Server(uvicorn.Server):
    """Says when it answers, and ends at once: uvicorn's own pauses add up over many tests."""

    def __init__(
        self, config: uvicorn.Config, connections: Connections, background: Background
    ) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        connections.attach(self.server_state)
        self._connections, self._background = connections, background

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self.ready.set()

    async def main_loop(self) -> None:
        while not self.should_exit:
            # Ctrl-C sets nothing but the flag.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Whoever still waits for an answer is cut off."""
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        await self._background.stop()
        self._connections.abort_all()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()

    def stop(self) -> None:
        """From another thread."""
        self.should_exit = True
        self.loop.call_soon_threadsafe(self._stopped.set)


class Simulator:
    """A Commerce Layer of your own on 127.0.0.1, while the `with` block lasts.

    Switches are those of `Settings`: `Simulator(seed=50, mode="live", limits="sliding")`.
    Several may run at once; each has its own records, tokens, clock and faults.
    """

    def __init__(self, **switches: Any) -> None:
        self.settings = Settings(**switches)
        self._world = World(self.settings)
        self._socket = socket.create_server((self.settings.host, self.settings.port))
        # Connections inherit it. asyncio sets it only on sockets that name their protocol, and
        # without it every answer waits 40 ms for the client's delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._world.attachments.origin = self.url
        self._server = _Server(
            uvicorn.Config(
                application(self._world),
                http="h11",
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                access_log=False,
                # `Date` comes from the simulator's clock, the client's address from our own header.
                date_header=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=60,
            ),
            self._world.connections,
            self._world.background,
        )
        self._thread = threading.Thread(target=self.run, name="simulator", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api"

    @property
    def auth_url(self) -> str:
        return f"{self.url}/oauth/token"

    @property
    def store(self) -> Store:
        return self._world.store

    @property
    def clock(self) -> Clock:
        return self._world.clock

    @property
    def requests(self) -> RequestLog:
        return self._world.requests

    @property
    def authority(self) -> Authority:
        return self._world.authority

    @property
    def faults(self) -> Faults:
        return self._world.faults

    @property
    def limiter(self) -> Limiter:
        return self._world.limiter

    def environment(self, slug: str | None = None, mode: str | None = None) -> Environment:
        return self._world.environment(slug, mode)

    def wait_until_idle(self) -> None:
        """Until every job has ended and every webhook is delivered or given up."""
        idle = self._world.background.idle()
        asyncio.run_coroutine_threadsafe(idle, self._server.loop).result()

    def hold_jobs(self) -> None:
        """From now on they do a record a step; `wait_until_idle` would wait for ever."""
        self._in_loop(self._world.jobs.pace.hold)

    def step_jobs(self) -> None:
        """Each held job starts, or does one record. Returns when all have."""
        step = self._world.jobs.pace.step()
        asyncio.run_coroutine_threadsafe(step, self._server.loop).result()

    def release_jobs(self) -> None:
        self._in_loop(self._world.jobs.pace.release)

    def close_idle_connections(self) -> int:
        """As a server or a network does that forgets keep-alive connections. Tells how many."""
        return self._in_loop(self._world.connections.close_idle)

    def start(self) -> None:
        self._thread.start()
        while not self._server.ready.wait(0.1):
            if not self._thread.is_alive():
                raise RuntimeError("the simulator did not start")

    def stop(self) -> None:
        """A second call does nothing."""
        if self._thread.is_alive():
            self._server.stop()
            self._thread.join()

    def _in_loop(self, action: Callable[[], _Result]) -> _Result:
        async def act() -> _Result:
            result = action()
            # Transports end in the loop's next round; whoever called can rely on it.
            await asyncio.sleep(0)
            return result

        return asyncio.run_coroutine_threadsafe(act(), self._server.loop).result()

    def run(self) -> None:
        """In this thread, until it is interrupted."""
        # uvicorn ends in good order on Ctrl-C, and then raises it again.
        with suppress(KeyboardInterrupt):
            self._server.run([self._socket])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
