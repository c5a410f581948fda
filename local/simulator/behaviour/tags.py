"""Tags are attached by name; names that do not exist, or are there already, are dropped."""

from functools import partial

from local.simulator.behaviour.transitions import Effect
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store


def plan(store: Store, record: Record, trigger: str, names: str) -> Effect | None:
    """`_add_tags` or `_remove_tags`. Raises ApiError 422 if there would be too many."""
    named = [store.find("tags", "name", name.strip()) for name in names.split(",")]
    tags = dict.fromkeys(tag for tag in named if tag)
    adding = trigger == "_add_tags"
    held = store.related(record, "tags")
    count, most = len({*held, *tags}), store.setting("tags_max_allowed_number")
    if adding and not tags.keys() <= set(held) and count > most:
        message = f"is too long (maximum is {most})"
        pointer = f"/data/attributes/{trigger}"
        raise ApiError(validation(pointer, "too_long", message, value=count, count=most))
    return partial(_change, store, record, tags, adding=adding) if tags else None


def _change(store: Store, record: Record, tags: dict[Record, None], *, adding: bool) -> None:
    held = store.related(record, "tags")
    if adding:
        kept = held + [tag for tag in tags if tag not in held]
    else:
        kept = [tag for tag in held if tag not in tags]
    if kept != held:
        store.change(record, {}, {"tags": kept})
        store.announce(record, "tagged")
