"""What is sent for a trigger. Pure."""

from collections.abc import Mapping
from typing import Any

from connector.commerce_layer import catalog
from connector.commerce_layer.catalog import Attribute, Resource
from connector.errors import InvalidRequest

JSON_TYPES = {"string": str, "integer": int}


def value_of(resource: Resource, name: str, body: Mapping[str, Any]) -> Any:
    """The value of the trigger `name` (`_approve`): True, or `value` of the caller's body where it
    takes one. Raises InvalidRequest (404, 422)."""
    triggers = {n: t for n, t in resource.triggers.items() if t.updatable}
    if name not in triggers:
        near = catalog.nearest(name, tuple(triggers))
        hint = f" Did you mean {' or '.join(n[1:] for n in near)}?" if near else ""
        raise InvalidRequest(f"{resource.type} have no trigger {name[1:]}.{hint}", status=404)
    takes = triggers[name].type
    if takes == "boolean":
        if "value" in body:
            raise InvalidRequest(
                f"{name[1:]} takes no value.{_companion(name, triggers)}",
                status=422,
                pointer="/value",
            )
        return True
    value = body.get("value")
    if not isinstance(value, JSON_TYPES.get(takes, object)) or isinstance(value, bool):
        raise InvalidRequest(
            f'{name[1:]} takes a value: {{"value": <{takes}>}}.', status=422, pointer="/value"
        )
    return value


def _companion(name: str, triggers: Mapping[str, Attribute]) -> str:
    """What the caller may have meant: `_capture_amount_cents` beside `_capture`."""
    stem = name.rstrip("e")  # _authorize goes with _authorization_amount_cents
    names = [n for n, t in triggers.items() if t.type != "boolean" and n.startswith(stem)]
    if not names:
        return ""
    return f' Send it beside the trigger: {{"attributes": {{"{names[0]}": …}}}}.'
