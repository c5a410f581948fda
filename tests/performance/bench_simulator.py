"""What the simulator costs: how quick its lists are, how they grow, its memory, its start.

    make bench

The lists are asked over one kept-alive connection, medians of alternating batches. The measure is
a bare ASGI app under the same server which answers the same bytes: their ratio is the figure,
absolute times are this machine's.
"""

import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.performance.simulator_process import SimulatorProcess, simulator_process

BATCH, ROUNDS = 20, 9
SIZES = (115, 1_150, 11_500)  # orders; with what belongs to them 1,000 to 100,000 records
ORDERS = 20_000

# Each with what answers it. The last two are scans: no index knows what a text contains.
LISTS = {
    "by value": "filter[q][status_eq]=placed&page[size]=25",
    "by value, newest first": "filter[q][status_eq]=placed&sort=-created_at&page[size]=25",
    "changed since": "filter[q][updated_at_gteq]=2020-01-01&sort=updated_at,id&page[size]=25",
    "keyset scan": "filter[q][id_gt]={id}&sort=id&page[size]=25",
    "of a customer": "filter[q][customer_email_eq]=ada.rossi.1@example.com&page[size]=25",
    "of a market": "filter[q][market_code_eq]=europe&page[size]=25",
    "two values, a range": "filter[q][status_in]=placed,approved&filter[q][payment_status_eq]=paid"
    "&filter[q][created_at_gt]=2020-01-01&page[size]=25",
    "with line items": "filter[q][status_eq]=placed&include=line_items.item,customer&page[size]=25",
    "text contains": "filter[q][number_cont]=99&page[size]=25",
    "metadata contain": 'filter[q][metadata_jcont]={"erp": 1}&page[size]=25',
}

BARE = """
import sys, uvicorn
body = open(sys.argv[1], "rb").read()
headers = [(b"content-type", b"application/vnd.api+json"), (b"content-length", b"%d" % len(body))]
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[2]), http="h11", ws="none", lifespan="off", loop="asyncio",
            log_config=None, access_log=False)
"""


class Client:
    def __init__(self, address: str, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)
        self._headers = headers or {}

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


def seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(BATCH):
        call()
    return (time.perf_counter() - begun) / BATCH


def median(call: Callable[[], object]) -> float:
    return statistics.median(seconds(call) for _ in range(ROUNDS))


def path_of(query: str, client: Client) -> str:
    if "{id}" in query:
        first = json.loads(client.get("/api/orders?page%5Bsize%5D=1"))["data"][0]["id"]
        query = query.replace("{id}", first)
    return "/api/orders?" + quote(query, safe="=&,@")


def against_a_bare_app(simulator: SimulatorProcess, directory: Path, port: int) -> None:
    client = Client(simulator.base, simulator.headers())
    path = path_of(LISTS["by value"], client)
    answer = directory / "answer.json"
    answer.write_bytes(client.get(path))
    with subprocess.Popen([sys.executable, "-c", BARE, str(answer), str(port)]) as process:
        try:
            bare = waited_for(f"http://127.0.0.1:{port}")
            pairs = [
                (seconds(lambda: client.get(path)), seconds(lambda: bare.get("/")))
                for _ in range(ROUNDS)
            ]
        finally:
            process.terminate()
    ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"a filtered list of 25 among {ORDERS:,} orders, {answer.stat().st_size:,} bytes: "
        f"{1 / ours:.0f} a second, a bare app {1 / theirs:.0f}; ratio {theirs / ours:.2f}"
    )


def waited_for(address: str) -> Client:
    deadline = time.monotonic() + 10
    while True:
        client = Client(address)
        try:
            client.get("/")
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return client


def memory(simulator: SimulatorProcess) -> float:
    """Megabytes at the peak."""
    status = Path(f"/proc/{simulator.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def grown() -> None:
    """Each list at each size, in milliseconds, and how many times longer the largest takes."""
    times: dict[str, list[float]] = {name: [] for name in LISTS}
    records = []
    for size in SIZES:
        with simulator_process(seed=size) as simulator:
            client = Client(simulator.base, simulator.headers())
            health = json.loads(client.get("/_simulator/health"))
            records.append(sum(health["records"].values()))
            for name, query in LISTS.items():
                path = path_of(query, client)
                client.get(path)
                times[name].append(median(partial(client.get, path)) * 1000)
            peak = memory(simulator)
    print(f"\nmilliseconds a list, among {' / '.join(f'{count:,}' for count in records)} records:")
    for name, each in times.items():
        print(
            f"  {name:24}" + "".join(f"{t:8.2f}" for t in each) + f"   x {each[-1] / each[0]:.1f}"
        )
    print(f"memory with {records[-1]:,} records: {peak:.0f} MB")


def started() -> None:
    """From the command to the first answer."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        with simulator_process(seed=0) as simulator:
            Client(simulator.base).get("/_simulator/health")
            times.append(time.perf_counter() - begun)
    print(f"start: {statistics.median(times):.2f} s")


def main(directory: Path, port: int) -> None:
    with simulator_process(seed=ORDERS) as simulator:
        against_a_bare_app(simulator, directory, port)
        print(f"memory with {ORDERS:,} orders: {memory(simulator):.0f} MB")
    grown()
    started()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as free:
        chosen = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary), chosen)
