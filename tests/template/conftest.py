"""template.yaml, as it is written and as CloudFormation gets it."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]

Resources = dict[str, dict[str, Any]]
OfType = Callable[[str], Resources]


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """As written; `!Ref x` is {"Ref": "x"}, and so on."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return parsed


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> Resources:
    """Plain CloudFormation, as the SAM transform makes it."""
    packaged = copy.deepcopy(template)
    packaged["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    packaged["Resources"]["ConnectorLayer"]["Properties"]["ContentUri"] = "s3://bucket/key"
    return translate(packaged)


def translate(packaged: dict[str, Any]) -> Resources:
    """What the SAM transform makes of a template whose code is in S3 already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        translated = Translator({}, Parser()).translate(packaged, {})
    found: Resources = translated["Resources"]
    return found


@pytest.fixture(scope="session")
def of_type(resources: Resources) -> OfType:
    """Properties of all resources of a type, by logical id."""
    return lambda kind: {
        name: each["Properties"] for name, each in resources.items() if each["Type"] == kind
    }


def arn_of(name: str) -> dict[str, list[str]]:
    """`!GetAtt name.Arn`."""
    return {"Fn::GetAtt": [name, "Arn"]}
