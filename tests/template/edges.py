"""Every asynchronous edge of a translated template, found by its kind, and what its net lacks.

An edge is asynchronous where whoever hands something over does not hear what became of it. Each
needs a place for what could not be done, which the sender may write to. A kind of edge that is
not known here is a problem too: it may lose what it carries.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Resources = Mapping[str, Mapping[str, Any]]

# May hand something over in ways that `nets_of` does not look into.
UNKNOWN_KINDS = (
    "AWS::Pipes::Pipe",
    "AWS::SNS::Topic",
    "AWS::SNS::Subscription",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Events::EndPoint",
    "AWS::EventsV2::Subscriber",
)


@dataclass(frozen=True)
class Net:
    """`queue` catches what `edge` drops; `problems` tell why it would not."""

    edge: str
    queue: str
    problems: tuple[str, ...] = ()


def nets(resources: Resources) -> list[Net]:
    return [net for find in FINDERS for net in find(resources)]


def problems(resources: Resources) -> list[str]:
    found = [f"{net.edge}: {problem}" for net in nets(resources) for problem in net.problems]
    unknown = [
        f"{name}: nobody knows what becomes of what a {each['Type']} cannot deliver"
        for name, each in resources.items()
        if each["Type"] in UNKNOWN_KINDS
    ]
    return found + unknown


# --- The kinds of edges -------------------------------------------------------------------------


def _schedules(resources: Resources) -> Iterator[Net]:
    for name, schedule in _of(resources, "AWS::Scheduler::Schedule"):
        target = schedule["Target"]
        queue = _queue(target.get("DeadLetterConfig", {}).get("Arn"), resources)
        yield _net(
            name,
            queue,
            _allows(resources, target["RoleArn"], "sqs:SendMessage", queue)
            or "the role of the schedule may not write to its dead-letter queue",
        )


def _rules(resources: Resources) -> Iterator[Net]:
    for name, rule in _of(resources, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            queue = _queue(target.get("DeadLetterConfig", {}).get("Arn"), resources)
            yield _net(
                f"{name} -> {target['Id']}",
                queue,
                _lets_in(resources, queue, name)
                or "no queue policy lets EventBridge write to the dead-letter queue",
                _may_call(resources, name, target)
                or "EventBridge may not hand anything to the target",
            )


def _source_mappings(resources: Resources) -> Iterator[Net]:
    for name, mapping in _of(resources, "AWS::Lambda::EventSourceMapping"):
        source = _queue(mapping["EventSourceArn"], resources)
        redrive = resources[source]["Properties"].get("RedrivePolicy", {}) if source else {}
        yield _net(name, _queue(redrive.get("deadLetterTargetArn"), resources))


def _asynchronous_invocations(resources: Resources) -> Iterator[Net]:
    """A function that is called by who does not wait needs a destination for its own failures."""
    called = {
        _id(target["Arn"])
        for kind in ("AWS::Scheduler::Schedule", "AWS::Events::Rule")
        for _, each in _of(resources, kind)
        for target in each.get("Targets", [each.get("Target")])
    }
    called |= {
        _id(each["Function"])
        for _, bucket in _of(resources, "AWS::S3::Bucket")
        for each in bucket.get("NotificationConfiguration", {}).get("LambdaConfigurations", ())
    }
    configured = {
        _id(config["FunctionName"]): config
        for _, config in _of(resources, "AWS::Lambda::EventInvokeConfig")
    }
    for name, function in _of(resources, "AWS::Lambda::Function"):
        if name in called:
            destination = configured.get(name, {}).get("DestinationConfig", {}).get("OnFailure", {})
            queue = _queue(destination.get("Destination"), resources)
            yield _net(
                f"{name}, called asynchronously",
                queue,
                _allows(resources, function["Role"], "sqs:SendMessage", queue)
                or "the role of the function may not write to its failure destination",
            )


def _redriven_queues(resources: Resources) -> Iterator[Net]:
    for name, queue in _of(resources, "AWS::SQS::Queue"):
        if "RedrivePolicy" in queue:
            yield _net(name, _queue(queue["RedrivePolicy"]["deadLetterTargetArn"], resources))


FINDERS: tuple[Callable[[Resources], Iterator[Net]], ...] = (
    _schedules,
    _rules,
    _source_mappings,
    _asynchronous_invocations,
    _redriven_queues,
)

# --- What they are made of ----------------------------------------------------------------------


def _of(resources: Resources, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, each["Properties"]) for name, each in resources.items() if each["Type"] == kind)


def _net(edge: str, queue: str, *checks: object) -> Net:
    if not queue:
        return Net(edge, "", ("it has no dead-letter queue",))
    return Net(edge, queue, tuple(each for each in checks if isinstance(each, str)))


def _id(reference: Any) -> str:
    """The logical id that `!Ref x` and `!GetAtt x.y` mean; of anything else an empty text."""
    match reference:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
    return ""


def _queue(arn: Any, resources: Resources) -> str:
    name = _id(arn)
    return name if resources.get(name, {}).get("Type") == "AWS::SQS::Queue" else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _allows(resources: Resources, role: Any, action: str, target: str) -> bool:
    policies = resources[_id(role)]["Properties"].get("Policies", ())
    return any(
        statement["Effect"] == "Allow"
        and action in _list(statement["Action"])
        and target in map(_id, _list(statement["Resource"]))
        for policy in policies
        for statement in _list(policy["PolicyDocument"]["Statement"])
    )


def _lets_in(resources: Resources, queue: str, rule: str) -> bool:
    """A queue policy lets that rule, and no other, write to `queue`."""
    return any(
        queue in map(_id, policy["Queues"])
        and statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "events.amazonaws.com"}
        and "sqs:SendMessage" in _list(statement["Action"])
        and queue in map(_id, _list(statement["Resource"]))
        and rule in map(_id, _list(statement["Condition"]["ArnEquals"]["aws:SourceArn"]))
        for _, policy in _of(resources, "AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
    )


def _may_call(resources: Resources, rule: str, target: Mapping[str, Any]) -> bool:
    name = _id(target["Arn"])
    match resources.get(name, {}).get("Type"):
        case "AWS::SQS::Queue":
            return _lets_in(resources, name, rule)
        case "AWS::Lambda::Function":
            return any(
                _id(permission["FunctionName"]) == name
                and permission["Principal"] == "events.amazonaws.com"
                and _id(permission["SourceArn"]) == rule
                for _, permission in _of(resources, "AWS::Lambda::Permission")
            )
        case "AWS::StepFunctions::StateMachine":
            return _allows(resources, target.get("RoleArn"), "states:StartExecution", name)
        case _:  # a bus, of this stack or of another
            return _allows(resources, target.get("RoleArn"), "events:PutEvents", name)
