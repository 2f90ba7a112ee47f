"""Single values of the configuration of what speaks to AWS: functions for the metadata `parse` of a field."""

import re
from urllib.parse import urlsplit

_REGION = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,62}")

_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}|arn:[A-Za-z0-9:/._-]{1,1000}")


def bucket(text: str) -> str:
    """The name of a bucket, or the ARN of an access point."""
    if not _BUCKET.fullmatch(text):
        raise ValueError("must be the name of a bucket, or the ARN of an access point")
    return text


def filled(text: str) -> str:
    """A text that is not empty."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def region(text: str) -> str:
    """The name of a region, which becomes part of the name of a host."""
    if not _REGION.fullmatch(text):
        raise ValueError("must be the name of a region, such as eu-west-1")
    return text


def http_url(text: str) -> str:
    """Where a service is: `http://` or `https://`, a host, perhaps a port and a path; nobody's password."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL such as https://storage.example.com:9000") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL such as https://storage.example.com:9000")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a name or password: these belong into credentials")
    return text
