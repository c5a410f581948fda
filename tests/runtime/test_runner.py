"""The runner of the Lambda runtime itself, with functions of a few lines."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.lambda_runtime import LambdaRuntime
from tests.runtime.conftest import needs_tools

pytestmark = needs_tools

Start = Callable[[str], LambdaRuntime]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the handler whose source is given."""
    with ExitStack() as running:

        def run(source: str) -> LambdaRuntime:
            (tmp_path / "small.py").write_text(source, encoding="utf-8")
            (tmp_path / "python").mkdir()
            configuration = {
                "Handler": "small.handler",
                "Timeout": 2,
                "MemorySize": 256,
                "Environment": {"Variables": {"COLOUR": "blue"}},
            }
            function = LambdaRuntime("Small", configuration, {}, code=tmp_path, layer=tmp_path)
            return running.enter_context(function)

        yield run


def test_a_container_is_warm_after_its_first_invocation(start: Start) -> None:
    runtime = start("count = 0\ndef handler(e, c):\n global count; count += 1; return [e, count]")
    assert runtime.invoke({"a": 1}).payload == [{"a": 1}, 1]
    assert runtime.invoke("b").payload == ["b", 2]


def test_the_function_sees_its_configuration_and_nothing_of_ours(start: Start) -> None:
    runtime = start("import os, sys\ndef handler(e, c): return [dict(os.environ), sys.path]")
    environment, path = runtime.invoke({}).payload
    assert environment["COLOUR"] == "blue"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert "HOME" not in environment
    assert not [each for each in path if ".venv" in each]


def test_an_exception_is_told_as_lambda_tells_it(start: Start) -> None:
    answer = start("def handler(e, c): raise ValueError('no')").invoke({})
    assert answer.failed
    assert answer.payload["errorType"] == "ValueError"
    assert answer.payload["errorMessage"] == "no"


def test_a_timeout_ends_the_container(start: Start) -> None:
    runtime = start(
        "import time\ncount = 0\n"
        "def handler(e, c):\n global count; count += 1\n if e: time.sleep(60)\n return count"
    )
    assert runtime.invoke(None).payload == 1
    assert runtime.invoke("sleep").timed_out
    assert runtime.invoke(None).payload == 1, "a new container begins to count again"


def test_a_killed_container_is_followed_by_a_new_one(start: Start) -> None:
    runtime = start(
        "import time\ncount = 0\n"
        "def handler(e, c):\n global count; count += 1\n"
        " if e: print('asleep', flush=True); time.sleep(60)\n return count"
    )
    assert runtime.invoke(None).payload == 1
    with ThreadPoolExecutor() as background:
        killed = background.submit(runtime.invoke, "sleep")
        while "asleep" not in runtime.log():
            assert not killed.done()
        runtime.kill()
        assert killed.result().failed
    assert not killed.result().timed_out
    assert runtime.invoke(None).payload == 1


def test_what_the_function_prints_is_in_the_log(start: Start) -> None:
    runtime = start("def handler(e, c): print('hello', flush=True)")
    runtime.invoke({})
    assert "hello" in runtime.log()
