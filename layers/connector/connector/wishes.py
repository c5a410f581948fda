"""What operators wish of a stream, and what there is to tell of it: the stream's item in the table.

A wish is a note in the item that the next run finds and carries out under its lease, so that
nothing but the stream's own runs ever moves the stream.

    paused_at        since when no run goes on
    reset_from       where to begin anew: "now", "full" or a date
    check_deletions  look for deleted records now
    accept_deletions the same, and believe in any number of them
    replay           a Replay that is not finished; the last finished one is `last_replay`
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from connector.table import Table, stream_key


@dataclass(slots=True)
class Replay:
    """Publish records again, as they are when it is carried out, under `topic`.

    ids          these records; else those with `since <= updated_at < until`
    position     how many of `ids` are done; `since` moves instead
    """

    id: str
    topic: str
    requested_at: str
    ids: Sequence[str] = ()
    since: str = ""
    until: str = ""
    position: int = 0
    published: int = 0
    missing: int = 0

    @classmethod
    def of(cls, text: str) -> "Replay":
        return cls(**json.loads(text))

    def text(self) -> str:
        return json.dumps(asdict(self))


class Wishes:
    """The items of one instance's streams."""

    def __init__(self, table: Table, instance: str) -> None:
        self._table, self._instance = table, instance

    def states(self, streams: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Item of each stream, as plain values: {} where no run has been and nothing is wished."""
        keys = {f"{self._instance}#{name}": name for name in streams}
        found = {name: dict[str, Any]() for name in streams}
        for item in self._table.items([stream_key(key) for key in keys]):
            name = keys[item["pk"]["S"].removeprefix("stream#")]
            found[name] = {key: _plain(value) for key, value in item.items()}
        return found

    def wish(self, stream: str, notes: Mapping[str, str | None]) -> dict[str, Any]:
        """Write the notes, or take those that are None back. The item as it is then."""
        sets = {name: text for name, text in notes.items() if text is not None}
        removes = [name for name, text in notes.items() if text is None]
        change = " ".join(
            [f"SET {', '.join(f'{name} = :{name}' for name in sets)}"] * bool(sets)
            + [f"REMOVE {', '.join(removes)}"] * bool(removes)
        )
        values: Any = {f":{name}": {"S": text} for name, text in sets.items()}
        # One replay at a time; every other wish may be changed until it is carried out.
        guard: Any = (
            {"ConditionExpression": "attribute_not_exists(replay)"} if "replay" in sets else {}
        )
        answer = self._table.client.update_item(
            TableName=self._table.name,
            Key=stream_key(f"{self._instance}#{stream}"),
            UpdateExpression=change,
            **({"ExpressionAttributeValues": values} if values else {}),
            **guard,
            ReturnValues="ALL_NEW",
        )
        return {key: _plain(value) for key, value in answer["Attributes"].items()}


def _plain(value: Mapping[str, Any]) -> Any:
    return value["S"] if "S" in value else float(value["N"])
