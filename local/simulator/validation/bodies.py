"""The shape of a request body, before anybody looks at what it says."""

import json
from collections.abc import Mapping
from typing import Any

from local.simulator.errors import (
    ApiError,
    bad_request,
    param_missing,
    param_not_allowed,
)

_MEMBERS = frozenset({"type", "id", "attributes", "relationships"})


def document(body: bytes, kind: str, identifier: str | None = None) -> Mapping[str, Any]:
    """The `data` of a request body. `identifier` is the id in the path of a PATCH."""
    try:
        parsed = json.loads(body, parse_constant=_refuse)
    except ValueError:
        raise bad_request("BAD_REQUEST", "Bad Request", "The body is not JSON.") from None
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if data is None:
        raise param_missing("data")
    if not isinstance(data, dict):
        raise bad_request("INVALID_DATA_FORMAT", "Invalid data format", "data must be a hash.")
    if "type" not in data:
        raise param_missing("type")
    if data["type"] != kind:
        raise bad_request(
            "TYPE_MISMATCH",
            "Type Mismatch",
            f"{data['type']} is not a valid type for this operation.",
        )
    if identifier is not None and "id" not in data:
        raise param_missing("id")
    if identifier is not None and data["id"] != identifier:
        raise bad_request(
            "KEY_NOT_INCLUDED_IN_URL",
            "Key is not included in URL",
            f"The URL does not support the key {data['id']}",
        )
    _check_members(data, creating=identifier is None)
    return data


def _check_members(data: Mapping[str, Any], *, creating: bool) -> None:
    # An id is given by Commerce Layer alone; null says the same as nothing.
    refused = set(data) - _MEMBERS | ({"id"} if creating and data.get("id") else set())
    if refused:
        raise ApiError(*(param_not_allowed(name).errors[0] for name in sorted(refused)))
    for section in ("attributes", "relationships"):
        if not isinstance(data.get(section, {}), dict):
            raise bad_request(
                "INVALID_DATA_FORMAT", "Invalid data format", f"{section} must be a hash."
            )


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(constant)
