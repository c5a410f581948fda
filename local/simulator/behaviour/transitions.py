"""Triggers that move a status, by the table in states.toml."""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from connector.commerce_layer import catalog
from local.simulator.errors import refused_transition
from local.simulator.store import Record, Store

Effect = Callable[[], None]


class Move(NamedTuple):
    """The states that a trigger starts from, and the one it ends in."""

    sources: frozenset[str]
    target: str


@cache
def _table() -> Mapping[str, Mapping[str, Move]]:
    lines = tomllib.loads((Path(__file__).parent / "states.toml").read_text(encoding="utf-8"))
    return {
        kind: {name: Move(frozenset(each["from"]), each["to"]) for name, each in moves.items()}
        for kind, moves in lines.items()
    }


def moves(kind: str) -> Mapping[str, Move]:
    """By trigger; empty for a type without such a status."""
    return _table().get(kind, {})


def plan(store: Store, record: Record, trigger: str) -> Effect | None:
    """None where the record is there already. Raises ApiError 422 where it cannot go there."""
    move = moves(record.type)[trigger]
    state = record.get("status")
    if state == move.target:
        return None
    if state not in move.sources:
        raise refused_transition(trigger, state)
    return partial(go, store, record, trigger)


def go(store: Store, record: Record, trigger: str) -> None:
    """The move itself, with the stamp of its state where the resource has one; announced."""
    target = moves(record.type)[trigger].target
    values: dict[str, Any] = {"status": target}
    if f"{target}_at" in catalog.resource(record.type).attributes:
        values[f"{target}_at"] = store.clock.now()
    store.change(record, values)
    store.announce(record, trigger.removeprefix("_"))
