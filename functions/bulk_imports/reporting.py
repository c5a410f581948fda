"""The report: one line for every row, what failed once more, and the summary of it all."""

import gzip
import json
from collections import Counter
from typing import Any

from bulk_imports.carrying import Decided, State, read_outcomes
from bulk_imports.columns import describe
from bulk_imports.files import Files
from bulk_imports.model import Import
from bulk_imports.settling import FAILED, NOT_ATTEMPTED, OK, UNKNOWN, Reasons
from connector import planner
from connector.import_ledger import Ledger

PART = 8 << 20  # of an upload in parts; S3 asks for at least 5 MB
STATUSES = (OK, FAILED, NOT_ATTEMPTED, UNKNOWN)


def write_part(
    files: Files,
    plan: Import,
    number: int,
    decided: Decided,
    otherwise: tuple[str, Reasons] = (NOT_ATTEMPTED, []),
) -> dict[str, int]:
    """The report of one chunk, and its rows that may be sent again. The counts of it.

    `otherwise` is what became of rows that nothing was decided of.
    """
    lines, again, counts = list[str](), list[str](), Counter[str]()
    ids = json.loads(files.get(plan.chunk_key("ids", number, "json")) or b"{}")
    for row, line, raw, sent, reasons in files.lines(plan.chunk_key("chunks", number)):
        status, why = (FAILED, reasons) if reasons else decided.get(row, otherwise)
        counts[status] += 1
        told = {
            "row": row,
            "line": line,
            "key": describe(plan.resource, sent),
            "status": status,
            "reasons": why,
            "id": sent.get("id") or ids.get(str(row)),
        }
        lines.append(json.dumps(told, ensure_ascii=False) + "\n")
        if _again(plan, status):
            again.append(raw if raw.endswith("\n") else raw + "\n")
    files.put_lines(plan.chunk_key("reports", number), lines)
    # An empty one takes the place of what a run before may have left.
    files.put_lines(plan.chunk_key("failed", number), again)
    return {status: counts[status] for status in STATUSES}


def _again(plan: Import, status: str) -> bool:
    """Not what a dry run would have sent, nor what might then be there twice."""
    if status == NOT_ATTEMPTED:
        return not plan.options.dry_run
    return status == FAILED or (status == UNKNOWN and plan.keyed)


def report(files: Files, ledger: Ledger, plan: Import) -> dict[str, Any]:
    """All chunks' reports as one, in the order of the rows. The summary, which is kept too."""
    counts = Counter[str](dict.fromkeys(STATUSES, 0))
    chunks = 0 if plan.problem else plan.chunks
    for number in range(1, chunks + 1):
        counts.update(_counts(files, ledger, plan, number))
    addresses: dict[str, str | None] = {"report": None, "failed": None}
    if chunks:
        addresses["report"] = key = plan.report("report.jsonl.gz")
        _join(files, plan, "reports", key, b"")
    if counts[FAILED] + counts[NOT_ATTEMPTED] + counts[UNKNOWN]:
        addresses["failed"] = key = plan.report(f"failed.{plan.format}.gz")
        _join(files, plan, "failed", key, _header(plan))
    summary = {
        "import": plan.id,
        "instance": plan.instance,
        "resource": plan.resource,
        "status": _status(plan),
        "problem": plan.problem,
        "file": {"bucket": plan.source.bucket, "key": plan.source.key},
        "counts": {
            "rows": sum(counts.values()),
            **{status.replace(" ", "_"): counts[status] for status in STATUSES},
        },
        "plan": _plan(plan, chunks),
        "notes": plan.notes,
        "bucket": files.bucket,
        "summary": plan.report("summary.json"),
        **addresses,
    }
    files.put(plan.report("summary.json"), json.dumps(summary, indent=2).encode())
    return summary


def _status(plan: Import) -> str:
    if plan.problem:
        return "refused"
    return "dry run" if plan.options.dry_run else "done"


def _counts(files: Files, ledger: Ledger, plan: Import, number: int) -> dict[str, int]:
    state = State(**ledger.chunk(plan.id, number)[0])
    if state.counts is not None:
        return state.counts
    # Nothing was to be sent at all, or its task failed to the end.
    decided = read_outcomes(files, plan, number, state.passes)
    left = state.left(keyed=plan.keyed)
    why = state.problem or ("Its job was not followed to its end." if left == UNKNOWN else "")
    reasons = [{"field": "", "reason": why}] if why else []
    return write_part(files, plan, number, decided, (left, reasons))


def _plan(plan: Import, chunks: int) -> dict[str, Any]:
    """What the jobs were expected to cost, against one write after the other."""
    good = plan.rows - plan.invalid if chunks else 0
    jobs = chunks * planner.JOB
    alone = good * (planner.WRITE + (planner.LOOKUP if plan.keyed else 0))
    return {
        "import_jobs": chunks,
        "requests": jobs,
        "requests_one_by_one": alone,
        "explanation": f"{good:,} rows in {chunks:,} import jobs: about {jobs:,} requests in all,"
        f" instead of {alone:,}.",
    }


def _header(plan: Import) -> bytes:
    """As it stood in the file."""
    if not plan.header:
        return b""
    return gzip.compress((plan.header.rstrip("\r\n") + "\n").encode(), mtime=0)


def _join(files: Files, plan: Import, folder: str, key: str, header: bytes) -> None:
    """Gzips one after the other are a gzip; parts are sent as soon as they are large enough."""
    waiting, upload = header, None
    parts: list[dict[str, Any]] = []
    at = {"Bucket": files.bucket, "Key": key}
    for number in range(1, plan.chunks + 1):
        waiting += files.get(plan.chunk_key(folder, number)) or b""
        if len(waiting) >= PART:
            upload = (
                upload
                or files.s3.create_multipart_upload(**at, ContentType="application/gzip")[
                    "UploadId"
                ]
            )
            parts.append(_part(files, at, upload, waiting, len(parts) + 1))
            waiting = b""
    if upload is None:
        files.put(key, waiting, "application/gzip")
        return
    if waiting:
        parts.append(_part(files, at, upload, waiting, len(parts) + 1))
    files.s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})


def _part(
    files: Files, at: dict[str, str], upload: str, body: bytes, number: int
) -> dict[str, Any]:
    answer = files.s3.upload_part(**at, UploadId=upload, PartNumber=number, Body=body)
    return {"ETag": answer["ETag"], "PartNumber": number}
