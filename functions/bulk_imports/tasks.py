"""What each task of the state machine does, with its services put together."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from bulk_imports import carrying, planning, reporting
from bulk_imports.announcing import Announcer
from bulk_imports.files import Files
from bulk_imports.jobs import Jobs
from bulk_imports.model import Import, Refused, Source
from connector import aws
from connector import event_bus as bus
from connector.commerce_layer.changes import print_time
from connector.commerce_layer.client import Client
from connector.connections import connect
from connector.deadline import Deadline
from connector.import_ledger import Ledger
from connector.job_slots import JobSlots
from connector.settings import settings

# Made while the container starts, when Lambda gives a full processor.
aws.client("s3")
aws.client("dynamodb")

Event = Mapping[str, Any]


def plan(event: Event, deadline: Deadline) -> dict[str, Any]:
    """Read and check the file. Its status says how the state machine goes on."""
    source = Source.of(event["detail"])
    if source.key.endswith("/"):  # a folder, as consoles make them
        return {"import": source.import_id, "status": "ignored", "chunks": []}
    found, files, ledger = planning.identify(source), _files(), _ledger()
    if not ledger.begin(found.id, event["execution"], _told(found, "planning")):
        return {"import": found.id, "status": "duplicate", "chunks": []}
    planner = planning.Planner(files, found, deadline)
    try:
        if not planner.run(_metadata(files, source), settings().import_chunk_size):
            return {"import": found.id, "status": "again", "chunks": []}
    except Refused as refusal:
        planner.plan.problem = {"code": refusal.code, "message": str(refusal)}
    made = planner.plan
    files.save(made)
    if made.problem or made.options.dry_run:
        return {"import": made.id, "status": "report", "chunks": []}
    ledger.tell(made.id, _told(made, "importing"))
    return {"import": made.id, "status": "import", "chunks": list(range(1, made.chunks + 1))}


def carry(event: Event, deadline: Deadline) -> dict[str, Any]:
    files = _files()
    found = files.load(event["import"])
    client = connect(found.instance, deadline)
    organization = _source(found, client)
    services = carrying.Services(
        files=files,
        ledger=_ledger(),
        jobs=Jobs(client),
        slots=JobSlots(
            aws.client("dynamodb"),
            settings().table,
            f"{organization.organization or client.instance.slug}#{organization.mode}",
            "imports",
        ),
        slot_limit=settings().import_slots,
        deadline=deadline,
        announcer=Announcer(client, _bus(), organization, found.resource, found.id),
        finish=partial(reporting.write_part, files),
    )
    return asdict(carrying.carry_on(services, found, event["chunk"]))


def report(event: Event, _: Deadline) -> dict[str, Any]:
    """First the report, then the event of it, then what the API tells."""
    files, ledger = _files(), _ledger()
    found = files.load(event["import"])
    summary = reporting.report(files, ledger, found)
    _finish(found, summary, ledger)
    return {"import": found.id, "status": summary["status"], "counts": summary["counts"]}


def fail(event: Event, _: Deadline) -> dict[str, Any]:
    """Whoever waits for the import hears that it failed. What was applied is not known here."""
    found = planning.identify(Source.of(event["detail"]))
    summary = {
        "import": found.id,
        "instance": found.instance,
        "resource": found.resource,
        "status": "failed",
        "problem": {
            "code": "failed",
            "message": "The connector failed at it; the log of the function tells why.",
        },
        "file": {"bucket": found.source.bucket, "key": found.source.key},
    }
    _finish(found, summary, _ledger())
    return {"import": found.id, "status": "failed"}


def _finish(found: Import, summary: dict[str, Any], ledger: Ledger) -> None:
    completed_at = print_time(datetime.now(UTC))
    source = bus.Source(
        instance=found.instance, origin="import", correlation_id=found.id, organization=None
    )
    resource = {"type": "imports", "id": found.id, "updated_at": completed_at, **summary}
    event_id = bus.version_id(found.instance, "import", "imports", found.id, summary["status"])
    _bus().publish([bus.envelope(source, "import.completed", event_id, resource, completed_at)])
    ledger.tell(found.id, {**_told(found, summary["status"]), **summary, "at": completed_at})


def _told(found: Import, status: str) -> dict[str, Any]:
    """What `GET /instances/{instance}/imports/{id}` answers."""
    return {
        "import": found.id,
        "instance": found.instance,
        "resource": found.resource,
        "status": status,
        "file": {"bucket": found.source.bucket, "key": found.source.key},
        "rows": found.rows,
        "chunks": found.chunks,
        "at": print_time(datetime.now(UTC)),
    }


def _metadata(files: Files, source: Source) -> dict[str, str]:
    try:
        answer = files.s3.head_object(Bucket=source.bucket, Key=source.key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        raise Refused("changed", "The object was deleted before it was read.") from None
    found: dict[str, str] = answer.get("Metadata", {})
    return found


def _source(found: Import, client: Client) -> bus.Source:
    claims = client.claims()  # none, if the token is no JWT
    organization, test = claims.get("organization") or {}, claims.get("test")
    return bus.Source(
        instance=found.instance,
        origin="import",
        correlation_id=found.id,
        organization=organization.get("slug"),
        mode=None if test is None else "test" if test else "live",
    )


def _files() -> Files:
    return Files(aws.client("s3"), settings().transfer_bucket)


def _ledger() -> Ledger:
    return Ledger(aws.client("dynamodb"), settings().table)


def _bus() -> bus.EventBus:
    own = settings()
    return bus.EventBus(
        aws.client("events"),
        own.event_bus,
        bucket=own.claim_check_bucket,
        s3=lambda: aws.client("s3"),
    )
