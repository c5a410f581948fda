"""Run-time switches over HTTP, under /_simulator, for those who run in another process."""

import json
from collections.abc import Callable
from dataclasses import asdict
from inspect import isawaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulator.clock import printed
from local.simulator.faults import KINDS
from local.simulator.store import Record, Store
from local.simulator.world import World

_Act = Callable[[World, Request, Any], Any]


def routes(world: World) -> list[Route]:
    return [
        Route(f"/_simulator/{name}", _endpoint(world, act), methods=[method])
        for (method, name), act in ACTS.items()
    ]


def _endpoint(world: World, act: _Act) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
            result = act(world, request, body)
            return JSONResponse(await result if isawaitable(result) else result)
        except (KeyError, TypeError, ValueError) as mistake:
            return JSONResponse({"error": f"{type(mistake).__name__}: {mistake}"}, 400)

    return endpoint


def _health(world: World, request: Request, _: Any) -> Any:
    """The switches as they stand, and how many records there are of each type."""
    tables = _store(world, request).tables
    counts = {kind: len(table) for kind, table in sorted(tables.items())}
    return {"status": "ok", "settings": asdict(world.settings), "records": counts}


async def _idle(world: World, _: Request, __: Any) -> Any:
    """Answers when every job has ended and every webhook is delivered or given up."""
    await world.background.idle()
    return {}


def _requests(world: World, request: Request, _: Any) -> Any:
    """What was asked: `?method=` and `?path=` (a prefix) narrow it, `?last=` tells how many."""
    found = world.requests.matching(
        request.query_params.get("method"), request.query_params.get("path", "")
    )
    last = int(request.query_params.get("last", 100))
    return {"count": len(found), "requests": [each._asdict() for each in found[-last:]]}


def _forget_requests(world: World, _: Request, __: Any) -> Any:
    """Empties the log of requests."""
    world.requests.clear()
    return {}


def _faults(world: World, _: Request, __: Any) -> Any:
    """The kinds of faults, and the rules that are in force with their hits."""
    return {"kinds": KINDS, "rules": world.faults.rules()}


def _add_fault(world: World, _: Request, body: Any) -> Any:
    """`{"kind": "500", "path": "/api/orders*", "times": 1}`, or `script`, a list of kinds."""
    rule = world.faults.script(**_script(body)) if "script" in body else world.faults.add(**body)
    return asdict(rule)


def _script(body: dict[str, Any]) -> dict[str, Any]:
    return {"kinds": body["script"], **{k: v for k, v in body.items() if k != "script"}}


def _clear_faults(world: World, _: Request, __: Any) -> Any:
    """Nothing goes wrong any more."""
    world.faults.clear()
    return {}


def _close_idle(world: World, _: Request, __: Any) -> Any:
    """Closes every kept-alive connection that waits for a next request."""
    return {"closed": world.connections.close_idle()}


def _expire_tokens(world: World, _: Request, __: Any) -> Any:
    """Every token that was given out is refused from now on."""
    world.authority.expire_all()
    return {}


def _clock(world: World, _: Request, __: Any) -> Any:
    """The simulator's time."""
    clock = world.clock
    frozen = clock.frozen_at is not None
    return {"now": printed(clock.now()), "offset": clock.offset, "frozen": frozen}


def _set_clock(world: World, request: Request, body: Any) -> Any:
    """`{"offset": 90}`, `{"advance": 3600}`, `{"frozen": true}`, in seconds."""
    if "offset" in body:
        world.clock.offset = float(body["offset"])
    if "frozen" in body:
        world.clock.frozen_at = world.clock.now() if body["frozen"] else None
    world.clock.advance(float(body.get("advance", 0)))
    return _clock(world, request, body)


def _settings(world: World, _: Request, body: Any) -> Any:
    """Switches by name: `{"limits": "sliding", "latency": 0.2}`."""
    world.settings.change(**body)
    return asdict(world.settings)


def _hold_jobs(world: World, _: Request, __: Any) -> Any:
    """Imports, exports and cleanups do one record a step from now on."""
    world.jobs.pace.hold()
    return {}


async def _step_jobs(world: World, _: Request, __: Any) -> Any:
    """Each held job starts, or does its next record."""
    await world.jobs.pace.step()
    return {}


def _release_jobs(world: World, _: Request, __: Any) -> Any:
    """Jobs go on by themselves again."""
    world.jobs.pace.release()
    return {}


def _forget_limits(world: World, _: Request, __: Any) -> Any:
    """Everyone starts with a full rate budget."""
    world.limiter.forget()
    return {}


def _put_records(world: World, request: Request, body: Any) -> Any:
    """Records past all validation: `[{"type", "attributes", "relationships", "updated_at"}]`.

    In one go; `created_at` may be given too. With an `id` the record is updated.
    `?organization=` and `?mode=` name another environment than the first.
    """
    store = _store(world, request)
    with store.lock:
        return [_shown(_put_record(store, each)) for each in body]


def _put_record(store: Store, each: dict[str, Any]) -> Record:
    kind, attributes = each["type"], each.get("attributes")
    links, at = each.get("relationships"), each.get("updated_at")
    if "id" in each:
        return store.update(kind, each["id"], attributes, links, updated_at=at)
    created = each.get("created_at")
    return store.put(kind, attributes, links, created_at=created, updated_at=at)


def _delete_records(world: World, request: Request, body: Any) -> Any:
    """Of a list of `{"type", "id"}`, past all effects."""
    for each in body:
        _store(world, request).delete(each["type"], each["id"])
    return {}


def _store(world: World, request: Request) -> Store:
    """`?organization=acme&mode=live`; without them the first one."""
    asked = request.query_params
    return world.environment(asked.get("organization"), asked.get("mode")).store


def _shown(record: Record) -> dict[str, Any]:
    return {"type": record.type, "id": record.id, "updated_at": printed(record.updated_at)}


ACTS: dict[tuple[str, str], _Act] = {
    ("GET", "health"): _health,
    ("GET", "idle"): _idle,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "connections/close"): _close_idle,
    ("POST", "tokens/expire"): _expire_tokens,
    ("GET", "clock"): _clock,
    ("PATCH", "clock"): _set_clock,
    ("PATCH", "settings"): _settings,
    ("POST", "jobs/hold"): _hold_jobs,
    ("POST", "jobs/step"): _step_jobs,
    ("POST", "jobs/release"): _release_jobs,
    ("POST", "limits/forget"): _forget_limits,
    ("POST", "records"): _put_records,
    ("DELETE", "records"): _delete_records,
}
