"""Replay: records of a stream once more, as they are now."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connector.commerce_layer import changes
from connector.commerce_layer.changes import PAGE_SIZE, parse_time, print_time
from connector.commerce_layer.documents import flatten
from connector.errors import DeadlineExceeded
from connector.event_bus import version_id
from connector.wishes import Replay
from sync.work import Work


def carry_out(work: Work) -> None:
    """Do a slice of what is wished, if anything is; how far it got stands in the stream's item.

    Killed between publishing and keeping that, it publishes a page twice, under the same ids.
    """
    text = work.lease.notes.get("replay")
    if text is None:
        return
    wish, until = Replay.of(text), work.slice()
    try:
        for document, last in _pages(work, wish):
            _publish(work, wish, document)
            work.lease.note("replay", wish.text())
            if not last and (not until.left() or work.lease.paused):
                return
    except DeadlineExceeded:
        return
    work.lease.note("last_replay", wish.text(), done=("replay",))


def _pages(work: Work, wish: Replay) -> Iterable[tuple[Mapping[str, Any], bool]]:
    """Documents, and whether each is the last.

    `wish` is as far as the page that comes; it is kept when that has been published.
    """
    if not wish.ids:
        since, until = parse_time(wish.since), parse_time(wish.until)
        for page in changes.read(work.fetch, work.stream.query, since, until):
            wish.since = print_time(page.read_until)
            yield page.document, page.last
        return
    while asked := wish.ids[wish.position : wish.position + PAGE_SIZE]:
        filters = {**work.stream.query.filters, "id_in": ",".join(asked)}
        document, _ = work.fetch(
            replace(work.stream.query, filters=filters, page_size=PAGE_SIZE, page_number=1)
        )
        wish.position += len(asked)
        wish.missing += len(asked) - len(document["data"])
        yield document, wish.position >= len(wish.ids)


def _publish(work: Work, wish: Replay, document: Mapping[str, Any]) -> None:
    """With ids of their own: a consumer that has dealt with a version is asked to do it again."""
    instance, name = work.source.instance, f"replay {wish.id}"
    records = {
        version_id(instance, name, record["type"], record["id"], record["updated_at"]): record
        for record in flatten(document, work.stream.query.include)["data"]
    }
    work.publish(records, wish.topic, "replay")
    wish.published += len(records)
    work.result.replayed += len(records)
