"""What the steps of an import leave for each other in S3: small gzips of JSON."""

import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from bulk_imports.model import Import


class Files:
    """Of the bucket of the stack."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket

    def put(self, key: str, body: bytes, kind: str = "application/json") -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=kind)

    def get(self, key: str) -> bytes | None:
        try:
            body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return body

    def put_lines(self, key: str, lines: Iterable[str], *, header: str = "") -> None:
        """Text with its line ends, packed. What is the same text is the same object."""
        text = (header + "".join(lines)).encode(errors="surrogatepass")
        self.put(key, gzip.compress(text, compresslevel=3, mtime=0), "application/gzip")

    def lines(self, key: str) -> Iterator[Any]:
        """Of a gzip of JSON Lines. Raises FileNotFoundError."""
        packed = self.get(key)
        if packed is None:
            raise FileNotFoundError(key)
        text = gzip.decompress(packed).decode(errors="surrogatepass")
        return (json.loads(line) for line in text.split("\n") if line)

    def load(self, identifier: str) -> Import:
        found = self.get(f"work/{identifier}/plan.json")
        if found is None:
            raise FileNotFoundError(f"work/{identifier}/plan.json")
        return Import.loads(found)

    def save(self, plan: Import) -> None:
        self.put(plan.work("plan.json"), plan.dumps().encode())
