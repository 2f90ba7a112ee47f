"""The forms of credentials for AWS: ``credentials: {type, config}``, as the reference knows them.

Each type is a class whose fields are the keys of its ``config``. What is found is an object of botocore that renews
itself where it can end. All calls block: they belong in a thread.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session

from sinks.aws_sessions import Calls, Source, in_environment, renewed, session_of, variable
from sinks.aws_values import filled, http_url, region


def bind_credentials(binder: Any, raw: object, place: Any) -> Any:
    """What `config` holds depends on `type` (a function for the metadata of a field: see `observer.config.binding`)."""
    written = binder.instance(_Written, raw, place)
    if not isinstance(written, _Written):
        return written
    form = FORMS[written.type]
    config = binder.instance(form, written.config, place.below(raw, "config"))
    return AwsCredentials(written.type, config) if isinstance(config, form) else config


class FileType(StrEnum):
    """What a file of profiles is: `~/.aws/credentials` or `~/.aws/config`, which name their sections differently."""

    CREDENTIALS = "CREDENTIALS"
    CONFIGURATION = "CONFIGURATION"


@dataclass(frozen=True)
class AwsProfile:
    """With `AwsProfile`: a profile of a file, as the tools of AWS keep them; at least one of file and name is given."""

    profile_file_path: str | None = field(default=None, metadata={"parse": filled})
    """The file; without it `~/.aws/credentials` and `~/.aws/config`, or the files that the environment names."""
    profile_file_type: FileType = FileType.CREDENTIALS
    """Of which of the two kinds the file is."""
    profile_name: str | None = field(default=None, metadata={"parse": filled})
    """The profile; without it the one of `AWS_PROFILE`, or else `default`."""

    def __post_init__(self) -> None:
        if self.profile_file_path is None and self.profile_name is None:
            raise ValueError("AwsProfile needs profileFilePath or profileName")

    def found(self, calls: Calls) -> Credentials:
        """Those of the profile, also when it names a role to assume; never those of the machine."""
        session = Session(profile=self.profile_name)
        session.set_default_client_config(calls.config)
        session.set_config_variable("region", calls.region_id)
        if self.profile_file_path is not None:
            Path(self.profile_file_path).open("rb").close()
            is_config = self.profile_file_type is FileType.CONFIGURATION
            session.set_config_variable("config_file", self.profile_file_path if is_config else os.devnull)
            session.set_config_variable("credentials_file", os.devnull if is_config else self.profile_file_path)
        resolver = session.get_component("credential_provider")
        for provider in [it.METHOD for it in resolver.providers if it.METHOD in _OF_NO_PROFILE]:
            resolver.remove(provider)
        found: Credentials | None = session.get_credentials()
        if found is None:
            raise ConnectionError("the profile has no credentials")
        return found


_OF_NO_PROFILE = ("env", "container-role", "iam-role", "ec2-credentials-file", "boto-config")
"""The names that botocore gives those of its sources that have nothing to do with a profile."""


@dataclass(frozen=True)
class AwsEnvironmentVariable:
    """With `AwsEnvironmentVariable`: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`."""

    def found(self, calls: Calls) -> Credentials:
        """What the variables say when the sink is opened."""
        return in_environment(("AWS_ACCESS_KEY_ID",), ("AWS_SECRET_ACCESS_KEY",), ("AWS_SESSION_TOKEN",))


@dataclass(frozen=True)
class AwsSystemProperty:
    """With `AwsSystemProperty`: `aws.accessKeyId`, `aws.secretAccessKey` and `aws.sessionToken`.

    These are system properties of Java. Here they are variables of the environment of the same names, or of these in
    capitals, with an underscore for the dot.
    """

    def found(self, calls: Calls) -> Credentials:
        """What the variables say when the sink is opened."""
        names = ("aws.accessKeyId", "aws.secretAccessKey", "aws.sessionToken")
        return in_environment(*((name, name.replace(".", "_").upper()) for name in names))


@dataclass(frozen=True)
class AwsStatic:
    """With `AwsStatic`: the keys as they stand here, or in the variables that `${NAME}` names."""

    access_key_id: str = field(metadata={"parse": filled})
    """The id of the key."""
    secret_access_key: str = field(repr=False, metadata={"parse": filled})
    """The key."""
    session_token: str | None = field(default=None, repr=False)
    """The token of a session, for keys that belong to one."""

    def found(self, calls: Calls) -> Credentials:
        """Those that are given."""
        return Credentials(self.access_key_id, self.secret_access_key, self.session_token, method="explicit")


@dataclass(frozen=True)
class AwsWebIdentityTokenFile:
    """With `AwsWebIdentityTokenFile`: a role that a token of another provider, such as Kubernetes, may assume."""

    role_arn: str | None = None
    """The role; without it that of `AWS_ROLE_ARN`."""
    role_session_name: str | None = None
    """The name of the session; without it that of `AWS_ROLE_SESSION_NAME`, or else `observer`."""
    token_file: str | None = None
    """The file with the token, read anew for each session; without it that of `AWS_WEB_IDENTITY_TOKEN_FILE`."""
    endpoint_url: str | None = field(default=None, metadata={"parse": http_url})
    """Where STS is, if not at AWS."""

    def found(self, calls: Calls) -> Credentials:
        """Those of a session, which is renewed before it ends."""
        role = self.role_arn or variable("AWS_ROLE_ARN")
        name = self.role_session_name or os.environ.get("AWS_ROLE_SESSION_NAME") or "observer"
        path = Path(self.token_file or variable("AWS_WEB_IDENTITY_TOKEN_FILE"))
        unsigned = calls.config.merge(Config(signature_version=UNSIGNED))
        sts = Session().create_client("sts", calls.region_id, endpoint_url=self.endpoint_url, config=unsigned)
        return renewed(
            lambda: sts.assume_role_with_web_identity(
                RoleArn=role, RoleSessionName=name, WebIdentityToken=path.read_text("utf-8").strip()
            ),
            "assume-role-with-web-identity",
        )


@dataclass(frozen=True)
class AwsStsAssumeRoleSession:
    """With `AwsStsAssumeRoleSession`: a role that is assumed by STS, with credentials of one of these types."""

    region_id: str = field(metadata={"parse": region})
    """The region of STS."""
    role_arn: str = field(metadata={"parse": filled})
    """The role."""
    role_session_name: str = field(default="observer", metadata={"parse": filled})
    """The name of the session."""
    credentials: Source | None = field(default=None, metadata={"bind": bind_credentials})
    """Who assumes the role: `type` and `config` once more. Without it the default chain of AWS."""
    external_id: str | None = field(default=None, repr=False)
    """The external id that the role asks for."""
    policy: str | None = None
    """A policy, as JSON, that narrows what the session may do."""
    serial_number: str | None = None
    """The serial number of the device of who assumes the role, where the role asks for one."""
    transitive_tag_key: str | None = None
    """The tag that goes on to sessions of further roles."""
    endpoint_url: str | None = field(default=None, metadata={"parse": http_url})
    """Where STS is, if not at AWS."""

    def found(self, calls: Calls) -> Credentials:
        """Those of a session, which is renewed before it ends."""
        session = session_of(self.credentials, calls)
        sts = session.create_client("sts", self.region_id, endpoint_url=self.endpoint_url, config=calls.config)
        optional = {
            "ExternalId": self.external_id,
            "Policy": self.policy,
            "SerialNumber": self.serial_number,
            "TransitiveTagKeys": [self.transitive_tag_key] if self.transitive_tag_key else None,
        }
        request = {"RoleArn": self.role_arn, "RoleSessionName": self.role_session_name} | {
            key: value for key, value in optional.items() if value
        }
        return renewed(lambda: sts.assume_role(**request), "sts-assume-role")


_Form = (
    AwsProfile
    | AwsEnvironmentVariable
    | AwsStsAssumeRoleSession
    | AwsStatic
    | AwsSystemProperty
    | AwsWebIdentityTokenFile
)

FORMS: Mapping[str, type[_Form]] = {
    "AwsProfile": AwsProfile,
    "AwsEnvironmentVariable": AwsEnvironmentVariable,
    "AwsStsAssumeRoleSession": AwsStsAssumeRoleSession,
    "AwsStatic": AwsStatic,
    "AwsSystemProperty": AwsSystemProperty,
    "AwsWebIdentityTokenFile": AwsWebIdentityTokenFile,
}
"""The class of each type."""


def _known(text: str) -> str:
    """The name of a type, in any mixture of upper and lower case."""
    for name in FORMS:
        if name.lower() == text.lower():
            return name
    raise ValueError(f"expected one of {', '.join(FORMS)}")


@dataclass(frozen=True)
class _Written:
    """What stands in the configuration, before the type has said what `config` may hold."""

    type: str = field(metadata={"parse": _known})
    config: object = None


@dataclass(frozen=True)
class AwsCredentials:
    """Who calls a service of AWS."""

    type: str
    """The form: `AwsProfile`, `AwsEnvironmentVariable`, `AwsStsAssumeRoleSession`, `AwsStatic`, `AwsSystemProperty` or
    `AwsWebIdentityTokenFile`."""
    config: _Form
    """What the form needs to know."""

    def found(self, calls: Calls) -> Credentials:
        """The credentials of its form."""
        return self.config.found(calls)
