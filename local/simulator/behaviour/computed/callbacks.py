"""What webhooks were sent, kept as the bytes that went out: a tenth of what parsed JSON takes."""

import json
from collections.abc import Mapping
from typing import Any

from local.simulator.behaviour.computed.common import Compute
from local.simulator.store import Record, Store


def _payload(_: Store, record: Record) -> Any:
    held = record.attributes.get("payload")
    return json.loads(held) if isinstance(held, bytes) else held


COMPUTED: Mapping[str, Mapping[str, Compute]] = {"event_callbacks": {"payload": _payload}}
