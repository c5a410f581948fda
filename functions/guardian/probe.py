"""The probe, sent: does our address, seen from outside, take what Commerce Layer signs?"""

import json
import re
from uuid import uuid4

from connector import probe
from connector.commerce_layer.messages import Request, Response
from connector.commerce_layer.signatures import SIGNATURE_HEADER, TOPIC_HEADER, sign
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline
from connector.errors import ConnectorError

# What Commerce Layer waits for an answer.
PATIENCE = 5.0

_CATEGORY = re.compile(r"[a-z-]{1,40}")


def send(
    transport: Transport, address: str, topic: str, secret: str, deadline: Deadline
) -> str | None:
    """None if it was accepted, else why not, without a word of what the address answered."""
    body = probe.body(uuid4().hex)
    headers = {
        "Content-Type": "application/json",
        TOPIC_HEADER: topic,
        SIGNATURE_HEADER: sign(secret, body),
    }
    request = Request("POST", address, headers, body, safe=True, kind="probe", endpoint="probe")
    try:
        response = transport.exchange(request, Deadline.after(min(PATIENCE, deadline.left())))
    except ConnectorError as error:
        return f"no answer ({type(error).__name__})"
    outcome = _outcome(response)
    if response.status == 200 and outcome == probe.ACCEPTED:
        return None
    return f"answered {response.status} ({outcome})"


def _outcome(response: Response) -> str:
    """The word by which the webhooks function says what it did; others may answer anything."""
    try:
        answer = json.loads(response.content)
        found = answer.get("outcome") or answer.get("category")
    except (ValueError, AttributeError):
        return "not ours"
    return found if isinstance(found, str) and _CATEGORY.fullmatch(found) else "not ours"
