"""Secrets Manager: a secret is read or written, or an error names it.

No message holds a value, nor anything of AWS's own words, which may.
"""

from datetime import datetime
from typing import NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connector import aws
from connector.errors import ConfigurationError, SecretUnavailable

# What Secrets Manager says -> what the deployer does about it.
_FAULTS = {
    "AccessDeniedException": "may not be read: allow this function's role"
    " secretsmanager:GetSecretValue on it (and kms:Decrypt on its key)",
    "DecryptionFailure": "cannot be decrypted: allow this function's role kms:Decrypt on its key",
    "InvalidRequestException": "is scheduled for deletion: restore it",
}


class Secret(NamedTuple):
    """`version` is its id, `since` when that version was stored, if that is told."""

    text: str
    version: str
    since: datetime | None


def find(name: str, config: Config = aws.CONFIG) -> Secret | None:
    """None if there is no such secret.

    Raises ConfigurationError, or SecretUnavailable for what AWS may recover from by itself.
    """
    try:
        answer = aws.client("secretsmanager", config).get_secret_value(SecretId=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "ResourceNotFoundException":
            return None
        if code in _FAULTS:
            raise ConfigurationError(f"Secret {name!r} {_FAULTS[code]}.") from None
        raise SecretUnavailable(f"Secret {name!r} cannot be read now ({code}).") from None
    except BotoCoreError as error:
        fault = type(error).__name__
        raise SecretUnavailable(f"Secret {name!r} cannot be read now ({fault}).") from None
    if "SecretString" not in answer:
        raise ConfigurationError(f"Secret {name!r} is binary: store a JSON object as text.")
    return Secret(answer["SecretString"], answer["VersionId"], answer.get("CreatedDate"))


def put(name: str, text: str, description: str) -> None:
    """In place of what is there; `description` is for a new one. Raises SecretUnavailable."""
    client = aws.client("secretsmanager")
    try:
        try:
            client.put_secret_value(SecretId=name, SecretString=text)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=name, SecretString=text, Description=description)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise SecretUnavailable(f"Secret {name!r} cannot be written now ({code}).") from None
    except BotoCoreError as error:
        fault = type(error).__name__
        raise SecretUnavailable(f"Secret {name!r} cannot be written now ({fault}).") from None
