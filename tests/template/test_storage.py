"""Bus, archive, table and bucket."""

from typing import Any

import pytest

from tests.template.conftest import OfType, Resources, arn_of

PUBLISHERS = ("Sync", "Webhooks", "Commands", "BulkImports", "BulkExports")
BUCKETS = ("ClaimChecks", "Transfers")


def test_nobody_else_speaks_in_commerce_layer_s_name(of_type: OfType) -> None:
    (policy,) = of_type("AWS::Events::EventBusPolicy").values()
    assert policy["EventBusName"] == {"Ref": "EventBus"}
    statement = policy["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"] == arn_of("EventBus")
    assert statement["Condition"] == {
        "StringLike": {"events:source": "commerce-layer.*"},
        "ArnNotEquals": {
            "aws:PrincipalArn": [arn_of(f"{each}FunctionRole") for each in PUBLISHERS]
        },
    }


def test_every_role_that_publishes_is_let_through(of_type: OfType) -> None:
    publishers = [
        arn_of(name)
        for name, role in of_type("AWS::IAM::Role").items()
        if "events:PutEvents" in str(role["Policies"])
    ]
    (policy,) = of_type("AWS::Events::EventBusPolicy").values()
    assert policy["Statement"]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == publishers


def test_the_archive_keeps_our_events_and_no_replays(of_type: OfType) -> None:
    (archive,) = of_type("AWS::Events::Archive").values()
    assert archive["SourceArn"] == arn_of("EventBus")
    assert archive["RetentionDays"] == {"Ref": "ArchiveRetentionDays"}
    assert archive["EventPattern"] == {
        "source": [{"prefix": "commerce-layer."}],
        "replay-name": [{"exists": False}],
    }


def test_claim_checks_outlive_the_archive_by_two_weeks(
    template: dict[str, Any], of_type: OfType
) -> None:
    allowed = template["Parameters"]["ArchiveRetentionDays"]["AllowedValues"]
    kept = {
        int(days): row["Days"] for days, row in template["Mappings"]["ClaimCheckRetention"].items()
    }
    assert kept == {days: days + 14 for days in allowed}
    (rule,) = of_type("AWS::S3::Bucket")["ClaimChecks"]["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] == {
        "Fn::FindInMap": ["ClaimCheckRetention", {"Ref": "ArchiveRetentionDays"}, "Days"]
    }


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_private_and_encrypted(of_type: OfType, name: str) -> None:
    assert set(of_type("AWS::S3::Bucket")) == set(BUCKETS)
    bucket = of_type("AWS::S3::Bucket")[name]
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": with_key("aws:kms", "AES256"),
            "KMSMasterKeyID": with_key(KEY, NOTHING),
        },
        "BucketKeyEnabled": with_key(True, NOTHING),
    }
    policy = of_type("AWS::S3::BucketPolicy")[f"{name}Policy"]
    assert policy["Bucket"] == {"Ref": name}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "s3:*"
    assert statement["Resource"] == [arn_of(name), {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_is_transferred_does_not_stay_for_ever(of_type: OfType) -> None:
    """Uploads and reports hold whatever customers' data there is in them."""
    rules = of_type("AWS::S3::Bucket")["Transfers"]["LifecycleConfiguration"]["Rules"]
    kept = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules}
    assert kept == {
        "imports/": 30,
        "work/": 14,
        "reports/": 90,
        "exports/": {"Ref": "ExportRetentionDays"},
    }
    assert all(rule["Status"] == "Enabled" for rule in rules)


def test_the_table_is_safe_and_forgets_what_has_expired(of_type: OfType) -> None:
    table = of_type("AWS::DynamoDB::Table")["Table"]
    keys = {each["AttributeName"]: each["KeyType"] for each in table["KeySchema"]}
    assert keys == {"pk": "HASH", "sk": "RANGE"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": with_key("KMS", NOTHING),
        "KMSMasterKeyId": with_key(KEY, NOTHING),
    }
    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}


@pytest.mark.parametrize("name", ["Table", *BUCKETS])
def test_what_holds_data_stays_when_the_stack_goes(resources: Resources, name: str) -> None:
    assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_only_what_the_emulator_lacks_is_left_out_there(
    template: dict[str, Any], resources: Resources
) -> None:
    left_out = {name for name, each in resources.items() if each.get("Condition") == "OnAws"}
    assert left_out == {"EventBusPolicy", "EventArchive", "ClaimChecksPolicy", "TransfersPolicy"}
    assert template["Parameters"]["Emulated"]["Default"] == "false"
    assert template["Conditions"]["OnAws"] == {"Fn::Equals": [{"Ref": "Emulated"}, "false"]}


# --- A key of the user's --------------------------------------------------------------------------

NOTHING = {"Ref": "AWS::NoValue"}
KEY = {"Ref": "KmsKeyArn"}


def with_key(yes: Any, no: Any) -> dict[str, list[Any]]:
    return {"Fn::If": ["UseKey", yes, no]}


def test_there_is_no_key_of_the_user_s_by_default(template: dict[str, Any]) -> None:
    assert template["Parameters"]["KmsKeyArn"]["Default"] == ""
    assert template["Conditions"]["UseKey"] == {"Fn::Not": [{"Fn::Equals": [KEY, ""]}]}


def test_every_queue_is_encrypted(of_type: OfType) -> None:
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] == with_key(NOTHING, True), name
        assert queue["KmsMasterKeyId"] == with_key(KEY, NOTHING), name


def test_whoever_touches_what_is_encrypted_may_use_the_key(
    resources: Resources, of_type: OfType
) -> None:
    assert resources["KeyPolicy"]["Condition"] == "UseKey"
    (policy,) = of_type("AWS::IAM::Policy").values()
    storing = [
        name
        for name, role in of_type("AWS::IAM::Role").items()
        if any(service in str(role["Policies"]) for service in ("'sqs:", "'s3:", "'dynamodb:"))
    ]
    assert policy["Roles"] == [{"Ref": name} for name in storing]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == KEY
    assert not any("*" in action for action in statement["Action"])
    via = statement["Condition"]["StringEquals"]["kms:ViaService"]
    assert [each["Fn::Sub"].partition(".")[0] for each in via] == ["dynamodb", "s3", "sqs"]
