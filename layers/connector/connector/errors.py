"""Everything that the connector raises.

    ConnectorError
    ├── ConfigurationError          a secret or a setting is wrong; names which, never its value
    │   └── UnknownInstance         no such name in the stack parameter `Instances`
    ├── SecretUnavailable           Secrets Manager does not answer, or not now
    ├── InvalidRequest              the caller asked for something that cannot be asked
    ├── DeadlineExceeded            not enough of the invocation is left to begin or to wait
    ├── PublishFailed               the event bus refused entries, also when asked again
    ├── TableBusy                   the table left items undone, also when asked again
    ├── AttemptBusy                 somebody else is at the same write, or at the same record
    ├── KeyReused                   another request was made under the same key
    ├── StreamError                 a sync stream cannot run
    │   ├── StreamBusy              another run holds the lease
    │   ├── LeaseLost               another run took the lease over while this one was working
    │   └── StreamChanged           resource or filter changed under the stream's name
    └── CommerceLayerError          what came, or did not come, from Commerce Layer
        ├── AuthenticationRefused   our client id, client secret or token was refused
        ├── PermissionDenied        the credential may not do this
        ├── NotFound                no such record or path
        ├── RequestRefused          another 4xx: invalid, locked, not unique
        ├── RateLimited             too many requests; `retry_after` tells when to come back
        ├── ServerFault             a 5xx, or an answer that is not JSON
        ├── Unreachable             no connection, or the connection broke; nothing was done
        ├── UpstreamTimeout         no answer in time to a request that changes nothing
        └── OutcomeUnknown          a write was sent and no answer came: it may have happened

No message, argument or attribute of any of them holds a secret, a token or customer data.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class ConnectorError(Exception):
    """Base of all. `retryable`: the same call may succeed later, without anyone's help."""

    retryable = False


class ConfigurationError(ConnectorError):
    """The deployer has to change a secret, a parameter or an environment variable."""


class UnknownInstance(ConfigurationError):
    """The name is not configured, or is not a name at all."""


class SecretUnavailable(ConnectorError):
    """AWS has a fault, or throttles; the secret itself may be right."""

    retryable = True


class InvalidRequest(ConnectorError):
    """Caught before a request is spent: unknown names, wrong types, malformed ids.

    `pointer` is a JSON pointer into the caller's document, as in JSON:API errors.
    `status` is the HTTP status that says it best (400, 404, 405, 413, 415, 422).
    """

    def __init__(self, message: str, *, status: int = 400, pointer: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.pointer = pointer


class DeadlineExceeded(ConnectorError):
    """Stopped in time by our own clock, before anything was sent."""

    retryable = True


class PublishFailed(ConnectorError):
    """`published` are the ids of the events that are on the bus; the others are not, or it is
    not known."""

    retryable = True

    def __init__(self, message: str, *, published: Sequence[str]) -> None:
        super().__init__(message)
        self.published = list(published)


class TableBusy(ConnectorError):
    """DynamoDB took a batch in part only."""

    retryable = True


class AttemptBusy(ConnectorError):
    """`retry_after`: seconds until it is worth asking again."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KeyReused(ConnectorError):
    """An idempotency key or a command_id stands for one request only."""


class StreamError(ConnectorError):
    """A sync stream cannot run now."""


class StreamBusy(StreamError):
    """Another run of the stream is under way; the next tick goes on."""

    retryable = True


class LeaseLost(StreamError):
    """This run took so long that another one was let in; its last page is published twice."""

    retryable = True


class StreamChanged(StreamError):
    """The bookmark belongs to another resource or filter; reset the stream to go on."""


class CommerceLayerError(ConnectorError):
    """`status` is the HTTP status of the answer, or None if there was none.

    `errors` is Commerce Layer's own list of JSON:API error objects (always a list, also where
    the API answered with a single object). `request_id` is the answer's `x-request-id`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = list(errors)
        self.request_id = request_id


class AuthenticationRefused(CommerceLayerError):
    """You meet it when the secret is wrong, rotated or revoked."""


class PermissionDenied(CommerceLayerError):
    """The API credential exists but has no right to this resource or action."""


class NotFound(CommerceLayerError):
    """The id or the path does not exist."""


class RequestRefused(CommerceLayerError):
    """The request is understood and refused; sending it again changes nothing."""


class RateLimited(CommerceLayerError):
    """`retry_after`: seconds until the budget has room again, by our own count."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class ServerFault(CommerceLayerError):
    """Commerce Layer, or something in front of it, is broken right now."""

    retryable = True


class Unreachable(CommerceLayerError):
    """DNS, TCP or TLS failed, or the connection broke before a safe request was answered."""

    retryable = True


class UpstreamTimeout(CommerceLayerError):
    """A safe request got no answer in time."""

    retryable = True


class OutcomeUnknown(CommerceLayerError):
    """Read the record back before you decide to send the write again.

    `retry_after`: seconds after which the connector will read it back itself, when it is asked
    again under the same key; None where nobody will.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after
