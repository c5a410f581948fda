"""The streams of the sync function: how they are, and what an operator wishes of them.

Nothing here moves a stream: a wish is written down, and the stream's next run carries it out.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from api.answer import JSON, Answer, dumps
from api.discovery import answer
from api.representations import accepted, parse
from api.request import SEGMENT, Request
from connector import aws, instances, streams
from connector.commerce_layer.changes import parse_time, print_time
from connector.errors import InvalidRequest
from connector.settings import settings
from connector.streams import Stream
from connector.table import Table
from connector.wishes import Replay, Wishes

MOST_IDS = 1000
TOPIC = re.compile(r"([a-z_]+)\.[a-z_]+")

Wish = Mapping[str, str | None]


def list_streams(request: Request) -> Answer:
    states = _wishes(request).states(streams.names())
    described = [_described(streams.find(name), state) for name, state in states.items()]
    return answer(request, {"data": described})


def show(request: Request) -> Answer:
    wishes, stream = _wishes(request), streams.find(request.parameters["stream"])
    return answer(request, _described(stream, wishes.states([stream.name])[stream.name]))


def steer(request: Request) -> Answer:
    """Body: `paused`, `from`, `deletions`, `replay: null`, one or more of them."""
    wishes, stream = _wishes(request), streams.find(request.parameters["stream"])
    accepted(request.headers, (JSON,))
    body = _object(request, STEERING)
    if not body:
        raise InvalidRequest(f"Say at least one of: {', '.join(STEERING)}.", status=422, pointer="")
    notes: dict[str, str | None] = {}
    for name, value in body.items():
        notes |= STEERING[name](stream, value)
    return answer(request, _described(stream, wishes.wish(stream.name, notes)))


def replay(request: Request) -> Answer:
    """Body: `stream`, `resource` or `topic`; `ids`, or `from` and perhaps `to`."""
    wishes = _wishes(request)
    accepted(request.headers, (JSON,))
    body = _object(request, ("stream", "resource", "topic", "ids", "from", "to"))
    stream, topic = _subject(body)
    wish = Replay(
        id=uuid4().hex,
        topic=topic,
        requested_at=print_time(datetime.now(UTC)),
        **_extent(body),
    )
    try:
        state = wishes.wish(stream.name, {"replay": wish.text()})
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise InvalidRequest(
            f"Stream {stream.name} has a replay under way: wait for its end, or take it back with"
            ' PATCH {"replay": null}.',
            status=409,
        ) from error
    described = _described(stream, state)
    return Answer(dumps({"id": wish.id, "topic": topic, "stream": described}), status=202)


def _wishes(request: Request) -> Wishes:
    """Made here, not when the container starts: most containers never need it."""
    instance = instances.check(request.instance)
    return Wishes(Table(aws.client("dynamodb"), settings().table), instance)


def _object(request: Request, names: Any) -> Mapping[str, Any]:
    body = parse(request)
    if not isinstance(body, Mapping):
        raise InvalidRequest("The body must be a JSON object.", status=422, pointer="")
    for name in body:
        if name not in names:
            raise InvalidRequest(
                f"`{name[:60]}` is not a name here; there are {', '.join(names)}.",
                status=422,
                pointer=f"/{name[:60]}",
            )
    return body


def _refusal(name: str, must: str) -> InvalidRequest:
    return InvalidRequest(f"`{name}` must be {must}.", status=422, pointer=f"/{name}")


def _pause(_: Stream, value: Any) -> Wish:
    if not isinstance(value, bool):
        raise _refusal("paused", "true or false")
    return {"paused_at": print_time(datetime.now(UTC)) if value else None}


def _reset(_: Stream, value: Any) -> Wish:
    try:
        streams.beginning(value)
    except (TypeError, ValueError, InvalidRequest):
        raise _refusal("from", '"now", "full" or an ISO date') from None
    return {"reset_from": value}


def _deletions(stream: Stream, value: Any) -> Wish:
    if stream.deletions is None:
        raise InvalidRequest(
            f"Stream {stream.name} does not look for deletions: streams.toml says where it does.",
            status=422,
            pointer="/deletions",
        )
    if value not in ("check", "accept"):
        raise _refusal("deletions", '"check" or "accept"')
    return {f"{value}_deletions": "wished"}


def _no_replay(_: Stream, value: Any) -> Wish:
    if value is not None:
        raise _refusal("replay", "null, which ends it; POST …/replays begins one")
    return {"replay": None}


STEERING: Mapping[str, Callable[[Stream, Any], Wish]] = {
    "paused": _pause,
    "from": _reset,
    "deletions": _deletions,
    "replay": _no_replay,
}


def _subject(body: Mapping[str, Any]) -> tuple[Stream, str]:
    """The stream that reads the records, and the topic they are to have."""
    given = [name for name in ("stream", "resource", "topic") if name in body]
    if len(given) != 1 or not isinstance(body[given[0]], str):
        raise InvalidRequest("Say one of: stream, resource, topic.", status=422, pointer="")
    name = body[given[0]]
    if given == ["stream"]:
        stream = streams.find(name)
        return stream, f"{stream.resource}.changed"
    if given == ["topic"]:
        match = TOPIC.fullmatch(name)
        if match is None or name.endswith(".deleted"):
            raise _refusal("topic", "one that tells of records, such as orders.place")
        resource, topic = match[1], name
    else:
        resource, topic = name, f"{name}.changed"
    for each in map(streams.find, streams.names()):
        if each.resource == resource:
            return each, topic
    raise InvalidRequest(f"No stream reads {resource[:60]}.", status=404, pointer=f"/{given[0]}")


def _extent(body: Mapping[str, Any]) -> dict[str, Any]:
    if ("ids" in body) == ("from" in body) or ("to" in body and "from" not in body):
        raise InvalidRequest("Say either ids, or from and perhaps to.", status=422, pointer="")
    if "ids" in body:
        ids = body["ids"]
        if not isinstance(ids, list) or not 0 < len(ids) <= MOST_IDS or not all(map(_is_id, ids)):
            raise _refusal("ids", f"a list of 1 to {MOST_IDS} ids")
        return {"ids": list(dict.fromkeys(ids))}
    times = {"from": body["from"], "to": body.get("to", print_time(datetime.now(UTC)))}
    for name, value in times.items():
        try:
            times[name] = print_time(parse_time(value))
        except (TypeError, ValueError):
            raise _refusal(name, "an ISO date") from None
    if times["from"] >= times["to"]:
        raise _refusal("from", "earlier than `to`")
    return {"since": times["from"], "until": times["to"]}


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and SEGMENT.fullmatch(value) is not None


def _described(stream: Stream, state: Mapping[str, Any]) -> dict[str, Any]:
    now, bookmark = datetime.now(UTC), state.get("bookmark")
    deletions = json.loads(state.get("deletions", "null"))
    return {
        "name": stream.name,
        "resource": stream.resource,
        "bookmark": bookmark,
        "settled": state.get("settled"),
        "lag_seconds": bookmark and max(0, round((now - parse_time(bookmark)).total_seconds())),
        "running": state.get("lease_until", 0) > now.timestamp(),
        "paused_at": state.get("paused_at"),
        "reset_from": state.get("reset_from"),
        "late_arrivals": int(state.get("late_arrivals", 0)),
        "last_run": json.loads(state.get("last_run", "null")),
        "deletions": None if stream.deletions is None else _check(state, deletions or {}),
        "replay": _progress(state.get("replay")),
        "last_replay": _progress(state.get("last_replay")),
    }


def _check(state: Mapping[str, Any], check: Mapping[str, Any]) -> dict[str, Any]:
    wished = "check_deletions" in state or "accept_deletions" in state
    return {
        "state": check.get("phase") or ("wished" if wished else "waiting"),
        "begun_at": check.get("begun_at"),
        "checked_at": check.get("checked_at"),
        "deleted": check.get("deleted", 0),
        "refused": check.get("refused", 0),
    }


def _progress(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    wish = Replay.of(text)
    return {
        "id": wish.id,
        "topic": wish.topic,
        "requested_at": wish.requested_at,
        "published": wish.published,
        "missing": wish.missing,
        **({"ids": len(wish.ids)} if wish.ids else {"from": wish.since, "to": wish.until}),
    }
