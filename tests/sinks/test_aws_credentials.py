"""The forms of credentials: what each finds, and that sessions are renewed."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from observer.config import ConfigError
from observer.config.binding import bind
from observer.config.effective import masked, plain
from sinks.aws import Access, client
from sinks.aws_credentials import (
    AwsCredentials,
    AwsEnvironmentVariable,
    AwsProfile,
    AwsStatic,
    AwsStsAssumeRoleSession,
    AwsSystemProperty,
    AwsWebIdentityTokenFile,
    FileType,
)
from sinks.aws_errors import SKEWED, aws_errors
from sinks.aws_sessions import Calls, Source, session_of
from sinks.s3 import AwsS3Sink
from tests.sinks.sts_for_tests import Sts

ROLE = "arn:aws:iam::123456789012:role/observer"
KEYS = AwsStatic("the-id", "the-secret")
CALLS = Calls("eu-west-1", Config(connect_timeout=5, read_timeout=5, retries={"total_max_attempts": 1}))
PROFILES = """\
[default]
aws_access_key_id = default-id
aws_secret_access_key = default-secret
[other]
aws_access_key_id = other-id
aws_secret_access_key = other-secret
aws_session_token = other-token
[empty]
region = eu-west-1
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment in which no credentials are found."""
    for name in [name for name in os.environ if name.lower().startswith("aws")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


@pytest.fixture
def sts() -> Iterator[Sts]:
    with Sts(lasts_s=3600) as sts:
        yield sts


def found(source: Source) -> tuple[str, str, str | None]:
    with aws_errors():
        keys = source.found(CALLS).get_frozen_credentials()
    return keys.access_key, keys.secret_key, keys.token


def bound(**credentials: Any) -> AwsCredentials:
    sink = bind(AwsS3Sink, {"bucketName": "b", "regionId": "eu-west-1", "credentials": credentials})
    assert sink.credentials is not None
    return sink.credentials


def refused(**credentials: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        bound(**credentials)
    return str(raised.value)


def test_static_keys_are_those_that_are_given() -> None:
    assert found(AwsStatic("the-id", "the-secret", "the-token")) == ("the-id", "the-secret", "the-token")


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")

    assert found(AwsEnvironmentVariable()) == ("env-id", "env-secret", None)


def test_a_variable_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-id")

    with pytest.raises(ConnectionError, match="the environment has no AWS_SECRET_ACCESS_KEY"):
        found(AwsEnvironmentVariable())


@pytest.mark.parametrize(
    "names",
    [
        ("aws.accessKeyId", "aws.secretAccessKey", "aws.sessionToken"),
        ("AWS_ACCESSKEYID", "AWS_SECRETACCESSKEY", "AWS_SESSIONTOKEN"),
    ],
)
def test_what_java_calls_system_properties_are_variables_of_the_same_names(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(names, ("id", "secret", "token"), strict=True):
        monkeypatch.setenv(name, value)

    assert found(AwsSystemProperty()) == ("id", "secret", "token")


def test_a_profile_is_found_by_its_file_and_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(PROFILES)

    assert found(AwsProfile(str(tmp_path / "file"), profile_name="other")) == (
        "other-id",
        "other-secret",
        "other-token",
    )


def test_without_a_name_it_is_the_default_profile(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(PROFILES)

    assert found(AwsProfile(str(tmp_path / "file")))[0] == "default-id"


def test_without_a_file_it_is_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text(PROFILES)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "file"))

    assert found(AwsProfile(profile_name="other"))[0] == "other-id"


def test_a_file_of_configuration_names_its_profiles_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(PROFILES.replace("[other]", "[profile other]"))

    assert found(AwsProfile(str(tmp_path / "file"), FileType.CONFIGURATION, "other"))[0] == "other-id"


def test_a_profile_does_not_fall_back_to_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("[empty]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_PROFILE", "empty")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")

    with pytest.raises(ConnectionError, match="the profile has no credentials"):
        found(AwsProfile(str(tmp_path / "file")))


def test_a_profile_may_name_a_role(tmp_path: Path, sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text(f"{PROFILES}[role]\nrole_arn = {ROLE}\nsource_profile = other\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)

    assert found(AwsProfile(str(tmp_path / "file"), profile_name="role"))[0] == "key-1"
    assert "Credential=other-id/" in sts.asked[0]["signed"]
    assert "/eu-west-1/sts/" in sts.asked[0]["signed"]


def test_a_profile_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(PROFILES)

    with pytest.raises(ConnectionError, match="there is no such profile"):
        found(AwsProfile(str(tmp_path / "file"), profile_name="nobody"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        found(AwsProfile(str(tmp_path / "nothing")))


def test_a_role_is_assumed_with_everything_that_is_said_of_it(sts: Sts) -> None:
    role = AwsStsAssumeRoleSession(
        "eu-west-1",
        ROLE,
        "mySession",
        credentials=KEYS,
        external_id="external",
        policy="{}",
        serial_number="1234-5678-9",
        transitive_tag_key="team",
        endpoint_url=sts.url,
    )

    assert found(role) == ("key-1", "secret", "token")
    assert "Credential=the-id/" in sts.asked[0]["signed"]
    assert "/eu-west-1/sts/" in sts.asked[0]["signed"]
    assert {key: value for key, value in sts.asked[0].items() if key != "signed"} == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "mySession",
        "ExternalId": "external",
        "Policy": "{}",
        "SerialNumber": "1234-5678-9",
        "TransitiveTagKeys.member.1": "team",
    }


def test_a_role_may_be_assumed_by_a_role(sts: Sts) -> None:
    first = AwsStsAssumeRoleSession("eu-west-1", ROLE, credentials=KEYS, endpoint_url=sts.url)
    second = AwsStsAssumeRoleSession("eu-west-1", ROLE, credentials=first, endpoint_url=sts.url)

    assert found(second)[0] == "key-2"
    assert "Credential=key-1/" in sts.asked[1]["signed"]


def test_without_credentials_of_its_own_the_default_chain_assumes_the_role(
    sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")

    found(AwsStsAssumeRoleSession("eu-west-1", ROLE, endpoint_url=sts.url))

    assert "Credential=env-id/" in sts.asked[0]["signed"]


def test_a_token_is_sent_unsigned(sts: Sts, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.b.c\n")
    identity = AwsWebIdentityTokenFile(ROLE, "mySession", str(tmp_path / "token"), sts.url)

    assert found(identity)[0] == "key-1"
    assert sts.asked[0] == {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "mySession",
        "WebIdentityToken": "a.b.c",
        "signed": "",
    }


def test_what_is_not_said_of_a_web_identity_stands_in_the_environment(
    sts: Sts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a.b.c")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))

    found(AwsWebIdentityTokenFile(endpoint_url=sts.url))

    assert (sts.asked[0]["RoleArn"], sts.asked[0]["RoleSessionName"]) == (ROLE, "observer")


def test_a_token_file_that_is_not_there_is_named(sts: Sts, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        found(AwsWebIdentityTokenFile(ROLE, token_file=str(tmp_path / "nothing"), endpoint_url=sts.url))


def test_a_session_that_is_about_to_end_is_renewed_before_it_is_used(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    with Sts(lasts_s=30) as sts:
        session = session_of(AwsWebIdentityTokenFile(ROLE, token_file=str(token), endpoint_url=sts.url), CALLS)
        token.write_text("second")

        assert session.get_credentials().get_frozen_credentials().access_key == "key-2"
        assert [asked["WebIdentityToken"] for asked in sts.asked] == ["first", "second"]


def test_a_session_that_lasts_is_asked_for_once(sts: Sts) -> None:
    session = session_of(AwsStsAssumeRoleSession("eu-west-1", ROLE, credentials=KEYS, endpoint_url=sts.url), CALLS)
    for _ in range(3):
        session.get_credentials().get_frozen_credentials()

    assert len(sts.asked) == 1


def test_a_session_that_has_ended_when_it_comes_tells_of_clocks() -> None:
    with Sts(lasts_s=-10) as sts, pytest.raises(ConnectionError) as raised:
        found(AwsStsAssumeRoleSession("eu-west-1", ROLE, credentials=KEYS, endpoint_url=sts.url))

    assert str(raised.value) == f"the session was not valid any more when it came: {SKEWED}"


def test_without_credentials_the_default_chain_is_asked(sts: Sts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")

    assert session_of(None, CALLS).get_credentials().access_key == "env-id"


def test_where_no_credentials_are_found_the_first_call_tells(sts: Sts) -> None:
    some = client("s3", Access("eu-west-1", None, sts.url))

    with pytest.raises(ConnectionError, match="no credentials were found"), aws_errors():
        some.head_bucket(Bucket="bucket")


@pytest.mark.parametrize(
    ("written", "source"),
    [
        (
            {"type": "AwsProfile", "config": {"profileFilePath": "/f", "profileFileType": "configuration"}},
            AwsProfile("/f", FileType.CONFIGURATION),
        ),
        ({"type": "AwsEnvironmentVariable"}, AwsEnvironmentVariable()),
        ({"type": "AwsSystemProperty", "config": None}, AwsSystemProperty()),
        ({"type": "awsStatic", "config": {"accessKeyId": "the-id", "secretAccessKey": "the-secret"}}, KEYS),
        ({"type": "AwsWebIdentityTokenFile"}, AwsWebIdentityTokenFile()),
        (
            {
                "type": "AwsStsAssumeRoleSession",
                "config": {
                    "regionId": "eu-west-1",
                    "roleArn": ROLE,
                    "credentials": {
                        "type": "AwsStatic",
                        "config": {"accessKeyId": "the-id", "secretAccessKey": "the-secret"},
                    },
                },
            },
            AwsStsAssumeRoleSession("eu-west-1", ROLE, credentials=AwsCredentials("AwsStatic", KEYS)),
        ),
    ],
)
def test_every_form_is_understood_in_the_configuration(written: Mapping[str, Any], source: object) -> None:
    assert bound(**written).config == source


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "credentials: type is required"),
        ({"type": "AwsSecret"}, "credentials.type: expected one of AwsProfile, AwsEnvironmentVariable"),
        ({"type": "AwsStatic"}, "credentials.config: accessKeyId is required"),
        ({"type": "AwsProfile"}, "credentials.config: AwsProfile needs profileFilePath or profileName"),
        (
            {"type": "AwsStatic", "config": {"accessKeyId": "i", "secretKey": "s3cr3t"}},
            "credentials.config.secretKey: unknown key",
        ),
        (
            {
                "type": "AwsStsAssumeRoleSession",
                "config": {"regionId": "r", "roleArn": ROLE, "credentials": {"type": "x"}},
            },
            "credentials.config.credentials.type: expected one of",
        ),
        (
            {"type": "AwsWebIdentityTokenFile", "config": {"endpointUrl": "https://u:s3cr3t@sts"}},
            "credentials.config.endpointUrl: must not hold a name or password",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_its_place_and_without_secrets(written: Mapping[str, Any], problem: str) -> None:
    told = refused(**written)

    assert problem in told
    assert "s3cr3t" not in told


def test_secrets_are_masked_where_the_configuration_is_printed() -> None:
    nested = AwsStsAssumeRoleSession(
        "eu-west-1", ROLE, credentials=AwsCredentials("AwsStatic", AwsStatic("id", "s3cr3t", "s3cr3t"))
    )

    told = masked(plain(AwsCredentials("AwsStsAssumeRoleSession", nested)))

    assert "s3cr3t" not in str(told)
    assert "s3cr3t" not in repr(nested)


def test_what_is_printed_can_be_read_again() -> None:
    some = AwsCredentials(
        "AwsStsAssumeRoleSession",
        AwsStsAssumeRoleSession("eu-west-1", ROLE, credentials=AwsCredentials("AwsStatic", KEYS)),
    )

    printed = plain(some)

    assert isinstance(printed, dict)
    assert bound(**printed) == some
