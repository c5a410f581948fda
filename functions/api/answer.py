"""What goes back to the caller."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
JSON_API = "application/vnd.api+json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    body: str = ""
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        """As API Gateway expects it."""
        headers = {"cache-control": "no-store", **self.headers}
        if self.body:
            headers["content-type"] = self.media_type
        return {"statusCode": self.status, "headers": headers, "body": self.body}


def dumps(value: Any) -> str:
    # Without escapes for other alphabets: a character then costs its bytes, not twelve. Half a
    # surrogate pair, which UTF-8 cannot spell, keeps its escape: Lambda could not return it.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace").decode()
