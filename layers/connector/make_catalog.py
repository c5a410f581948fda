"""Write catalog.json from Commerce Layer's public description of its resources.

    python layers/connector/make_catalog.py SOURCE [DESTINATION]

SOURCE is a file or an http(s) URL of the description (the no-auth endpoint
`/api/public/resources` of the Core API, or the `gen/resources.json` of the official SDK).
Only facts are carried over: names, types, flags, enums, relationships and triggers; no prose.

How a line of the catalog reads is told at the top of `connector/commerce_layer/catalog.py`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

DESTINATION = Path(__file__).parent / "connector" / "commerce_layer" / "catalog.json"

# GET requests on these are answered from Commerce Layer's cache and have a rate limit of
# their own. The description does not say which; the list is that of the official CLI.
CACHEABLE = frozenset(
    "bundles imports markets prices price_lists promotions buy_x_pay_y_promotions"
    " external_promotions fixed_amount_promotions fixed_price_promotions free_gift_promotions"
    " free_shipping_promotions percentage_discount_promotions skus sku_options stock_items"
    " stock_locations".split()
)

Description = Mapping[str, Any]


def plural(name: str) -> str:
    """`tax_category` -> `tax_categories`: the JSON:API type of a resource."""
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "x")) else "s")


def snake(class_name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in class_name).lstrip("_")


def flags(field: Description) -> str:
    letters = {
        "c": field.get("creatable"),
        "u": field.get("updatable"),
        "f": field.get("fetchable", True),
        "q": field.get("filterable"),
        "s": field.get("sortable"),
        "r": field.get("required") in ("required", True) and field.get("creatable"),
        "m": field.get("monetizable"),
        "x": field.get("confidential"),
    }
    return "".join(letter for letter, on in letters.items() if on)


def attribute(field: Description) -> str:
    return f"{field['type']} {flags(field)}".rstrip()


def relationship(field: Description, known: frozenset[str]) -> str:
    """`one orders cufqs`; types are `|`-separated; `*` where any type may stand."""
    types = field.get("enum") or [plural(snake(field["class_name"]))]
    named = "|".join(kind for kind in types if kind in known) or "*"
    return f"{'one' if field['type'] == 'has_one' else 'many'} {named} {flags(field)}".rstrip()


def variants(name: str, fields: Mapping[str, Description], known: frozenset[str]) -> list[str]:
    """The concrete types of a base type: `promotions` -> `free_gift_promotions`, ...

    The `type` attribute of a base lists them; the variants carry the same list, so only the
    base, which is not in it, has variants. Payment gateways have no such list.
    """
    if name == "payment_gateway":
        return sorted(k for k in known if k.endswith("_gateways") and k != plural(name))
    listed = fields.get("type", {}).get("enum", [])
    return [] if plural(name) in listed else [kind for kind in listed if kind in known]


def resource(name: str, description: Description, known: frozenset[str]) -> dict[str, Any]:
    fields: Mapping[str, Description] = description["fields"]
    attributes = {k: v for k, v in fields.items() if not k.startswith("_") and k != "id"}
    # `jwt_customer` and its like exist for filters of custom roles only: nobody can read them.
    relationships = {
        k: v for k, v in description["relationships"].items() if not k.startswith("jwt_")
    }
    entry = {
        "path": name if description["singleton"] else plural(name),
        "operations": description["actions"],
        "cacheable": plural(name) in CACHEABLE,
        "variants": variants(name, fields, known),
        "attributes": {k: attribute(v) for k, v in attributes.items()},
        "triggers": {k: attribute(v) for k, v in fields.items() if k.startswith("_")},
        "relationships": {k: relationship(v, known) for k, v in relationships.items()},
        "enums": {k: v["enum"] for k, v in attributes.items() if "enum" in v},
        "defaults": {k: v["default"] for k, v in attributes.items() if "default" in v},
    }
    return {key: value for key, value in entry.items() if value or key == "attributes"}


def catalog(described: list[Description]) -> dict[str, Any]:
    known = frozenset(plural(entry["id"]) for entry in described)
    resources = {
        plural(entry["id"]): resource(entry["id"], entry["attributes"], known)
        for entry in described
    }
    return dict(sorted(resources.items()))


def load(source: str) -> list[Description]:
    if source.startswith(("http://", "https://")):
        with urlopen(source, timeout=60) as answer:  # noqa: S310 - the scheme is checked above
            loaded = json.load(answer)
    else:
        loaded = json.loads(Path(source).read_text(encoding="utf-8"))
    return list(loaded["data"] if isinstance(loaded, dict) else loaded)


def main(source: str, destination: str = str(DESTINATION)) -> None:
    resources = catalog(load(source))
    # One resource a line: a new version of the API then reads as a short diff.
    lines = ",\n".join(
        f"{json.dumps(kind)}:{json.dumps(entry, separators=(',', ':'))}"
        for kind, entry in resources.items()
    )
    Path(destination).write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"{len(resources)} resources -> {destination}")


if __name__ == "__main__":
    main(*sys.argv[1:])
