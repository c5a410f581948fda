"""A probe: a delivery of our own, that asks whether our address takes what Commerce Layer signs.

It is signed with the secret of a webhook and goes the way of its deliveries, up to where one would
be published. No resource of Commerce Layer has this type.
"""

import json

TYPE = "connector_probes"
ACCEPTED = "probe"  # the outcome that the webhooks function answers
_MOST = 200  # bytes; a delivery is seldom so small, and need not be read twice


def body(probe_id: str) -> bytes:
    return json.dumps({"data": {"type": TYPE, "id": probe_id}}).encode()


def is_probe(delivered: bytes) -> bool:
    """Whatever was signed may stand there."""
    if len(delivered) > _MOST:
        return False
    try:
        return bool(json.loads(delivered)["data"]["type"] == TYPE)
    except (ValueError, TypeError, LookupError):
        return False
