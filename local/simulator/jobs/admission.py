"""What is refused when a job is created, and what is known of it from then on."""

from collections.abc import Callable
from typing import Any

from local.simulator.errors import ApiError, validation
from local.simulator.jobs import matches, rows, shape
from local.simulator.jobs.tables import CLEANUPS, EXPORTS, FILE, IMPORTS
from local.simulator.settings import Settings
from local.simulator.store import Record, Store
from local.simulator.validation import Change

_ACTIVE = ("pending", "in_progress")


def check(
    store: Store, organization: Record, settings: Settings, kind: str, change: Change
) -> None:
    """Adds the counts to the change. Raises ApiError 422."""
    if kind != CLEANUPS:
        change.attributes["format"] = change.attributes.get("format") or "json"
    change.attributes |= _CHECKS[kind](store, settings, change.attributes)
    _check_concurrency(store, organization, kind)


def _check_concurrency(store: Store, organization: Record, kind: str) -> None:
    allowed = organization.get(f"{kind}_max_concurrent_count")
    active = sum(len(store.having(kind, "status", each)) for each in _ACTIVE)
    if active >= allowed:
        message = f"cannot be more than {allowed} pending or in progress"
        raise _refused("base", "max_concurrent_count", message, value=active + 1, count=allowed)


def _check_import(_: Store, settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    as_csv = given["format"] == "csv"
    try:
        size = rows.count(given["inputs"], as_csv=as_csv)
    except ValueError:
        raise _refused("inputs", "invalid", "is invalid") from None
    if size == 0:
        raise _refused("inputs", "blank", "can't be blank")
    if size > settings.import_limit:
        raise _too_many("inputs", size, settings.import_limit)
    return {
        FILE: rows.pack(given.pop("inputs"), as_csv=as_csv),
        "inputs_size": size,
        "errors_count": 0,
        "warnings_count": 0,
        "destroyed_count": 0,
        "processed_count": 0,
    }


def _check_export(store: Store, settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    kind = given["resource_type"]
    for name in ("includes", "fields"):
        if not isinstance(given.get(name) or [], list):
            raise _refused(name, "invalid", "is invalid")
        try:
            shape.parse(kind, **{"includes": None, "fields": None, name: given.get(name)})
        except ValueError:
            raise _refused(name, "invalid", "is invalid") from None
    count = _count(store, kind, given)
    if count == 0:
        message = "must be greater than 0"
        raise _refused("records_count", "greater_than", message, value=0, count=0)
    if count > settings.export_limit:
        raise _too_many("records_count", count, settings.export_limit)
    return {"records_count": count, "processed_count": 0, "progress": 0.0}


def _check_cleanup(store: Store, settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    count = _count(store, given["resource_type"], given)
    if count > settings.cleanup_limit:
        raise _too_many("records_count", count, settings.cleanup_limit)
    return {"records_count": count, "processed_count": 0, "errors_count": 0}


_CHECKS: dict[str, Callable[[Store, Settings, dict[str, Any]], dict[str, Any]]] = {
    IMPORTS: _check_import,
    EXPORTS: _check_export,
    CLEANUPS: _check_cleanup,
}


def _count(store: Store, kind: str, given: dict[str, Any]) -> int:
    filters = given.get("filters") or {}
    if not isinstance(filters, dict):
        raise _refused("filters", "invalid", "is invalid")
    try:
        return matches.count(store, kind, filters)
    except ApiError as error:
        raise _refused("filters", "invalid", error.errors[0]["detail"]) from None


def _too_many(name: str, count: int, limit: int) -> ApiError:
    message = f"must be less than or equal to {limit}"
    return _refused(name, "less_than_or_equal_to", message, value=count, count=limit)


def _refused(name: str, key: str, message: str, **meta: Any) -> ApiError:
    return ApiError(validation(f"/data/attributes/{name}", key, message, **meta))
