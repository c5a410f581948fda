"""What an export leaves in the bucket: its parts, the ids in each, its manifest.

A part goes through a file in /tmp: S3 gets it whole, with its checksum, or not at all.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any

from bulk_exports.download import Broken
from bulk_exports.rows import Row

# Bytes of a part, packed: /tmp has 512 MB.
MOST_PART = 400 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Files:
    """`s3` is a client of S3."""

    s3: Any
    bucket: str

    def write_part(self, key: str, ids_key: str, rows: Iterable[Row]) -> dict[str, Any]:
        """What the manifest says of it. Raises what `rows` raises, and Broken."""
        ids: dict[str, None] = {}
        with TemporaryFile() as file:
            size, unpacked = _pack(file, _noting(rows, ids))
            checksum = self._put(key, file, size)
        with TemporaryFile() as file:
            ids_size, _ = _pack(file, ids)
            self._put(ids_key, file, ids_size)
        known = list(ids)
        return {
            "key": key,
            "ids_key": ids_key,
            "count": len(known),
            "first_id": known[0] if known else None,
            "last_id": known[-1] if known else None,
            "bytes": size,
            "unpacked_bytes": unpacked,
            "sha256": checksum.hex(),
        }

    def ids(self, ids_key: str) -> Iterator[str]:
        """Those in a part, in its order."""
        body = self.s3.get_object(Bucket=self.bucket, Key=ids_key)["Body"]
        with gzip.open(body, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n")

    def write_manifest(self, key: str, manifest: Mapping[str, Any]) -> None:
        body = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")

    def _put(self, key: str, file: IO[bytes], size: int) -> bytes:
        """The SHA-256 of what is in the file, which S3 checks."""
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
        file.seek(0)
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=file,
            ContentLength=size,
            ContentType="application/gzip",
            ChecksumSHA256=base64.b64encode(checksum).decode(),
        )
        return checksum


def _noting(rows: Iterable[Row], ids: dict[str, None]) -> Iterator[str]:
    for row in rows:
        if row.id is not None:
            if row.id in ids:
                raise Broken("a record is there twice")
            ids[row.id] = None
        yield row.line


def _pack(file: IO[bytes], lines: Iterable[str]) -> tuple[int, int]:
    """Bytes packed and unpacked. The same lines make the same bytes, whenever that is."""
    unpacked = 0
    with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0, compresslevel=6) as packed:
        for line in lines:
            unpacked += packed.write(f"{line}\n".encode())
            if file.tell() > MOST_PART:
                raise Broken(f"the part has over {MOST_PART >> 20} MB")
    return file.tell(), unpacked
