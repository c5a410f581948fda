"""The authorization server: client credentials in, RS512 tokens out, revocation, JWKS."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from random import Random
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from local.simulator.clock import Clock
from local.simulator.environment import Environment
from local.simulator.errors import access_denied, invalid_token
from local.simulator.settings import Settings
from local.simulator.store import Record

# A new token is given out when the current one has less than this to live; both stay valid.
OVERLAP = 15 * 60


class AuthError(Exception):
    """Answered as the authorization server does: `status` is a number here, unlike in /api."""

    def __init__(self, status: int, code: str, title: str, detail: str) -> None:
        super().__init__(title)
        self.status = status
        self.error = {"title": title, "detail": detail, "code": code, "status": status}

    def body(self) -> bytes:
        return json.dumps({"errors": [self.error]}).encode()


@dataclass(frozen=True, slots=True)
class Credential:
    """`read_only` integrations may look at everything and write nothing."""

    environment: Environment
    client_id: str
    secret: str | None
    kind: str
    read_only: bool = False


def credentials(environment: Environment, plain_mode: str) -> Iterator[Credential]:
    """Those of `demo` are called demo-client, ... and in the other mode demo-live-client, ..."""
    mode = "" if environment.mode == plain_mode else f"-{environment.mode}"
    name, secret = f"{environment.slug}{mode}", f"{environment.slug}-secret"
    yield Credential(environment, f"{name}-client", secret, "integration")
    yield Credential(environment, f"{name}-read-only", secret, "integration", read_only=True)
    yield Credential(environment, f"{name}-sales", None, "sales_channel")


# What a storefront may write, and may not see. Everything else is for integrations to write.
_SALES_CHANNEL_WRITES = frozenset(
    "addresses adyen_payments axerve_payments braintree_payments checkout_com_payments "
    "customer_addresses customer_password_resets customer_payment_sources customer_subscriptions "
    "customers external_payments in_stock_subscriptions klarna_payments line_item_options "
    "line_items order_copies order_subscriptions orders paypal_payments return_line_items returns "
    "satispay_payments shipments stripe_payments wire_transfers".split()
)
_SALES_CHANNEL_BLIND = frozenset(
    "cleanups event_callbacks event_stores events exports imports links resource_errors "
    "webhooks".split()
)


@dataclass(slots=True)
class Token:
    """`expires` is in seconds of the simulator's clock."""

    text: str
    credential: Credential
    application: Record
    scope: str
    created: int
    expires: int


