"""Lines of shipments, parcels and returns: what they say of the line item they stand for."""

from collections.abc import Mapping

from local.simulator.behaviour.computed.common import Compute, first_of

# Where the line item is, seen from a line of each type. The SKU helps where no order is.
_PATHS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "return_line_items": (("line_item",),),
    "stock_line_items": (("line_item",), ("sku",), ("stock_item", "sku")),
    "shipment_line_items": (("line_item",), ("sku",), ("stock_item", "sku")),
    "parcel_line_items": tuple(
        (line, *path)
        for line in ("stock_line_item", "shipment_line_item")
        for path in (("line_item",), ("sku",), ("stock_item", "sku"))
    ),
}


def _table(kind: str) -> dict[str, Compute]:
    paths = _PATHS[kind]
    lines = [path for path in paths if path[-1] == "line_item"]
    return {
        "bundle_code": first_of("bundle_code", *lines),
        "name": first_of("name", *paths),
        "image_url": first_of("image_url", *paths),
    }


COMPUTED: Mapping[str, Mapping[str, Compute]] = {
    "return_line_items": {
        **_table("return_line_items"),
        "sku_code": first_of("sku_code", ("line_item",)),
    },
    "stock_line_items": _table("stock_line_items"),
    "shipment_line_items": _table("shipment_line_items"),
    "parcel_line_items": {
        **_table("parcel_line_items"),
        "sku_code": first_of(
            "sku_code",
            ("stock_line_item",),
            ("shipment_line_item",),
            *_PATHS["parcel_line_items"],
        ),
    },
}
