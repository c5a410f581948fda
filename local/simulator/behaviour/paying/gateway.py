"""The payment gateway behind the simulator: it takes everything, unless it is told to refuse.

`metadata.simulate_failure` of a payment source names the kinds of transaction that fail, by comma:
`{"simulate_failure": "authorizations,refunds"}`. Clients set it like any other metadata.
"""

from local.simulator.store import Record

SWITCH = "simulate_failure"

_SUCCESS = {"succeeded": True, "message": "Success"}
_REFUSAL = {
    "succeeded": False,
    "message": "Declined",
    "error_code": "declined",
    "error_detail": f"The gateway was told to refuse this by metadata.{SWITCH}.",
}


def answer(source: Record | None, kind: str) -> dict[str, object]:
    """What the gateway says to an authorization, a capture, a void or a refund."""
    metadata = (source.get("metadata") if source else None) or {}
    refused = [each.strip() for each in str(metadata.get(SWITCH, "")).split(",")]
    return dict(_REFUSAL if kind in refused else _SUCCESS)