class Authority:
    def __init__(
        self, settings: Settings, clock: Clock, environments: Sequence[Environment]
    ) -> None:
        self.credentials = {
            credential.client_id: credential
            for environment in environments
            for credential in credentials(environment, settings.mode)
        }
        self._settings, self._clock = settings, clock
        self._random = Random(settings.random_seed)
        self._valid: dict[str, Token] = {}
        self._current: dict[tuple[str, str], Token] = {}
        self._applications: dict[str, Record] = {}

    def token(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The body of the answer. Unknown keys of the request are ignored. Raises AuthError."""
        if request.get("grant_type") != "client_credentials":
            raise AuthError(
                400,
                "BAD_REQUEST",
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
            )
        credential = self._authenticated(request)
        scope = _scope(credential, str(request.get("scope") or ""))
        now = int(self._clock.seconds())
        token = self._current.get((credential.client_id, scope))
        if token is None or not self._reusable(token, now):
            token = self._issue(credential, scope, now)
        return {
            "access_token": token.text,
            "token_type": "bearer",
            "expires_in": token.expires - now,
            "scope": scope,
            "created_at": token.created,
        }

    def verify(self, authorization: str) -> Token:
        """From the header's value. Raises ApiError 401."""
        scheme, _, text = authorization.partition(" ")
        token = self._valid.get(text.strip()) if scheme.lower() == "bearer" else None
        if token is None or token.expires <= self._clock.seconds():
            raise invalid_token()
        return token

    def mode(self, authorization: str) -> str:
        """Which limits hold for a request: those of its token, known or not."""
        token = self._valid.get(authorization.partition(" ")[2].strip())
        return token.credential.environment.mode if token else self._settings.mode

    def revoke(self, request: Mapping[str, Any]) -> None:
        token = self._valid.get(str(request.get("token")))
        credential = self.credentials.get(str(request.get("client_id")))
        if (
            credential is None
            or (token and token.credential != credential)
            or (credential.secret is not None and request.get("client_secret") != credential.secret)
        ):
            raise AuthError(
                403,
                "FORBIDDEN",
                "unauthorized_client",
                "You are not authorized to revoke this token",
            )
        if token:
            self._forget(token)

    def expire_all(self) -> None:
        """Every token that was given out is refused from now on."""
        for token in list(self._valid.values()):
            self._forget(token)

    def jwks(self) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(_private_key().public_key(), as_dict=True)
        return {"keys": [{**key, "use": "sig", "alg": "RS512", "kid": _key_id()}]}

    def _authenticated(self, request: Mapping[str, Any]) -> Credential:
        credential = self.credentials.get(str(request.get("client_id")))
        secret = request.get("client_secret")
        if credential is None or (credential.secret is not None and secret != credential.secret):
            raise AuthError(
                401,
                "UNAUTHORIZED",
                "invalid_client",
                "Client authentication failed due to unknown client, no client authentication "
                "included, or unsupported authentication method.",
            )
        return credential

    def _reusable(self, token: Token, now: int) -> bool:
        return (
            self._settings.reuse_tokens
            and token.text in self._valid
            and token.expires - now > OVERLAP
        )

    def _issue(self, credential: Credential, scope: str, now: int) -> Token:
        lifetime = (
            self._settings.sales_channel_lifetime
            if credential.kind == "sales_channel"
            else self._settings.integration_lifetime
        )
        application = self._application(credential)
        claims: dict[str, Any] = {
            "organization": {
                "id": credential.environment.organization.id,
                "slug": credential.environment.slug,
                "enterprise": False,
                "region": "eu-west-1",
            },
            "application": {
                "id": application.id,
                "kind": credential.kind,
                "client_id": credential.client_id,
                "public": credential.secret is None,
                "confidential": credential.secret is not None,
            },
            "scope": scope,
            "test": credential.environment.mode == "test",
            "exp": now + lifetime,
            "iat": now,
            "rand": self._random.random(),
            "iss": self._settings.issuer,
        }
        text = jwt.encode(claims, _private_key(), "RS512", headers={"kid": _key_id()})
        token = Token(text, credential, application, scope, now, now + lifetime)
        self._valid = {t.text: t for t in self._valid.values() if t.expires > now} | {text: token}
        self._current[credential.client_id, scope] = token
        return token

    def _application(self, credential: Credential) -> Record:
        if credential.client_id not in self._applications:
            self._applications[credential.client_id] = credential.environment.store.put(
                "applications",
                {
                    "name": credential.client_id,
                    "kind": credential.kind,
                    "public_access": credential.secret is None,
                    "scopes": "market:all",
                },
            )
        return self._applications[credential.client_id]

    def _forget(self, token: Token) -> None:
        self._valid.pop(token.text, None)


def check_permission(token: Token, method: str, kind: str) -> None:
    """Raises ApiError 401 UNAUTHORIZED, which the API answers where others say 403."""
    writing = method != "GET"
    if token.credential.read_only and writing:
        raise access_denied()
    if token.credential.kind == "sales_channel" and (
        kind in _SALES_CHANNEL_BLIND or (writing and kind not in _SALES_CHANNEL_WRITES)
    ):
        raise access_denied()


def _scope(credential: Credential, asked: str) -> str:
    scope = " ".join(asked.replace(",", " ").split())
    if credential.kind == "sales_channel" and "market:" not in scope:
        raise AuthError(
            400,
            "BAD_REQUEST",
            "invalid_scope",
            "The requested scope is invalid, unknown, or malformed.",
        )
    return scope or "market:all"


@cache
def _private_key() -> rsa.RSAPrivateKey:
    """One for all simulators of this process: making a key takes longer than all the rest."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _key_id() -> str:
    modulus = _private_key().public_key().public_numbers().n
    return sha256(modulus.to_bytes(256)).hexdigest()
