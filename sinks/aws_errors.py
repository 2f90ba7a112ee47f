"""What AWS, or what speaks like it, has against a call, in words for the operator.

Neither what a service says in its own words nor an address is quoted: both may hold what clients wrote (object names)
or what is secret (parameters of a call). Its codes are, as far as they look like codes.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)
from botocore.parsers import ResponseParserError

# At DEBUG it logs whole requests and answers, among them reports and the keys of sessions; a session that could not be
# renewed it tells with a traceback, long before the old one ends.
logging.getLogger("botocore").setLevel(logging.ERROR)
# At DEBUG it logs the paths of requests, and so the names of objects.
logging.getLogger("urllib3").setLevel(logging.WARNING)

_UNKNOWN_KEY = "the service does not know the access key"
_WRONG_SECRET = "the secret key does not belong to the access key"  # noqa: S105 - this tells of one
_EXPIRED = "the session token is not valid any more"
SKEWED = "the clock of this machine, or that of the service, is wrong: they differ by more than the service allows"
_NOT_ALLOWED = "the credentials do not allow this"
_NO_BUCKET = "there is no bucket of this name"
_OTHER_REGION = "the bucket is in another region than regionId says"
_TOO_FAST = "the service asks for fewer requests"

HINTS = {
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": _WRONG_SECRET,
    "InvalidSignatureException": _WRONG_SECRET,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "InvalidIdentityToken": "the service does not accept the web identity token",
    "IDPCommunicationError": "the service cannot reach who issued the web identity token",
    "RequestTimeTooSkewed": SKEWED,
    "RequestExpired": SKEWED,
    "AccessDenied": _NOT_ALLOWED,
    "AccessDeniedException": _NOT_ALLOWED,
    "AllAccessDisabled": _NOT_ALLOWED,
    "403": _NOT_ALLOWED,
    "NoSuchBucket": _NO_BUCKET,
    "404": _NO_BUCKET,
    "301": _OTHER_REGION,
    "PermanentRedirect": _OTHER_REGION,
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "ResourceNotFoundException": "there is no delivery stream of this name",
    "SlowDown": _TOO_FAST,
    "Throttling": _TOO_FAST,
    "ThrottlingException": _TOO_FAST,
    "TooManyRequestsException": _TOO_FAST,
    "LimitExceededException": _TOO_FAST,
    "ServiceUnavailable": _TOO_FAST,
    "ServiceUnavailableException": _TOO_FAST,
}
"""What the codes mean that an operator can do something about."""

_CLOCK = re.compile("signature (expired|not yet current)", re.IGNORECASE)
_NO_CODE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_CODE = 64


class Refused(ConnectionError):
    """The service answered: not this call, though perhaps another one."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status
        """The status of its answer over HTTP."""


class Away(ConnectionError):
    """The service was not reached, or could not answer: nothing is known against the credentials."""


@contextmanager
def aws_errors() -> Iterator[None]:
    """Raises `ConnectionError`, with a text for the operator, for whatever a call of botocore fails with.

    It is `Refused` where a service answered that it does not take this call, for a reason that others may not share,
    and `Away` where it did not answer, or is not able to.
    """
    try:
        yield
    except ClientError as error:
        status = _status(error)
        if 400 <= status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS and _hint(error) in (None, _NOT_ALLOWED):
            raise Refused(reason_of(error), status) from error
        kind = Away if status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS else ConnectionError
        raise kind(reason_of(error)) from error
    except RecursionError as error:  # botocore follows without an end
        raise ConnectionError("the service redirects to itself: is regionId that of the bucket?") from error
    except ResponseParserError as error:
        raise ConnectionError("the answer is none of such a service: does something else stand in between?") from error
    except (HTTPClientError, NoConnection) as error:
        raise Away(reason_of(error)) from error
    except BotoCoreError as error:
        raise ConnectionError(reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """Why a call of botocore failed."""
    match error:
        case ClientError():
            return _answer(error)
        case ProfileNotFound():
            return "there is no such profile in the files of profiles"
        case NoCredentialsError() | PartialCredentialsError():
            return "no credentials were found where they are looked for"
        case CredentialRetrievalError():
            return f"no credentials came from {coded(str(error.kwargs.get('provider', 'their source')))}"
        case ConfigParseError():
            return "a file of profiles cannot be read"
        case ParamValidationError():
            return "something that the configuration says is not of the form that the service demands"
        case ReadTimeoutError():
            return "the service took longer to answer than readTimeoutInMs"
        case ConnectTimeoutError():
            return "the service could not be reached within connectTimeoutInMs"
        case SSLError():
            return "the service's certificate was not accepted, or it does not speak TLS"
        case NoConnection() | HTTPClientError():
            return f"the service could not be reached ({type(error).__name__})"
    return f"the call failed ({type(error).__name__})"


def hinted(code: str) -> str:
    """A code of an answer, and what it means if it is one of `HINTS`."""
    told = coded(code)
    return f"{told}: {HINTS[told]}" if told in HINTS else told


def coded(text: str) -> str:
    """What of a text may be part of a code, which is all that is told of it."""
    return _NO_CODE.sub("", text)[:_LONGEST_CODE] or "no code"


def _answer(error: ClientError) -> str:
    code, status, hint = _code(error), _status(error), _hint(error)
    told = f"{error.operation_name} was answered with {code}" + ("" if code == str(status) else f" ({status})")
    return f"{told}: {hint}" if hint else told


def _hint(error: ClientError) -> str | None:
    if _CLOCK.search(str(error.response.get("Error", {}).get("Message", ""))):
        return SKEWED
    return HINTS.get(_code(error)) or HINTS.get(str(_status(error)))


def _code(error: ClientError) -> str:
    return coded(str(error.response.get("Error", {}).get("Code", "")))


def _status(error: ClientError) -> int:
    """The status of an answer over HTTP; 0 if it is not known."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
