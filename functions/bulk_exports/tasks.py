"""What each task of the state machine does, with its services put together."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bulk_exports import rounds
from bulk_exports.counting import Counter
from bulk_exports.files import Files
from bulk_exports.jobs import Jobs
from bulk_exports.manifest import Manifest
from bulk_exports.model import DONE, MISSING, WAITING, Export, Plan, Refused
from connector import aws, instances
from connector import event_bus as bus
from connector.commerce_layer.changes import print_time
from connector.commerce_layer.client import Client
from connector.connections import connect
from connector.deadline import Deadline
from connector.errors import InvalidRequest, RequestRefused, UnknownInstance
from connector.exporting import EXPORT_ID, Order, described
from connector.job_slots import JobSlots
from connector.ledger import Ledger, Overtaken
from connector.settings import settings

# Made while the container starts, when Lambda gives a full processor.
aws.client("dynamodb")
aws.client("s3", aws.PATIENT)

Event = Mapping[str, Any]
PLAN = "plan"


def plan(event: Event, deadline: Deadline) -> dict[str, Any]:
    """Count, and cut into windows; of an export that was begun before, what is missing again."""
    export_id = export_of(event)
    ledger = _ledger()
    try:
        export = _begin(ledger, export_id, event["order"])
        if _load_plan(ledger, export) is None:
            made = Counter(connect(export.order.instance, deadline), export.order).plan(
                settings().export_window
            )
            with suppress(Overtaken):
                ledger.move(export_id, PLAN, "windows", made.dump(), 0)
        else:
            _try_missing_again(ledger, export)
    except Refused as refusal:
        return _refuse(ledger, export_id, refusal.code, str(refusal))
    except (InvalidRequest, UnknownInstance, RequestRefused) as error:
        return _refuse(ledger, export_id, "refused", str(error))
    _tell(ledger, export, status="exporting", problem=None)
    return {"export": export_id, "status": "working", "wait": 0}


def work(event: Event, deadline: Deadline) -> dict[str, Any]:
    """One round. Its status says whether another one comes, after `wait` seconds."""
    ledger = _ledger()
    export = load(ledger, event["export"])
    found = _load_plan(ledger, export)
    if found is None:
        raise InvalidRequest("This export has no plan.")
    client = connect(export.order.instance, deadline)
    services = _services(client, ledger, export)
    try:
        wait = rounds.Round(services, export, found).go()
    except Overtaken:
        wait = rounds.BUSY  # whoever it is goes on with it
    except Refused as refusal:
        return _refuse(ledger, export.id, refusal.code, str(refusal))
    windows = rounds.load(ledger, export, found)
    _tell(
        ledger,
        export,
        progress={
            "windows": len(windows),
            "done": sum(each.state == DONE for each in windows),
            "missing": sum(each.state == MISSING for each in windows),
            "records": sum((each.part or {}).get("count", 0) for each in windows),
            "expected": found.count,
        },
    )
    status = "ended" if wait is None else "working"
    return {"export": export.id, "status": status, "wait": wait or 0}


def finish(event: Event, deadline: Deadline) -> dict[str, Any]:
    """The manifest, then the event of it, then what the API tells."""
    ledger = _ledger()
    told = ledger.told(event["export"]) or {}
    if told.get("problem"):
        return _close(event, told, {"status": "refused"})
    export = load(ledger, event["export"])
    found = _load_plan(ledger, export) or Plan("", 0, 1, [])
    client = connect(export.order.instance, deadline)
    manifest = Manifest(export, found, rounds.load(ledger, export, found)).write(
        _files(), Counter(client, export.order), print_time(datetime.now(UTC))
    )
    result = {
        "status": manifest["status"],
        "counts": manifest["counts"],
        "bucket": settings().transfer_bucket,
        "manifest": export.manifest_key,
    }
    return _close(event, told, result, client)


def fail(event: Event, deadline: Deadline) -> dict[str, Any]:  # noqa: ARG001 - as the others
    """A step failed to the end: whoever waits is told. What is in the bucket stays there."""
    export_id = export_of(event)
    told = _ledger().told(export_id) or {
        "export": export_id,
        "instance": str(event["order"].get("instance", ""))[:40],
        "resource": str(event["order"].get("resource", ""))[:60],
    }
    message = (
        "The connector failed at it; the log of the function tells why. Start it again under its"
        " id, and it goes on with what is missing."
    )
    problem = {"code": "failed", "message": message}
    return _close(event, told, {"status": "failed", "problem": problem})


def export_of(event: Event) -> str:
    """The id: the one that is given, else the name of the execution."""
    given = event.get("export") or event.get("order", {}).get("export") or event["execution"]
    if not isinstance(given, str) or not EXPORT_ID.fullmatch(given):
        raise InvalidRequest("The id of an export is 1 to 64 letters, digits, - and _.")
    return given


def load(ledger: Ledger, export_id: str) -> Export:
    told = ledger.told(export_id)
    if told is None or "order" not in told:
        raise InvalidRequest("There is no such export.", status=404)
    return Export(export_id, Order.load(told["order"]), told["day"])


def _begin(ledger: Ledger, export_id: str, asked: Mapping[str, Any]) -> Export:
    """An export keeps what it began with: its id is given to one order only."""
    if (ledger.told(export_id) or {}).get("order"):
        return load(ledger, export_id)
    own = {name: each for name, each in asked.items() if name not in (*_WHERE, "export")}
    for name in _WHERE:
        if not isinstance(asked.get(name), str):
            raise InvalidRequest(f"{name} is missing.")
    order = Order.of(instances.check(asked["instance"]), asked["resource"], own)
    ledger.tell(export_id, described(export_id, order, datetime.now(UTC)))
    return load(ledger, export_id)


_WHERE = ("instance", "resource")


def _load_plan(ledger: Ledger, export: Export) -> Plan | None:
    parts = ledger.parts(export.id, PLAN)
    return Plan.load(parts["windows"][0]) if parts else None


def _try_missing_again(ledger: Ledger, export: Export) -> None:
    for label, (doc, version) in ledger.parts(export.id, rounds.PART).items():
        if doc["state"] == MISSING:
            # Its next jobs need references that none of its old ones had.
            again = {**doc, "state": WAITING, "given_up": doc["tries"]}
            with suppress(Overtaken):
                ledger.move(export.id, rounds.PART, label, again, version)


def _refuse(ledger: Ledger, export_id: str, code: str, message: str) -> dict[str, Any]:
    told = ledger.told(export_id) or {"export": export_id}
    ledger.tell(export_id, {**told, "problem": {"code": code, "message": message}})
    return {"export": export_id, "status": "ended", "wait": 0}


def _tell(ledger: Ledger, export: Export, **news: Any) -> None:
    told = {**(ledger.told(export.id) or {}), **news, "seen": ledger.clock()}
    ledger.tell(export.id, told)


def _close(
    event: Event,
    told: Mapping[str, Any],
    result: Mapping[str, Any],
    client: Client | None = None,
) -> dict[str, Any]:
    at = print_time(datetime.now(UTC))
    closed = {**told, "problem": told.get("problem"), **result, "completed_at": at}
    resource = {"type": "exports", "id": closed["export"], "updated_at": at}
    kept = ("export", "instance", "resource", "status", "problem", "counts", "bucket", "manifest")
    resource |= {name: closed.get(name) for name in kept}
    instance = closed.get("instance") or settings().instances[0]
    source = _source(client, instance, closed["export"])
    # A step that is repeated says the same; another execution, or another end, says more.
    version = f"{event['execution']} {closed['status']}"
    event_id = bus.version_id(instance, "export", "exports", closed["export"], version)
    _bus().publish([bus.envelope(source, "export.completed", event_id, resource, at)])
    _ledger().tell(closed["export"], closed)
    return {"export": closed["export"], "status": closed["status"]}


def _source(client: Client | None, instance: str, export_id: str) -> bus.Source:
    claims = client.claims() if client else {}
    organization, test = claims.get("organization") or {}, claims.get("test")
    return bus.Source(
        instance=instance,
        origin="export",
        correlation_id=export_id,
        organization=organization.get("slug"),
        mode=None if test is None else "test" if test else "live",
    )


def _services(client: Client, ledger: Ledger, export: Export) -> rounds.Services:
    source = _source(client, export.order.instance, export.id)
    own = settings()
    return rounds.Services(
        ledger=ledger,
        jobs=Jobs(client),
        counter=Counter(client, export.order),
        slots=JobSlots(
            aws.client("dynamodb"),
            own.table,
            f"{source.organization or client.instance.slug}#{source.mode}",
            "exports",
        ),
        slot_limit=own.export_slots,
        files=_files(),
        deadline=client.deadline,
        simulated=client.instance.api_url.startswith("http://"),
    )


def _files() -> Files:
    return Files(aws.client("s3", aws.PATIENT), settings().transfer_bucket)


def _ledger() -> Ledger:
    return Ledger(aws.client("dynamodb"), settings().table, "export")


def _bus() -> bus.EventBus:
    own = settings()
    return bus.EventBus(
        aws.client("events"),
        own.event_bus,
        bucket=own.claim_check_bucket,
        s3=partial(aws.client, "s3"),
    )
