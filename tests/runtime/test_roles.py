"""The roles of template.yaml, enforced: enough for the work, and each statement is needed.

What the emulator cannot enforce (writing logs, the failure queue, the scheduler's own role) is held
by the table in tests/template/test_roles.py.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest

from local.simulator import Simulator
from local.stack import Stack, local_stack
from local.stack.stack import FunctionFailed
from tests.runtime.conftest import DECLARED, PARAMETERS, needs_tools
from tests.runtime.deliveries import deliver, order

pytestmark = [needs_tools, pytest.mark.stack, pytest.mark.slow]

# Above the size that an event carries by itself.
LARGE = {f"note-{number}": "x" * 1000 for number in range(250)}


@pytest.fixture(scope="module")
def strict(shop: Simulator) -> Iterator[Stack]:
    """A stack of its own in which functions may do what their role says and no more."""
    with local_stack(shop, enforce_roles=True, parameters=PARAMETERS) as stack:
        yield stack


def test_the_roles_are_enough(strict: Stack, shop: Simulator) -> None:
    assert connected(strict)
    assert synced(strict, shop)
    assert delivered(strict)
    assert guarded(strict, shop)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("ApiFunctionRole", "ReadInstances"),
        ("ApiFunctionRole", "SteerStreamsAndRememberAttempts"),
        ("SyncFunctionRole", "ReadInstances"),
        ("SyncFunctionRole", "KeepBookmarks"),
        ("SyncFunctionRole", "KnowRecords"),
        ("SyncFunctionRole", "Publish"),
        ("SyncFunctionRole", "StoreClaimChecks"),
        ("WebhooksFunctionRole", "ReadWebhookSecrets"),
        ("WebhooksFunctionRole", "Publish"),
        ("WebhooksFunctionRole", "StoreClaimChecks"),
        ("GuardianFunctionRole", "ReadInstances"),
        ("GuardianFunctionRole", "RunAlone"),
    ],
)
def test_a_function_cannot_work_without_the_statement(
    strict: Stack, shop: Simulator, role: str, statement: str
) -> None:
    with without(strict, role, statement):
        match role:
            case "ApiFunctionRole":
                works = connected(strict)
            case "SyncFunctionRole":
                works = synced(strict, shop)
            case "GuardianFunctionRole":
                works = guarded(strict, shop)
            case _:
                works = delivered(strict)
        assert not works, f"{statement} is not needed: take it out of template.yaml"


@pytest.mark.parametrize("action", ["UpdateItem", "BatchGetItem", "BatchWriteItem"])
def test_sync_needs_each_action_on_the_table(strict: Stack, shop: Simulator, action: str) -> None:
    with without(strict, "SyncFunctionRole", "KeepBookmarks", f"dynamodb:{action}"):
        assert not synced(strict, shop)


@pytest.mark.parametrize("action", ["GetSecretValue", "PutSecretValue", "CreateSecret"])
def test_the_guardian_needs_each_action_on_the_secrets(
    strict: Stack, shop: Simulator, action: str
) -> None:
    action = f"secretsmanager:{action}"
    with without(strict, "GuardianFunctionRole", "KeepWebhookSecrets", action):
        assert not guarded(strict, shop)


def guarded(stack: Stack, shop: Simulator) -> bool:
    """A webhook is made and its secret stored: in a new secret, and in one that is there."""
    secrets, name = stack.aws.client("secretsmanager"), "commerce-layer-webhooks/default"
    before = secrets.get_secret_value(SecretId=name)["SecretString"]
    cold(stack, "GuardianFunction")
    try:
        for there in (True, False):
            if not there:
                secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            if stack.invoke("GuardianFunction", {"instance": "default"})["made"] != 1:
                return False
            forget_webhooks(stack, shop)
    except FunctionFailed:
        return False
    finally:
        forget_webhooks(stack, shop)
        with suppress(secrets.exceptions.ResourceNotFoundException):
            secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        secrets.create_secret(Name=name, SecretString=before)
    return True


def forget_webhooks(stack: Stack, shop: Simulator) -> None:
    for each in shop.store.having("webhooks", "topic", DECLARED):
        if each.attributes["callback_url"].startswith(stack.url):
            shop.store.delete("webhooks", each.id)


@pytest.mark.parametrize("action", ["PutItem", "Query"])
def test_sync_needs_each_action_to_find_deletions(
    strict: Stack, shop: Simulator, action: str
) -> None:
    with without(strict, "SyncFunctionRole", "KnowRecords", f"dynamodb:{action}"):
        assert not synced(strict, shop)


@pytest.mark.parametrize("action", ["BatchGetItem", "UpdateItem"])
def test_the_api_needs_each_action_to_steer_streams(strict: Stack, action: str) -> None:
    with without(
        strict, "ApiFunctionRole", "SteerStreamsAndRememberAttempts", f"dynamodb:{action}"
    ):
        assert not connected(strict)


def connected(stack: Stack) -> bool:
    """A connection test; a stream shown and steered."""
    cold(stack, "ApiFunction")
    stream = "/instances/default/streams/skus"
    answers = [
        stack.request("GET", "/instances/default"),
        stack.request("GET", stream),
        stack.request("PATCH", stream, {"deletions": "check"}),
    ]
    return [answer.status_code for answer in answers] == [200] * 3


def synced(stack: Stack, shop: Simulator) -> bool:
    """One run over one record that is too large for an event, and a look for deleted ones."""
    stack.request("PATCH", "/instances/default/streams/skus", {"deletions": "check"})
    (sku, *_) = stack_records(shop)
    shop.store.update("skus", sku, {"metadata": LARGE})
    cold(stack, "SyncFunction")
    answer = stack.aws.client("lambda").invoke(
        FunctionName=stack.resource("SyncFunction"),
        Payload=json.dumps({"instance": "default", "stream": "skus", "from": "now"}),
    )
    payload = json.loads(answer["Payload"].read())
    return "FunctionError" not in answer and payload["published"] > 0


@pytest.mark.parametrize("action", ["PutItem", "BatchWriteItem"])
def test_webhooks_need_each_action_on_the_table(strict: Stack, action: str) -> None:
    """Without it a delivery is taken all the same, but twice."""
    with without(strict, "WebhooksFunctionRole", "RememberDeliveries", f"dynamodb:{action}"):
        body = order()
        assert deliver(strict, body).json() == {"outcome": "published"}
        assert deliver(strict, body).json()["outcome"] in ("published", "queued")


def delivered(stack: Stack) -> bool:
    """A delivery that is too large for an event, and once more."""
    cold(stack, "WebhooksFunction")
    body = order(metadata=LARGE)
    outcomes = [deliver(stack, body).json().get("outcome") for _ in range(2)]
    return outcomes == ["published", "duplicate"]


def stack_records(shop: Simulator) -> list[str]:
    return [record.id for record in shop.store.all("skus")]


def cold(stack: Stack, function: str) -> None:
    """New configuration, new containers: nothing is cached any more."""
    stack.configure(function, GENERATION=uuid4().hex)


@contextmanager
def without(stack: Stack, role: str, sid: str, action: str | None = None) -> Iterator[None]:
    """The role lacks a statement, or one action of it."""
    iam, name = stack.aws.client("iam"), stack.resource(role)
    policy = iam.get_role_policy(RoleName=name, PolicyName="connector")["PolicyDocument"]
    put(iam, name, {**policy, "Statement": list(reduced(policy["Statement"], sid, action))})
    try:
        yield
    finally:
        put(iam, name, policy)


def reduced(
    statements: list[dict[str, Any]], sid: str, action: str | None
) -> Iterator[dict[str, Any]]:
    assert sid in [each["Sid"] for each in statements]
    for each in statements:
        if each["Sid"] != sid:
            yield each
        elif action:
            assert action in each["Action"]
            yield {**each, "Action": [other for other in each["Action"] if other != action]}


def put(iam: Any, role: str, policy: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="connector", PolicyDocument=json.dumps(policy))
