"""rules.toml speaks only of what the catalog and lists.toml know."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from connector.commerce_layer import catalog
from local.simulator.validation import checks, rules

FOLDER = Path(rules.__file__).parent
ROWS = [
    (section, name, key, operand)
    for section, rows in tomllib.loads((FOLDER / "rules.toml").read_text("utf-8")).items()
    for name, row in rows.items()
    for key, operand in row.items()
]


@pytest.mark.parametrize(("section", "name", "key", "operand"), ROWS)
def test_a_row_speaks_of_what_exists(section: str, name: str, key: str, operand: Any) -> None:
    kinds = [section]
    if section == "every":
        kinds = [kind for kind in catalog.types() if name in members(kind)]
    assert kinds
    assert all({name, *others(section, key, operand)} <= members(kind) for kind in kinds)
    assert key in {*checks.KEYS, "required", "required_if", "required_unless"}
    if key == "format":
        assert operand in rules.formats()
    if key == "inclusion" and isinstance(operand, str):
        assert rules.values(operand)
    if key == "most":
        target = catalog.resource(section).relationships[name].types[0]
        assert set(operand) <= set(catalog.resource(target).relationships)


def others(section: str, key: str, operand: Any) -> frozenset[str]:
    """A row of [every] holds only where the other attribute exists."""
    return frozenset() if section == "every" else rules.other_names(key, operand)


def members(kind: str) -> set[str]:
    resource = catalog.resource(kind)
    return {*resource.attributes, *resource.relationships, *resource.triggers}


def test_settings_are_attributes_of_the_organization() -> None:
    text = (FOLDER / "rules.toml").read_text("utf-8")
    named = set(re.findall(r'"organization\.(\w+)"', text))
    assert named
    assert named <= set(catalog.resource("organizations").attributes)


@pytest.mark.parametrize("name", ["import_types", "cleanup_types", "export_types"])
def test_jobs_speak_of_types_that_exist(name: str) -> None:
    assert rules.values(name) <= set(catalog.types())


def test_a_section_of_a_resource_overrules_the_catalog() -> None:
    keys = {rule.key for rule in rules.of("addresses") if rule.name == "phone"}
    assert keys == {"required_if"}
    assert "required" not in {r.key for r in rules.of("skus") if r.name == "shipping_category"}


@pytest.mark.parametrize("name", sorted(rules.formats()))
def test_a_sample_has_its_format(name: str) -> None:
    assert checks.matches(name, rules.formats()[name].sample.replace("#", "1"))
    assert not checks.matches(name, "§ (")
