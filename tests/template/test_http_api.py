"""The HTTP API: routes, who may call them, what is logged of a call."""

import re

import pytest

from api.routes import ROUTES
from tests.template.conftest import OfType, arn_of

WEBHOOK = "POST /webhooks/{instance}/{topic}"
IAM_OR_JWT = {"Fn::If": ["UseJwt", "JWT", "AWS_IAM"]}


@pytest.fixture(scope="module")
def routes(of_type: OfType) -> dict[str, dict[str, object]]:
    return {str(each["RouteKey"]): each for each in of_type("AWS::ApiGatewayV2::Route").values()}


def test_the_routes_are_those_that_the_api_function_answers(
    routes: dict[str, dict[str, object]], of_type: OfType
) -> None:
    assert set(routes) == {*ROUTES, WEBHOOK}
    assert len(of_type("AWS::ApiGatewayV2::Route")) == len(routes), "one route is there twice"
    targets = {str(each["Target"]) for key, each in routes.items() if key != WEBHOOK}
    assert targets == {str({"Fn::Sub": "integrations/${ApiIntegration}"})}
    integration = of_type("AWS::ApiGatewayV2::Integration")["ApiIntegration"]
    assert integration["IntegrationUri"] == arn_of("ApiFunction")
    assert integration["IntegrationType"] == "AWS_PROXY"
    assert integration["PayloadFormatVersion"] == "2.0"


def test_only_the_webhook_route_is_open(
    routes: dict[str, dict[str, object]], of_type: OfType
) -> None:
    """Its signature is the check; what stands behind it is the webhooks function alone."""
    opened = {key for key, each in routes.items() if each["AuthorizationType"] == "NONE"}
    assert opened == {WEBHOOK}
    assert routes[WEBHOOK]["Target"] == {"Fn::Sub": "integrations/${WebhooksIntegration}"}
    integration = of_type("AWS::ApiGatewayV2::Integration")["WebhooksIntegration"]
    assert integration["IntegrationUri"] == arn_of("WebhooksFunction")
    assert integration["PayloadFormatVersion"] == "2.0"


@pytest.mark.parametrize("key", ROUTES)
def test_no_other_route_is_open(routes: dict[str, dict[str, object]], key: str) -> None:
    """By default callers sign (AWS_IAM); with an issuer they bring a token with the scope."""
    scope = "commerce-layer:read" if key.startswith("GET ") else "commerce-layer:write"
    route = routes[key]
    assert route["AuthorizationType"] == IAM_OR_JWT
    assert route["AuthorizerId"] == {
        "Fn::If": ["UseJwt", {"Ref": "JwtAuthorizer"}, {"Ref": "AWS::NoValue"}]
    }
    assert route["AuthorizationScopes"] == {"Fn::If": ["UseJwt", [scope], {"Ref": "AWS::NoValue"}]}


def test_the_api_has_no_routes_but_those_above(of_type: OfType) -> None:
    """Neither an imported description nor a quick-create target, which would be an open route."""
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    assert set(api) == {"Name", "ProtocolType"}


def test_the_authorizer_checks_issuer_and_audience(
    template: dict[str, dict[str, object]], of_type: OfType
) -> None:
    (authorizer,) = of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {
        "Issuer": {"Ref": "JwtIssuer"},
        "Audience": {"Ref": "JwtAudience"},
    }
    assert template["Conditions"]["UseJwt"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "JwtIssuer"}, ""]}]
    }


def test_only_this_api_may_invoke_its_functions(of_type: OfType) -> None:
    permissions = of_type("AWS::Lambda::Permission").values()
    functions = [each["FunctionName"]["Ref"] for each in permissions]
    assert sorted(functions) == ["ApiFunction", "WebhooksFunction"]
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${HttpApi}/*")


def test_the_access_log_tells_the_route_and_nothing_of_the_caller_s_data(
    of_type: OfType,
) -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["AccessLogSettings"]
    assert settings["DestinationArn"] == arn_of("ApiAccessLogGroup")
    logged = set(re.findall(r"\$context\.([A-Za-z.]+)", settings["Format"]))
    assert logged >= {"requestId", "routeKey", "status", "responseLatency"}
    # Paths and queries hold ids and e-mail addresses; identities and claims name people.
    assert not [
        n for n in logged if re.search(r"path|query|identity|claims|domain", n, re.IGNORECASE)
    ]


def test_the_api_is_throttled(of_type: OfType) -> None:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}
    assert stage["RouteSettings"] == {
        WEBHOOK: {
            "ThrottlingRateLimit": {"Ref": "WebhookThrottleRate"},
            "ThrottlingBurstLimit": {"Ref": "WebhookThrottleBurst"},
            "DetailedMetricsEnabled": True,
        }
    }
