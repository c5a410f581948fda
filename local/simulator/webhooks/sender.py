"""The one place that calls other people's addresses."""

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

# Deliveries under way at the same time, of all environments together.
_AT_ONCE = 32


class Outcome(NamedTuple):
    """`code` is None where no answer came; `message` then says why."""

    code: int | None
    message: str


class Sender:
    """Follows no redirects and uses no proxy. To be used in the server's thread."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(_AT_ONCE)
        self._making = asyncio.Lock()
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def post(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> Outcome:
        """`seconds` are all that the receiver has."""
        client = await self._client(urlsplit(url).scheme)
        try:
            async with asyncio.timeout(seconds):
                response = await client.post(url, content=body, headers=headers, timeout=seconds)
        except TimeoutError:
            return Outcome(None, "Timeout")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(None, str(error) or type(error).__name__)
        return Outcome(response.status_code, response.reason_phrase)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _client(self, scheme: str) -> httpx.AsyncClient:
        """One a scheme, made beside the server's thread: it takes long."""
        async with self._making:
            if scheme not in self._clients:
                self._clients[scheme] = await asyncio.to_thread(_client, scheme)
            return self._clients[scheme]


def _client(scheme: str) -> httpx.AsyncClient:
    """Certificates are for https alone."""
    verify = httpx.create_ssl_context() if scheme == "https" else False
    return httpx.AsyncClient(verify=verify, trust_env=False)
