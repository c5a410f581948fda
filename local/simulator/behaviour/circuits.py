"""What every resource with an external callback has: a circuit breaker and a shared secret."""

from functools import partial
from hashlib import sha256

from local.simulator.behaviour.transitions import Effect
from local.simulator.store import Record, Store

_CLOSED = {"circuit_state": "closed", "circuit_failure_count": 0}


def reset(store: Store, record: Record) -> Effect | None:
    if all(record.get(name) == value for name, value in _CLOSED.items()):
        return None
    return partial(store.change, record, _CLOSED)


def regenerate_secret(store: Store, record: Record) -> Effect:
    """The next secret follows from the last: the same calls give the same secrets, always."""
    secret = sha256(f"after {record.get('shared_secret')}".encode()).hexdigest()[:32]
    return partial(store.change, record, {"shared_secret": secret})
