"""The functions: code, environment, logs."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from connector.errors import ConfigurationError
from connector.settings import Settings
from connector.table import LEASE_SECONDS
from tests.template.conftest import ROOT, OfType

FUNCTIONS = {
    "ApiFunction": "api",
    "SyncFunction": "sync",
    "WebhooksFunction": "webhooks",
    "GuardianFunction": "guardian",
    "CommandsFunction": "commands",
    "BulkImportsFunction": "bulk_imports",
    "BulkExportsFunction": "bulk_exports",
}


class Recorder(Mapping[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture(scope="module")
def functions(of_type: OfType) -> dict[str, dict[str, Any]]:
    return of_type("AWS::Lambda::Function")


def test_there_is_a_package_for_each_function(functions: dict[str, dict[str, Any]]) -> None:
    packages = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert set(functions) == set(FUNCTIONS)
    assert packages == set(FUNCTIONS.values())


@pytest.mark.parametrize(("function", "package"), FUNCTIONS.items())
def test_the_handler_is_where_the_template_says(
    functions: dict[str, dict[str, Any]], function: str, package: str
) -> None:
    handler = functions[function]["Handler"]
    assert handler == f"{package}.handler.handler"
    module, _, name = handler.rpartition(".")
    assert callable(getattr(import_module(module), name))


def test_the_layer_is_made_for_what_the_functions_run_on(
    template: dict[str, Any], of_type: OfType
) -> None:
    (layer,) = of_type("AWS::Lambda::LayerVersion").values()
    for properties in of_type("AWS::Lambda::Function").values():
        assert [properties["Runtime"]] == layer["CompatibleRuntimes"]
        assert properties["Architectures"] == [{"Ref": "Architecture"}]
    allowed = template["Parameters"]["Architecture"]["AllowedValues"]
    assert set(layer["CompatibleArchitectures"]) == set(allowed)


def test_the_environment_is_what_settings_read(functions: dict[str, dict[str, Any]]) -> None:
    """What the template sets is read by somebody, and what is read is set."""
    recorder = Recorder()
    Settings.of(recorder)
    powertools = {
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_METRICS_NAMESPACE",
        "POWERTOOLS_LOG_LEVEL",
    }
    stores = {"EVENT_BUS", "TABLE", "CLAIM_CHECK_BUCKET"}
    everybody = {"INSTANCES", "SECRET_PREFIX", "COMMERCE_LAYER_API_URL", "COMMERCE_LAYER_AUTH_URL"}
    own = {
        "api": {"TABLE", "ATTEMPT_DAYS", "TRANSFER_BUCKET", "EXPORTS"},
        "sync": stores,
        "webhooks": stores | {"WEBHOOK_QUEUE", "MAX_WEBHOOK_BYTES"},
        "guardian": {"TABLE", "WEBHOOK_TOPICS", "WEBHOOK_BASE_URL"},
        "commands": stores | {"COMMAND_QUEUE", "ATTEMPT_DAYS"},
        "bulk_imports": stores | {"TRANSFER_BUCKET", "IMPORT_CHUNK_SIZE", "IMPORT_SLOTS"},
        # What it publishes is never large.
        "bulk_exports": {"EVENT_BUS", "TABLE", "TRANSFER_BUCKET", "EXPORT_WINDOW", "EXPORT_SLOTS"},
    }
    given = {
        package: set(functions[function]["Environment"]["Variables"])
        for function, package in FUNCTIONS.items()
    }
    assert given == {package: names | everybody | powertools for package, names in own.items()}
    assert everybody.union(*own.values()) == recorder.asked


def test_the_environment_points_at_the_stack_s_own_resources(
    functions: dict[str, dict[str, Any]],
) -> None:
    environment = functions["WebhooksFunction"]["Environment"]["Variables"]
    api = functions["ApiFunction"]["Environment"]["Variables"]
    imports = functions["BulkImportsFunction"]["Environment"]["Variables"]
    assert api["TRANSFER_BUCKET"] == imports["TRANSFER_BUCKET"] == {"Ref": "Transfers"}
    assert imports["IMPORT_CHUNK_SIZE"] == {"Ref": "ImportChunkSize"}
    assert imports["IMPORT_SLOTS"] == {"Ref": "ImportSlots"}
    assert api["TABLE"] == {"Ref": "Table"}
    assert api["ATTEMPT_DAYS"] == {"Ref": "AttemptRetentionDays"}
    commands = functions["CommandsFunction"]["Environment"]["Variables"]
    assert commands["COMMAND_QUEUE"] == {"Ref": "CommandQueue"}
    assert commands["ATTEMPT_DAYS"] == {"Ref": "AttemptRetentionDays"}
    assert environment["WEBHOOK_QUEUE"] == {"Ref": "WebhookQueue"}
    assert environment["MAX_WEBHOOK_BYTES"] == {"Ref": "MaxWebhookBytes"}
    assert environment["EVENT_BUS"] == {"Ref": "EventBus"}
    assert environment["TABLE"] == {"Ref": "Table"}
    assert environment["CLAIM_CHECK_BUCKET"] == {"Ref": "ClaimChecks"}
    assert environment["INSTANCES"] == {"Fn::Join": [",", {"Ref": "Instances"}]}
    assert environment["SECRET_PREFIX"] == {"Ref": "SecretPrefix"}


def test_webhooks_call_the_api_of_the_stack_unless_it_has_another_address(
    template: dict[str, Any], functions: dict[str, dict[str, Any]]
) -> None:
    environment = functions["GuardianFunction"]["Environment"]["Variables"]
    own = {"Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}
    assert environment["WEBHOOK_TOPICS"] == {"Ref": "WebhookTopics"}
    assert environment["WEBHOOK_BASE_URL"] == {
        "Fn::If": ["OwnAddress", own, {"Ref": "WebhookBaseUrl"}]
    }
    assert template["Conditions"]["OwnAddress"] == {"Fn::Equals": [{"Ref": "WebhookBaseUrl"}, ""]}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("", True),
        ("orders.place", True),
        ("orders.place:customer+line_items.item,orders.approve", True),
        ("orders.place, orders.approve", True),
        ("orders", False),
        ("orders.place:", False),
        ("orders.place:customer;market", False),
        ("orders.place orders.approve", False),
        ("Orders.Place", False),
    ],
)
def test_a_deployment_takes_the_topics_that_settings_take(
    template: dict[str, Any], text: str, right: bool
) -> None:
    pattern = template["Parameters"]["WebhookTopics"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, text)) == right
    if right:
        Settings.of({"WEBHOOK_TOPICS": text})
    else:
        with pytest.raises(ConfigurationError, match="WEBHOOK_TOPICS"):
            Settings.of({"WEBHOOK_TOPICS": text})


def test_a_run_of_the_guardian_ends_before_its_lease(
    functions: dict[str, dict[str, Any]],
) -> None:
    assert functions["GuardianFunction"]["Timeout"] < LEASE_SECONDS


def test_no_secret_stands_in_the_template(
    template: dict[str, Any], functions: dict[str, dict[str, Any]]
) -> None:
    """Neither as a variable nor as a parameter: credentials live in Secrets Manager alone."""
    names = set(template["Parameters"])
    for properties in functions.values():
        names |= set(properties["Environment"]["Variables"])
    suspicious = re.compile(
        r"(client.?id|client.?secret|password|token|credential|_key$)", re.IGNORECASE
    )
    assert not [name for name in names if suspicious.search(name)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_logs_to_a_group_with_retention(of_type: OfType, function: str) -> None:
    properties = of_type("AWS::Lambda::Function")[function]
    groups = of_type("AWS::Logs::LogGroup")
    group = groups[properties["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_group_has_retention(of_type: OfType) -> None:
    for name, group in of_type("AWS::Logs::LogGroup").items():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name


def test_the_api_answers_before_api_gateway_gives_up(functions: dict[str, dict[str, Any]]) -> None:
    assert functions["ApiFunction"]["Timeout"] < 30
    assert functions["SyncFunction"]["Timeout"] < 900
