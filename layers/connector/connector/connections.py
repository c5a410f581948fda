"""Where a client comes from: the parts put together, and kept while the container is warm."""

from functools import partial
from threading import Lock

from connector import aws, instances
from connector.commerce_layer.client import Client, Session
from connector.commerce_layer.transport import Transport
from connector.deadline import Deadline

# Made while the container starts, when Lambda gives a full processor: certificates are loaded,
# and what botocore knows of the service.
_transport = Transport()
aws.client("secretsmanager")

_sessions: dict[str, Session] = {}
_connecting = Lock()


def connect(name: str, deadline: Deadline) -> Client:
    """A client of the instance of that name, for one invocation.

    Raises UnknownInstance or ConfigurationError. Asks nothing of Commerce Layer yet.
    """
    instance = instances.load(name)
    with _connecting:
        session = _sessions.get(name)
        if session is None or session.tokens.instance != instance:  # new, or a new secret
            load = partial(instances.load, name)
            session = _sessions[name] = Session(instance, load, _transport)
    return Client(session, deadline)


def transport() -> Transport:
    """For requests to other addresses than Commerce Layer's; it adds no credentials to them."""
    return _transport


def forget() -> None:
    """Drop sessions, connections and cached secrets, for tests."""
    with _connecting:
        _sessions.clear()
        _transport.close()  # it opens new ones when it is asked to
    instances.forget()
