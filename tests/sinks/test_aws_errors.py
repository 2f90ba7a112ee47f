"""What AWS has against a call, as operators read it."""

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.parsers import ResponseParserError

from sinks.aws import Access, client
from sinks.aws_credentials import AwsStatic
from sinks.aws_errors import HINTS, Refused, aws_errors, hinted, reason_of

KEYS = AwsStatic("the-id", "the-secret")


def answer(code: str, status: int = 400, message: str = "") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject"
    )


@pytest.fixture
def silent_port() -> Iterator[int]:
    """One that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def failure(port: int) -> ConnectionError:
    some = client("s3", Access("eu-west-1", KEYS, f"http://127.0.0.1:{port}", read_timeout_in_ms=100))
    with pytest.raises(ConnectionError) as raised, aws_errors():
        some.put_object(Bucket="bucket", Key="of-a-client", Body=b"")
    return raised.value


def test_an_answer_is_told_by_its_code_and_what_that_means() -> None:
    assert reason_of(answer("SignatureDoesNotMatch", 403)) == (
        "PutObject was answered with SignatureDoesNotMatch (403): the secret key does not belong to the access key"
    )


def test_an_answer_without_a_body_is_told_by_its_status() -> None:
    assert reason_of(answer("404", 404)) == "PutObject was answered with 404: there is no bucket of this name"


def test_an_unknown_code_is_told_as_it_is() -> None:
    assert reason_of(answer("Oddity", 418)) == "PutObject was answered with Oddity (418)"


def test_nothing_but_a_code_is_told_of_an_answer() -> None:
    told = reason_of(answer(f"a\n\x1b[2J<b>{'c' * 100}", 400, "value 'of-a-client' is not valid"))

    assert told == f"PutObject was answered with a2Jb{'c' * 60} (400)"


@pytest.mark.parametrize(
    "error",
    [
        answer("RequestTimeTooSkewed", 403),
        answer(
            "SignatureDoesNotMatch", 403, "Signature expired: 20261122T000000Z is now earlier than 20261122T001500Z"
        ),
        answer("InvalidSignatureException", 400, "Signature not yet current: 20261122T001500Z"),
    ],
)
def test_a_wrong_clock_is_told_as_one(error: ClientError) -> None:
    assert reason_of(error).endswith(HINTS["RequestTimeTooSkewed"])


def test_a_code_of_a_single_record_is_told_in_the_same_words() -> None:
    assert hinted("ServiceUnavailableException") == ("ServiceUnavailableException: the service asks for fewer requests")


def test_missing_credentials_are_told() -> None:
    assert reason_of(NoCredentialsError()) == "no credentials were found where they are looked for"


def test_what_a_source_of_credentials_says_is_not_quoted() -> None:
    error = CredentialRetrievalError(provider="custom-process", error_msg="the-secret")

    assert reason_of(error) == "no credentials came from custom-process"


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("403", 403), ("InvalidArgument", 400)])
def test_a_call_that_is_not_taken_was_refused(code: str, status: int) -> None:
    with pytest.raises(Refused), aws_errors():
        raise answer(code, status)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("ThrottlingException", 400),
        ("Any", 429),
        ("ExpiredToken", 400),
        ("SignatureDoesNotMatch", 403),
        ("RequestTimeTooSkewed", 403),
        ("NoSuchBucket", 404),
        ("PermanentRedirect", 301),
    ],
)
def test_what_holds_for_all_calls_is_no_refusal_of_one(code: str, status: int) -> None:
    with pytest.raises(ConnectionError) as raised, aws_errors():
        raise answer(code, status)

    assert not isinstance(raised.value, Refused)


def test_a_service_that_nobody_runs_is_told_without_the_name_of_the_object() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert str(failure(port)) == "the service could not be reached (EndpointConnectionError)"


def test_a_service_that_does_not_answer_names_the_key_of_the_time_out(silent_port: int) -> None:
    assert str(failure(silent_port)) == "the service took longer to answer than readTimeoutInMs"


@pytest.mark.parametrize("name", ["botocore.endpoint", "botocore.parsers", "botocore.auth", "urllib3.connectionpool"])
def test_what_would_log_requests_is_quiet_at_any_level_of_our_log(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_an_answer_of_something_else_is_told_without_it() -> None:
    with pytest.raises(ConnectionError) as raised, aws_errors():
        raise ResponseParserError("invalid XML received: b'<html>of-a-proxy'")

    assert str(raised.value) == "the answer is none of such a service: does something else stand in between?"


def test_other_errors_pass() -> None:
    def fails() -> Any:
        with aws_errors():
            raise KeyError("of ours")

    with pytest.raises(KeyError):
        fails()
