"""AWS: the operation, its members, and whether it only reads (`approvals/reading/aws.py`).

Requests are those of botocore itself, made for every operation and sent nowhere.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Dialect, find, read
from approvals.reading.aws import only_reads, privileged
from approvals.reading.aws_operations import REST
from tests.reading.boto import client, operations, sent
from tests.reading.made import JSON, known, meaning, post, recorded
from tools.aws_operations import REST as SERVICES
from tools.aws_operations import table

FORM = (("content-type", "application/x-www-form-urlencoded; charset=utf-8"),)
EC2 = "https://ec2.us-east-1.amazonaws.com/"
DYNAMO = "https://dynamodb.us-east-1.amazonaws.com/"
S3 = "https://acme-data.s3.eu-west-1.amazonaws.com"


def form(url: str = EC2, **fields: str) -> Http:
    return post(url, urlencode({k.replace("__", "."): v for k, v in fields.items()}).encode(), FORM)


def values(request: Http) -> Mapping[str, Any]:
    return meaning(request, "aws").values


def test_the_table_of_operations_is_that_of_the_installed_botocore() -> None:
    file = Path(__file__).parents[2] / "approvals" / "reading" / "aws_operations.py"
    assert file.read_text() == table(), "run: python tools/aws_operations.py > " + str(file)


ELSEWHERE = {
    # Their requests are the same as those of the operations that came after them.
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    # A host of its own, at which buckets and keys would look the same; a GET with a body.
    "ListDirectoryBuckets": UNCLEAR,
    "DescribeAccountPreferences": UNCLEAR,
    "WriteGetObjectResponse": None,
    "SearchVectors": None,
}
NAMED = ["ec2", "iam", "sts", "sqs", "sns", "kms", "ssm", "dynamodb", "rds", "cloudwatch", "ecs"]
NAMED += ["ecr", "secretsmanager", "organizations", "logs", "cloudformation"]


@pytest.mark.parametrize(
    ("services", "every"),
    [(["s3", "s3control", "lambda", "route53"], 1), (SERVICES, 5), (NAMED, 5)],
)
def test_each_operation_that_botocore_sends_is_told_by_its_name(
    services: list[str], every: int
) -> None:
    wrong, count = [], 0
    for service in services:
        for operation, request in operations(service, every):
            count += 1
            told = find(read(request), "aws.operation")
            if told != ELSEWHERE.get(operation, operation):
                wrong.append((service, operation, told, request.method, request.url))
    assert not wrong
    assert count > 350


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("aws-ec2", "TerminateInstances: i-0abcd1234ef567890, i-0fedcba9876543210"),
        ("aws-iam", "AttachUserPolicy: build-agent, arn:aws:iam::aws:policy/AdministratorAccess"),
        ("aws-dynamo", "DeleteTable: prod-orders"),
        ("aws-s3", "PutObject to acme-data/reports/2026/q3.csv, public-read"),
    ],
)
def test_a_recorded_request_says_what_it_does_to_what(name: str, says: str) -> None:
    aws = meaning(recorded(name), "aws")
    assert aws.says == says
    assert aws.values["reads"] is False


def test_members_of_the_query_protocol_are_nested() -> None:
    request = sent(
        client("ec2"),
        "DescribeInstances",
        {"Filters": [{"Name": "tag:env", "Values": ["prod", "test"]}, {"Name": "x", "Values": []}]},
    )
    assert request is not None
    found = values(request)
    assert found["members"] == {
        "Filter": [{"Name": "tag:env", "Value": ["prod", "test"]}, {"Name": "x"}]
    }
    assert (found["service"], found["region"], found["reads"]) == ("ec2", "eu-west-1", True)
    request = sent(
        client("iam"),
        "CreateRole",
        {"RoleName": "r",
         "AssumeRolePolicyDocument": json.dumps({"Statement": [{"Effect": "Allow"}]}),
         "Tags": [{"Key": "a", "Value": "b"}]},
    )  # fmt: skip
    assert request is not None
    assert values(request)["members"] == {
        "RoleName": "r",
        "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow"}]},
        "Tags": [{"Key": "a", "Value": "b"}],
    }


def test_a_policy_document_is_read_and_shown_as_what_it_says() -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*"}]}
    request = form(
        "https://iam.amazonaws.com/",
        Action="PutUserPolicy",
        Version="2010-05-08",
        UserName="builder",
        PolicyDocument=json.dumps(policy),
    )
    reading = read(request)
    assert find(reading, "aws.members.PolicyDocument.Statement.*.Action") == ["*"]
    assert meaning(reading, "aws").says == "PutUserPolicy: builder"
    assert reading.faithful


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"Filter__1__Value": "a", "Filter__1__Value__1": "b"}, None),
        ({"Filter__1__Value__1": "b", "Filter__1__Value": "a"}, None),
        ({"Ids__1": "a", "Ids__3": "b"}, {"Ids": {"1": "a", "3": "b"}}),
        ({"Ids__01": "a"}, {"Ids": {"01": "a"}}),
    ],
)
def test_members_that_clash_or_leave_gaps_are_no_list(
    first: dict[str, str], second: dict[str, Any] | None
) -> None:
    found = values(form(Action="DescribeInstances", **first))
    assert found["members"] == (UNCLEAR if second is None else second)


def target(name: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("content-type", "application/x-amz-json-1.0"), ("x-amz-target", name), *more)


@pytest.mark.parametrize(
    "request_",
    [
        post(f"{DYNAMO}?Action=ListTables", {}, target("D.DeleteTable")),
        post(DYNAMO, {},
             target("D.ListTables", ("x-amz-target", "D.DeleteTable"))),
        post(DYNAMO, {}, (*JSON, ("x_amz_target", "D.ListTables"))),
        post(DYNAMO, {}, JSON),
        post(DYNAMO, {}, target("D.List Tables")),
        post("https://sqs.eu-west-1.amazonaws.com/", b"Action=DeleteQueue",
             (*FORM, ("x-amz-target", "AmazonSQS.ListQueues"))),
        form(Version="2016-11-15"),
        post(f"{S3}/a.csv?Action=GetObject", b"x", (), method="PUT"),
        post(f"{S3}/a.csv?acl&tagging", b"x", (), method="PUT"),
        post(f"{S3}/a.csv?newfeature", b"x", (), method="PUT"),
        post(f"{S3}/", b"x", (("content-type", "multipart/form-data; boundary=x"),)),
        post("https://quicksight.eu-west-1.amazonaws.com/?Action=ListUsers", {}),
        post("https://lambda.eu-west-1.amazonaws.com/2099-01-01/wipe", {}),
    ],
)  # fmt: skip
def test_a_request_that_names_no_operation_or_two_is_unclear(request_: Http) -> None:
    reading = read(request_)
    assert find(reading, "aws.operation") is UNCLEAR
    assert find(reading, "aws.reads") in (False, UNCLEAR)
    assert all(one.says is None for one in reading.meanings if one.name == "aws")


def test_a_copy_between_buckets_is_no_upload() -> None:
    headers = (("x-amz-copy-source", "/other/secret.csv"), ("x-amz-grant-read", "uri=AllUsers"))
    says = meaning(post(f"{S3}/a.csv", b"", headers, method="PUT"), "aws").says
    assert says == (
        "CopyObject to acme-data/a.csv, copied from /other/secret.csv, GrantRead uri=AllUsers"
    )
    part = post(f"{S3}/a.csv?partNumber=1&uploadId=u", b"x", (), method="PUT")
    assert values(part)["operation"] == "UploadPart"


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("acme-data.s3.amazonaws.com", ""), ("s3.eu-west-1.amazonaws.com", "/acme-data"),
        ("acme-data.s3.dualstack.eu-west-1.amazonaws.com", ""),
        ("acme-data.s3-eu-west-1.amazonaws.com", ""),
        ("acme-data.s3-fips.us-east-1.amazonaws.com", ""),
        ("acme-data.s3.cn-north-1.amazonaws.com.cn", ""),
    ],
)  # fmt: skip
def test_a_bucket_stands_in_the_host_or_in_the_path(host: str, bucket: str) -> None:
    found = values(Http("DELETE", f"https://{host}{bucket}/a/b.csv", (), b""))
    assert found["members"] == {"Bucket": "acme-data", "Key": "a/b.csv"}
    assert (found["service"], found["operation"]) == ("s3", "DeleteObject")


@pytest.mark.parametrize(
    "host",
    ["search-x.us-east-1.es.amazonaws.com", "abc.execute-api.us-east-1.amazonaws.com",
     "db.abc.us-east-1.rds.amazonaws.com", "ec2.us-east-1.amazonaws.com.evil.example",
     "ec2.amazonaws.example", "amazonaws.com", "evil.ec2.us-east-1.amazonaws.com"],
)  # fmt: skip
def test_hosts_of_others_are_not_aws(host: str) -> None:
    assert "aws" not in known(form(f"https://{host}/", Action="DescribeInstances"))


@pytest.mark.parametrize(
    ("service", "operation", "members", "reads"),
    [
        ("s3", "GetObject", {}, True), ("s3", "HeadBucket", {}, True),
        ("ec2", "DescribeInstances", {}, True), ("sts", "GetCallerIdentity", {}, True),
        ("dynamodb", "BatchGetItem", {}, True), ("dynamodb", "Query", {}, True),
        ("sts", "GetSessionToken", {}, False), ("sts", "GetFederationToken", {}, False),
        ("sts", "AssumeRole", {}, False), ("ecr", "GetAuthorizationToken", {}, False),
        ("secretsmanager", "GetSecretValue", {}, False),
        ("secretsmanager", "BatchGetSecretValue", {}, False),
        ("secretsmanager", "ListSecrets", {}, True), ("ec2", "GetPasswordData", {}, False),
        ("ssm", "GetParameter", {}, True), ("ssm", "GetParameter", {"WithDecryption": True}, False),
        ("ssm", "GetParametersByPath", {"WithDecryption": "true"}, False),
        ("redshift", "GetClusterCredentials", {}, False), ("sso", "GetRoleCredentials", {}, False),
        ("cognito-identity", "GetId", {}, False), ("kms", "GenerateDataKey", {}, False),
        ("lightsail", "Listen", {}, False),
        ("x", "Getaway", {}, False), ("x", "Describer", {}, False),
        ("ec2", "RunInstances", {}, False), ("gamelift", "GetInstanceAccess", {}, False),
        ("glue", "GetTemporaryGlueTableCredentials", {}, False),
    ],
)  # fmt: skip
def test_reads_are_those_that_only_read_and_hand_out_no_credentials(
    service: str, operation: str, members: dict[str, Any], reads: bool
) -> None:
    assert only_reads(service, operation, members) is reads


def test_get_parameter_with_members_that_cannot_be_read_is_privileged() -> None:
    assert privileged("GetParameter", UNCLEAR)


def test_rest_members_come_from_path_query_headers_and_body() -> None:
    request = sent(
        client("lambda"),
        "UpdateFunctionConfiguration",
        {"FunctionName": "billing", "Timeout": 30, "Environment": {"Variables": {"A": "b"}}},
    )
    assert request is not None
    aws = meaning(request, "aws")
    assert aws.values["members"] == {
        "FunctionName": "billing", "Timeout": 30, "Environment": {"Variables": {"A": "b"}},
    }  # fmt: skip
    assert aws.says == "UpdateFunctionConfiguration: billing"
    assert "lambda" in REST


def test_a_path_member_is_never_overruled_by_the_body() -> None:
    url = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/billing/configuration"
    found = values(post(url, {"FunctionName": "other"}, JSON, method="PUT"))
    assert found["members"]["FunctionName"] == "billing"


def test_names_that_a_dialect_reads_as_lists_may_be_given_twice() -> None:
    url = "https://eks.eu-west-1.amazonaws.com/tags/x?tagKeys=a&tagKeys=b"
    request = Http("DELETE", url, (), b"")
    assert find(read(request), "aws.operation") is UNCLEAR
    reading = read(request, dialect=Dialect(repeats=frozenset(("tagKeys",))))
    assert find(reading, "aws.operation") == "UntagResource"
    assert find(reading, "aws.members.tagKeys") == ["a", "b"]


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/json"])
def test_an_action_beside_a_body_of_another_type_is_unclear(kind: str) -> None:
    body = b"Action=TerminateInstances&InstanceId.1=i-1"
    url = "https://ec2.us-east-1.amazonaws.com/?Action=DescribeInstances&Version=2016-11-15"
    reading = read(Http("POST", url, (("content-type", kind),), body))
    assert find(reading, "aws.operation") is UNCLEAR
    assert find(reading, "aws.reads") in (False, UNCLEAR)
