"""What the run has to say at its end, and what it may not say at any time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.contract.watch import Watch

HIDDEN = "***"


@dataclass
class Report:
    """`observed` is what the facts leave open: told, not judged."""

    watch: Watch | None = None
    run: str = ""
    observed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    _hidden: set[str] = field(default_factory=set)

    def hide(self, secret: str) -> None:
        """As it is, and as it stands inside a quoted text."""
        self._hidden |= {str(secret), repr(str(secret))[1:-1], json.dumps(str(secret))[1:-1]}

    def redacted(self, text: str) -> str:
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def lines(self) -> Iterator[str]:
        if self.watch is None:
            return
        counts = ", ".join(f"{self.watch.sent(kind)} {kind}" for kind in self.watch.kinds())
        refused = self.watch.refused_by_limit()
        yield f"run {self.run}: {counts}; {refused} refused by a rate limit"
        for question, answer in sorted(self.observed.items()):
            yield f"observed: {question}: {answer}"
        for each in self.left:
            yield f"NOT DELETED: {each}"


def redact(report: Report, outcome: pytest.TestReport) -> None:
    """Take out of a test's report whatever is hidden."""
    text = str(outcome.longrepr or "")
    if (plain := report.redacted(text)) != text:
        outcome.longrepr = plain
    outcome.sections = [(name, report.redacted(content)) for name, content in outcome.sections]
