"""The functions: code, environment, logs."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from connector.settings import Settings
from tests.template.conftest import ROOT, OfType

FUNCTIONS = {"ApiFunction": "api", "SyncFunction": "sync", "WebhooksFunction": "webhooks"}


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
        "api": {"TABLE", "ATTEMPT_DAYS"},
        "sync": stores,
        "webhooks": stores | {"WEBHOOK_QUEUE", "MAX_WEBHOOK_BYTES"},
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
    assert api["TABLE"] == {"Ref": "Table"}
    assert api["ATTEMPT_DAYS"] == {"Ref": "AttemptRetentionDays"}
    assert environment["WEBHOOK_QUEUE"] == {"Ref": "WebhookQueue"}
    assert environment["MAX_WEBHOOK_BYTES"] == {"Ref": "MaxWebhookBytes"}
    assert environment["EVENT_BUS"] == {"Ref": "EventBus"}
    assert environment["TABLE"] == {"Ref": "Table"}
    assert environment["CLAIM_CHECK_BUCKET"] == {"Ref": "ClaimChecks"}
    assert environment["INSTANCES"] == {"Fn::Join": [",", {"Ref": "Instances"}]}
    assert environment["SECRET_PREFIX"] == {"Ref": "SecretPrefix"}


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
