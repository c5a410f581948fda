"""The signature by which a receiver knows that a webhook is genuine."""

import base64
import hmac


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 over the raw body, in base64."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
