"""Webhook signatures: Base64 of HMAC-SHA256 over the raw body, with the webhook's shared secret.

The topic is not signed, the body is: it must be the very bytes that came, not JSON written anew.
"""

import base64
import hmac
from collections.abc import Iterable

SIGNATURE_HEADER = "x-commercelayer-signature"
TOPIC_HEADER = "x-commercelayer-topic"


def sign(secret: str, body: bytes) -> str:
    """What Commerce Layer sends in `X-CommerceLayer-Signature`."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def verify(signature: str, body: bytes, secrets: Iterable[str]) -> bool:
    """Whether one of `secrets` made `signature`; takes as long for a wrong one as for a right one.

    Without secrets nothing is right.
    """
    offered = signature.encode(errors="replace")
    fits = [hmac.compare_digest(sign(secret, body).encode(), offered) for secret in secrets]
    return any(fits)  # every secret was tried, whichever fits
