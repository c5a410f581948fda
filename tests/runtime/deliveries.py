"""Webhook deliveries to the deployed stack, signed as Commerce Layer signs them."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from connector.commerce_layer.signatures import sign
from local.stack import Stack
from local.stack.stack import SAMPLE_WEBHOOK_SECRETS


def order(**attributes: Any) -> bytes:
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    attributes |= {"updated_at": stamp, "created_at": stamp}
    record = {"type": "orders", "id": uuid4().hex[:10], "attributes": attributes}
    return json.dumps({"data": record}).encode()


def deliver(stack: Stack, body: bytes) -> httpx.Response:
    """As Commerce Layer does it: nobody signs this for API Gateway."""
    topic = "orders.place"
    (secret,) = SAMPLE_WEBHOOK_SECRETS[topic]
    headers = {
        "content-type": "application/json",
        "x-commercelayer-topic": topic,
        "x-commercelayer-signature": sign(secret, body),
    }
    address = f"{stack.url}/webhooks/default/{topic}"
    return httpx.post(address, content=body, headers=headers, timeout=20)


def wait(done: Callable[[], Any], within: float = 60) -> Any:
    """Until `done` is true; what it said."""
    until = time.monotonic() + within
    while not (answer := done()):
        assert time.monotonic() < until, "It did not happen."
        time.sleep(0.1)
    return answer
