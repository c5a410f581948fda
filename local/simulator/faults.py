"""Faults on demand: which request goes wrong, and how."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from random import Random
from threading import Lock
from typing import Any

KINDS = {
    "500": "Commerce Layer's own error object",
    "502": "an empty answer of the edge",
    "503": "an empty answer of the edge",
    "504": "an empty answer of the edge",
    "html": "a page of HTML with status 503",
    "html_200": "a page of HTML with status 200",
    "429": "too many requests, in the shape of the switch throttled_errors",
    "429_object": "too many requests, `errors` an object",
    "429_list": "too many requests, `errors` a list",
    "slow": "the answer comes after `delay` seconds",
    "hang": "no answer; the connection stays open until the client gives up",
    "reset": "the connection is reset before anything is done",
    "reset_after": "the connection is reset after the request was carried out",
    "truncate": "the request is carried out, and half of the answer is sent",
    "close": "the answer is sent, then the connection is closed without notice",
    "query_timeout": "an export fails while it runs; `path` is the export's, /api/exports/<id>",
    "expire_tokens": "every token is refused from this request on",
}

# In place of a method, for what happens to a job between requests; of these kinds.
RUN = "RUN"
_RUN_KINDS = {"query_timeout"}


@dataclass(slots=True)
class Rule:
    """Requests whose method and path match (`*` stands for anything), `times` of them or all.

    `script` names the fault of each matching request in turn, None for none; the rule ends with it.
    """

    kind: str | None = None
    method: str = "*"
    path: str = "*"
    probability: float = 1.0
    times: int | None = None
    delay: float = 0.0
    script: list[str | None] = field(default_factory=list)
    hits: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a kind that does not exist."""
        if self.script and self.times is None:
            self.times = len(self.script)
        for kind in [self.kind, *self.script] if not self.script else self.script:
            if kind not in KINDS and not (kind is None and self.script):
                raise ValueError(f"unknown fault {kind!r}; there are {', '.join(KINDS)}")
            if kind in _RUN_KINDS:
                self.method = RUN

    def matches(self, method: str, path: str) -> bool:
        left = self.times is None or self.hits < self.times
        methods = (RUN,) if method == RUN else ("*", method)
        return left and self.method in methods and fnmatchcase(path, self.path)


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    delay: float


class Faults:
    """The first rule that matches a request decides about it."""

    def __init__(self, seed: int) -> None:
        self._rules: list[Rule] = []
        self._random = Random(seed)
        self._lock = Lock()

    def add(self, kind: str, **rule: Any) -> Rule:
        """`add("reset_after", method="POST", path="/api/orders", times=1)`"""
        return self._append(Rule(kind, **rule))

    def script(self, kinds: Iterable[str | None], **rule: Any) -> Rule:
        """`script(["500", None, "reset"], path="/api/orders*")`: one a matching request."""
        return self._append(Rule(script=list(kinds), **rule))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def pick(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if not rule.matches(method, path):
                    continue
                if rule.probability < 1 and self._random.random() >= rule.probability:
                    continue
                kind = rule.script[rule.hits] if rule.script else rule.kind
                rule.hits += 1
                return Fault(kind, rule.delay) if kind else None
        return None

    def _append(self, rule: Rule) -> Rule:
        with self._lock:
            self._rules.append(rule)
        return rule
