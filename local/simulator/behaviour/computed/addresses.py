"""Names of addresses, and where they are on a map."""

from collections.abc import Mapping
from typing import Any

from local.simulator.behaviour.computed.common import Compute
from local.simulator.store import Record, Store

_MAP = "https://www.google.com/maps/search/?api=1&query={lat},{lng}"
_STATIC_MAP = (
    "https://maps.googleapis.com/maps/api/staticmap?center={lat},{lng}&size=640x320&zoom=15"
)


def _full_name(_: Store, record: Record) -> str | None:
    if record.attributes.get("business"):
        return record.attributes.get("company")
    return _joined(record, "first_name", "last_name") or None


def _full_address(_: Store, record: Record) -> str:
    country = record.attributes.get("country_code")
    place = _joined(record, "zip_code", "city", "state_code")
    rest = [place, f"({country})" if country else "", record.attributes.get("phone")]
    return ", ".join(filter(None, [_joined(record, "line_1", "line_2"), _words(rest)]))


def name(store: Store, record: Record) -> str:
    return ", ".join(filter(None, [_full_name(store, record), _full_address(store, record)]))


def _customer_address_name(store: Store, record: Record) -> str | None:
    address = store.one(record, "address")
    return name(store, address) if address else None


def _joined(record: Record, *names: str) -> str:
    return _words([record.attributes.get(each) for each in names])


def _words(words: list[Any]) -> str:
    return " ".join(str(each) for each in words if each)


def _localized(_: Store, record: Record) -> bool:
    return None not in (record.attributes.get("lat"), record.attributes.get("lng"))


def _geocoder(store: Store, record: Record) -> Record | None:
    """The one that found the place. None is asked here: the client gives the coordinates."""
    return store.one(record, "geocoder") if _localized(store, record) else None


def _provider(store: Store, record: Record) -> str | None:
    geocoder = _geocoder(store, record)
    return geocoder.type.removesuffix("_geocoders") if geocoder else None


def _on_map(pattern: str) -> Compute:
    def compute(store: Store, record: Record) -> str | None:
        if not _geocoder(store, record):
            return None
        return pattern.format(lat=record.attributes["lat"], lng=record.attributes["lng"])

    return compute


COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    "addresses": {
        "full_name": _full_name,
        "full_address": _full_address,
        "name": name,
        "is_localized": _localized,
        "is_geocoded": lambda store, record: _geocoder(store, record) is not None,
        "provider_name": _provider,
        "map_url": _on_map(_MAP),
        "static_map_url": _on_map(_STATIC_MAP),
    },
    "customer_addresses": {"name": _customer_address_name},
}
