"""Webhook signatures: who may speak in Commerce Layer's name."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.commerce_layer.signatures import sign, verify

# Latin and other letters, as a secret might have them one day.
SECRETS = st.text(min_size=1, max_size=40)


def test_a_known_signature() -> None:
    body, secret = b'{"data":{}}', "0123456789abcdef0123456789abcdef"
    independent = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    assert sign(secret, body) == base64.b64encode(independent).decode()
    assert sign(secret, body).endswith("=")


@given(body=st.binary(max_size=200), secrets=st.lists(SECRETS, max_size=2), signer=SECRETS)
def test_accepted_if_and_only_if_a_current_secret_signed(
    body: bytes, secrets: list[str], signer: str
) -> None:
    assert verify(sign(signer, body), body, secrets) == (signer in secrets)


@given(body=st.binary(min_size=1, max_size=200), secret=SECRETS, data=st.data())
def test_one_byte_decides(body: bytes, secret: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(body) - 1))
    other = bytes([body[position] ^ data.draw(st.integers(1, 255))])
    altered = body[:position] + other + body[position + 1 :]
    assert not verify(sign(secret, body), altered, [secret])


@given(body=st.binary(max_size=50), secret=SECRETS, offered=st.text(max_size=60))
def test_no_other_text_is_a_signature(body: bytes, secret: str, offered: str) -> None:
    """Also letters that no header has."""
    assert verify(offered, body, [secret]) == (offered == sign(secret, body))


@pytest.mark.parametrize("cut", [1, 2, 10, 44])
def test_a_part_of_a_signature_is_none(cut: int) -> None:
    signature = sign("secret", b"body")
    assert not verify(signature[:-cut], b"body", ["secret"])
    assert not verify(signature * 2, b"body", ["secret"])


def test_without_secrets_nothing_is_right() -> None:
    assert not verify(sign("", b""), b"", [])
    assert not verify("", b"", [])
