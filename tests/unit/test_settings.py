"""The environment becomes one object, or a sentence that says what to change."""

import pytest

from connector.errors import ConfigurationError
from connector.settings import API_URL, AUTH_URL, Settings, Topic


def test_an_empty_environment_means_the_real_commerce_layer_and_one_instance() -> None:
    settings = Settings.of({})
    assert settings.instances == ("default",)
    assert settings.secret_prefix == "commerce-layer"
    assert (settings.api_url, settings.auth_url) == (API_URL, AUTH_URL)


def test_what_the_template_sets_is_taken_over() -> None:
    settings = Settings.of(
        {
            "INSTANCES": "shop, b2b",
            "SECRET_PREFIX": "/team/commerce/",
            "COMMERCE_LAYER_API_URL": "http://127.0.0.1:4010/{slug}/api/",
            "COMMERCE_LAYER_AUTH_URL": "",
            "EVENT_BUS": "bus",
            "TABLE": "table",
            "WEBHOOK_TOPICS": "orders.place:customer+line_items.item, orders.approve ,",
            "WEBHOOK_BASE_URL": "https://hooks.example.com/shop/",
        }
    )
    assert settings.instances == ("shop", "b2b")
    assert settings.secret_prefix == "team/commerce"
    assert settings.api_url == "http://127.0.0.1:4010/{slug}/api"
    assert settings.auth_url == AUTH_URL
    assert (settings.event_bus, settings.table) == ("bus", "table")
    assert settings.webhook_topics == (
        Topic("orders.place", ("customer", "line_items.item")),
        Topic("orders.approve"),
    )
    assert settings.webhook_base_url == "https://hooks.example.com/shop"


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"INSTANCES": " , "}, "INSTANCES is empty"),
        ({"INSTANCES": "Shop"}, "'Shop' is not a name"),
        ({"INSTANCES": "../a"}, "is not a name"),
        ({"INSTANCES": "-a"}, "is not a name"),
        ({"INSTANCES": "a" * 41}, "is not a name"),
        (
            {"INSTANCES": "a,b", "COMMERCE_LAYER_API_URL": "http://127.0.0.1:4010/api"},
            "put {slug} into the URL",
        ),
        ({"COMMERCE_LAYER_API_URL": "demo.commercelayer.io"}, "begin it with https://"),
        ({"WEBHOOK_BASE_URL": "hooks.example.com"}, "begin it with https://"),
        ({"WEBHOOK_TOPICS": "orders.place;customer"}, "'orders.place;customer' is not a topic"),
        ({"WEBHOOK_TOPICS": "orders.place,orders.place:market"}, "orders.place stands there twice"),
    ],
)
def test_a_wrong_environment_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.of(environment)
