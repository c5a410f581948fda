"""Tags are attached by name; names that do not exist, or are there already, are dropped."""

from local.simulator.store import Record, Store


def change(store: Store, record: Record, names: str, *, adding: bool) -> None:
    named = [store.find("tags", "name", name.strip()) for name in names.split(",")]
    tags = [tag for tag in named if tag]
    held = store.related(record, "tags")
    if adding:
        kept = held + [tag for tag in dict.fromkeys(tags) if tag not in held]
    else:
        kept = [tag for tag in held if tag not in tags]
    if kept != held:
        store.change(record, {}, {"tags": kept})
        store.announce(record, "tagged")
