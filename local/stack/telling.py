"""How `make demo` and `make connect` tell their stories."""

import json
from typing import Any

from local.stack.stack import Stack


class StoryFailed(Exception):
    """Something did not happen that should have."""


def step(number: int, title: str) -> None:
    print(f"\n{number}. {title}", flush=True)


def call(
    stack: Stack, method: str, path: str, document: Any = None, *, expect: int = 200
) -> dict[str, Any]:
    answer = stack.request(method, path, document)
    print(f"   {method} {path}" + (f" {short(document)}" if document else ""))
    print(f"   {answer.status_code} {answer.reason_phrase}", flush=True)
    if answer.status_code != expect:
        raise StoryFailed(f"{method} {path} answered {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


def show(document: dict[str, Any], *names: str) -> None:
    """The named members only: whole answers are long."""
    print("     " + "  ".join(f"{n}: {short(document[n])}" for n in names if n in document))


def short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
