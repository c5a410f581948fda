"""Who may do what: exactly the statements below, no more and no less.

A statement that is removed from template.yaml, or one that is added, makes a test fail here. That
the functions can work with them is shown in tests/runtime, where the roles are enforced.
"""

from typing import Any

import pytest

from tests.template.conftest import OfType, arn_of

SECRETS = {
    "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
    ":secret:${SecretPrefix}/*"
}
# Not below the prefix of the credentials: `commerce-layer/*` does not match it.
WEBHOOK_SECRETS = {
    "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
    ":secret:${SecretPrefix}-webhooks/*"
}

STATES = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
IMPORTS = "${AWS::StackName}-imports"


def below(bucket: str, *folders: str) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"${{{bucket}.Arn}}/{folder}/*"} for folder in folders]


MAY: dict[str, list[tuple[set[str], Any]]] = {
    "ApiFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("ApiLogGroup")),
        ({"secretsmanager:GetSecretValue"}, SECRETS),
        (
            {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
            arn_of("Table"),
        ),
        ({"s3:PutObject"}, below("Transfers", "imports")[0]),
        ({"s3:GetObject"}, below("Transfers", "reports")[0]),
        ({"dynamodb:GetItem"}, arn_of("Table")),
        ({"states:StartExecution"}, {"Ref": "ExportMachine"}),
    ],
    "SyncFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("SyncLogGroup")),
        ({"secretsmanager:GetSecretValue"}, SECRETS),
        (
            {"dynamodb:UpdateItem", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"},
            arn_of("Table"),
        ),
        ({"dynamodb:PutItem", "dynamodb:Query"}, arn_of("Table")),
        ({"events:PutEvents"}, arn_of("EventBus")),
        ({"s3:PutObject"}, {"Fn::Sub": "${ClaimChecks.Arn}/*"}),
        ({"sqs:SendMessage"}, arn_of("SyncFailures")),
    ],
    "WebhooksFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("WebhooksLogGroup")),
        ({"secretsmanager:GetSecretValue"}, WEBHOOK_SECRETS),
        (
            {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:BatchWriteItem"},
            arn_of("Table"),
        ),
        ({"events:PutEvents"}, arn_of("EventBus")),
        ({"s3:PutObject"}, {"Fn::Sub": "${ClaimChecks.Arn}/*"}),
        (
            {
                "sqs:SendMessage",
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
            },
            arn_of("WebhookQueue"),
        ),
    ],
    "GuardianFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("GuardianLogGroup")),
        ({"secretsmanager:GetSecretValue"}, SECRETS),
        (
            {
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:CreateSecret",
            },
            WEBHOOK_SECRETS,
        ),
        ({"dynamodb:UpdateItem"}, arn_of("Table")),
        ({"sqs:SendMessage"}, arn_of("GuardianFailures")),
    ],
    "CommandsFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("CommandsLogGroup")),
        ({"secretsmanager:GetSecretValue"}, SECRETS),
        ({"dynamodb:PutItem", "dynamodb:UpdateItem"}, arn_of("Table")),
        ({"events:PutEvents"}, arn_of("EventBus")),
        ({"s3:PutObject"}, {"Fn::Sub": "${ClaimChecks.Arn}/*"}),
        (
            {
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes",
            },
            arn_of("CommandQueue"),
        ),
    ],
    "BulkImportsFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("BulkImportsLogGroup")),
        ({"secretsmanager:GetSecretValue"}, SECRETS),
        ({"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}, arn_of("Table")),
        ({"s3:GetObject"}, below("Transfers", "imports", "work")),
        ({"s3:ListBucket"}, arn_of("Transfers")),
        ({"s3:PutObject", "s3:AbortMultipartUpload"}, below("Transfers", "work", "reports")),
        ({"events:PutEvents"}, arn_of("EventBus")),
        ({"s3:PutObject"}, {"Fn::Sub": "${ClaimChecks.Arn}/*"}),
    ],
    "BulkExportsFunctionRole": [
        ({"logs:CreateLogStream", "logs:PutLogEvents"}, arn_of("BulkExportsLogGroup")),
        ({"secretsmanager:GetSecretValue"}, SECRETS),
        ({"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}, arn_of("Table")),
        ({"s3:PutObject", "s3:GetObject"}, {"Fn::Sub": "${Transfers.Arn}/exports/*"}),
        ({"events:PutEvents"}, arn_of("EventBus")),
    ],
    "ExportMachineRole": [({"lambda:InvokeFunction"}, arn_of("BulkExportsFunction"))],
    "ImportRuleRole": [({"states:StartExecution"}, {"Ref": "ImportMachine"})],
    "ImportMachineRole": [
        ({"lambda:InvokeFunction"}, arn_of("BulkImportsFunction")),
        ({"states:StartExecution"}, {"Fn::Sub": f"{STATES}:stateMachine:{IMPORTS}"}),
        (
            {"states:DescribeExecution", "states:StopExecution"},
            {"Fn::Sub": f"{STATES}:execution:{IMPORTS}/*"},
        ),
    ],
    "SchedulerRole": [
        ({"lambda:InvokeFunction"}, [arn_of("SyncFunction"), arn_of("GuardianFunction")]),
        ({"states:StartExecution"}, {"Ref": "ExportMachine"}),
        ({"sqs:SendMessage"}, arn_of("ScheduleDeadLetters")),
    ],
}

ASSUMED_BY = {
    "ApiFunctionRole": "lambda.amazonaws.com",
    "SyncFunctionRole": "lambda.amazonaws.com",
    "WebhooksFunctionRole": "lambda.amazonaws.com",
    "GuardianFunctionRole": "lambda.amazonaws.com",
    "CommandsFunctionRole": "lambda.amazonaws.com",
    "BulkImportsFunctionRole": "lambda.amazonaws.com",
    "BulkExportsFunctionRole": "lambda.amazonaws.com",
    "ExportMachineRole": "states.amazonaws.com",
    "ImportRuleRole": "events.amazonaws.com",
    "ImportMachineRole": "states.amazonaws.com",
    "SchedulerRole": "scheduler.amazonaws.com",
}


def test_there_are_no_other_roles(of_type: OfType) -> None:
    """None that SAM adds, and no policies outside of the roles."""
    assert set(of_type("AWS::IAM::Role")) == set(MAY)
    assert set(of_type("AWS::IAM::Policy")) == {"KeyPolicy"}  # test_storage.py
    assert not of_type("AWS::IAM::ManagedPolicy")


@pytest.mark.parametrize("role", MAY)
def test_a_role_has_exactly_its_statements(of_type: OfType, role: str) -> None:
    properties = of_type("AWS::IAM::Role")[role]
    assert "ManagedPolicyArns" not in properties
    statements = [
        statement
        for policy in properties["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    found = [(_actions(statement), statement["Resource"]) for statement in statements]
    for expected in MAY[role]:
        assert expected in found, f"{role} lacks {expected}"
    assert len(found) == len(MAY[role]), f"{role} may do more than it needs"
    assert all(set(each) == {"Sid", "Effect", "Action", "Resource"} for each in statements)
    assert {each["Effect"] for each in statements} == {"Allow"}


@pytest.mark.parametrize("role", ASSUMED_BY)
def test_a_role_is_for_its_service_alone(of_type: OfType, role: str) -> None:
    (statement,) = of_type("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ASSUMED_BY[role]}
    assert statement["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize("name", ["SchedulerRole", "ImportRuleRole", "ImportMachineRole"])
def test_a_service_acts_for_this_account_only(of_type: OfType, name: str) -> None:
    """A schedule, rule or state machine in another account must not borrow the role."""
    role = of_type("AWS::IAM::Role")[name]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


def test_each_function_has_its_own_role(of_type: OfType) -> None:
    for function in of_type("AWS::Lambda::Function"):
        properties = of_type("AWS::Lambda::Function")[function]
        assert properties["Role"] == arn_of(f"{function}Role")


def _actions(statement: dict[str, Any]) -> set[str]:
    actions = statement["Action"]
    return {actions} if isinstance(actions, str) else set(actions)
