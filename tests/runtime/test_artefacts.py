"""What `sam build` makes, opened: this is what runs in AWS."""

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from local.processes import run
from local.stack import deployment
from local.tools import BUILD, FUNCTIONS, ROOT, RUNTIME_PYTHON, SAM
from tests.runtime.conftest import needs_tools

pytestmark = [needs_tools, pytest.mark.slow]

MEGABYTE = 1024 * 1024
ARTEFACTS = {"ConnectorLayer": "/opt"} | dict.fromkeys(FUNCTIONS.values(), "/var/task")
# In the flag word of bytecode: checked by a hash of the source, and not even that.
UNCHECKED_HASH = (1).to_bytes(4, "little")


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_every_module_has_bytecode_that_lambda_takes_as_it_is(built: Path, artefact: str) -> None:
    """Otherwise each cold start compiles it again: the places it runs from are read-only."""
    magic = subprocess.run(
        [RUNTIME_PYTHON, "-c", "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    sources = list((built / artefact).rglob("*.py"))
    assert sources
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert compiled.exists(), f"{source} has no bytecode"
        head = compiled.read_bytes()[:16]
        assert head[:4].hex() == magic, f"{source} is compiled for another Python"
        assert head[4:8] == UNCHECKED_HASH, f"{source} would be compared with its bytecode"
        assert head[8:] == importlib.util.source_hash(source.read_bytes()), f"{source} is newer"
    caches = list((built / artefact).rglob("*.pyc"))
    assert len(caches) == len(sources), "bytecode without a source"


@pytest.mark.parametrize(("artefact", "place"), ARTEFACTS.items())
def test_stack_traces_name_the_files_where_lambda_has_them(
    built: Path, artefact: str, place: str
) -> None:
    package = {function: name for name, function in FUNCTIONS.items()}.get(artefact)
    module = f"{package}/handler" if package else "python/connector/errors"
    folder, _, name = module.rpartition("/")
    compiled = built / artefact / folder / "__pycache__" / f"{name}.cpython-313.pyc"
    assert f"{place}/{module}.py".encode() in compiled.read_bytes()


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_no_compiled_extension_is_inside(built: Path, artefact: str) -> None:
    """One artefact then serves both processors."""
    found = [path for path in (built / artefact).rglob("*") if path.suffix in {".so", ".pyd"}]
    assert not found


def test_the_layer_holds_what_is_locked_and_nothing_else(built: Path) -> None:
    locked = re.findall(
        r"^([a-z0-9-]+)==(\S+)",
        (ROOT / "layers/connector/requirements.txt").read_text(),
        re.MULTILINE,
    )
    packages = {
        path.name.removesuffix(".dist-info").lower().replace("_", "-")
        for path in (built / "ConnectorLayer/python").glob("*.dist-info")
    }
    assert packages == {f"{name}-{version}" for name, version in locked}
    assert not packages & {"pydantic", "aws-xray-sdk", "moto", "pytest", "awslambdaric"}


def test_our_package_is_there_without_its_tools(built: Path) -> None:
    ours = built / "ConnectorLayer/python/connector"
    assert (ours / "commerce_layer/catalog.json").exists()
    source = ROOT / "layers/connector/connector"
    assert _files(ours, "*.py") == _files(source, "*.py")
    assert not list((built / "ConnectorLayer").rglob("make_catalog*"))


@pytest.mark.parametrize(("package", "function"), FUNCTIONS.items())
def test_a_function_is_its_own_package_alone(built: Path, function: str, package: str) -> None:
    assert [path.name for path in (built / function).iterdir()] == [package]
    assert _files(built / function / package) == _files(ROOT / "functions" / package)


def test_the_layer_stays_small(built: Path) -> None:
    size = sum(path.stat().st_size for path in (built / "ConnectorLayer").rglob("*"))
    assert size <= 70 * MEGABYTE, f"{size / MEGABYTE:.0f} MB"


def test_two_builds_are_the_same_to_the_byte(built: Path, tmp_path: Path) -> None:
    """So that a deployment replaces what changed, and anybody can check what runs."""
    with deployment.the_build():
        deployment.build(tmp_path / "first.log")
        first = _digests(BUILD)
        run(
            [SAM, "build", "--no-cached", "--build-dir", tmp_path / "again"],
            environment=deployment.environment(tmp_path),
            directory=ROOT,
            log=tmp_path / "second.log",
        )
    second = _digests(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def _files(folder: Path, pattern: str = "*") -> set[str]:
    """Files below `folder` without bytecode, relative to it."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def _digests(build: Path) -> dict[str, str]:
    def entries() -> Iterator[tuple[str, str]]:
        for artefact in ARTEFACTS:
            for path in (build / artefact).rglob("*"):
                if path.is_file():
                    yield str(path.relative_to(build)), sha256(path.read_bytes()).hexdigest()

    return dict(entries())
