"""The two forms of dumps, in which the tools of their makers read them: what stands at their beginning and their end.

rtcstats: ``RTCStatsDump``, an object about the connection, each message as it came, and at the end
``["close",null,code,time]``. Jitsi: ``["connectionInfo",null,{...},time]`` and each entry as it came. A line is
without its newline everywhere.
Source: the servers rtcstats-server of rtcstats.com (format 3) and of Jitsi (2025.8).
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

FILE_FORMAT = 3
MAGIC = b"RTCStatsDump"
LOST = 1006
"""The code of a socket that ended without one."""


_STATS_FORMATS = (
    ("firefox", ("Firefox/", "FxiOS/")),
    ("chrome_standard", ("Chrome/", "Chromium/", "CriOS/", "Edg/", "Electron/", "react-native")),
    ("safari", ("Safari/",)),
)
"""In the order in which they are looked for: a browser names those before it as well."""


class Kind(StrEnum):
    """Of whose form a dump is."""

    RTCSTATS = "rtcstats"
    JITSI = "jitsi"


_TOKEN = re.compile(r"(?<=[?&]rtcstats-token=)[^&#]*")


def rtcstats_head(
    *,
    url: str,
    origin: str | None,
    user_agent: str | None,
    started_ms: int,
    remote_addresses: Sequence[str],
    client_protocol: str | None,
) -> list[bytes]:
    """The first two lines. The token in the URL (path and query) is left out, as the original does.

    Addresses go in as they are: they are obfuscated with all the others when the dump is completed.
    """
    about: dict[str, Any] = {
        "url": _TOKEN.sub("obfuscated", url),
        "origin": origin,
        "userAgent": user_agent,
        "startTime": started_ms,
        "remoteAddresses": list(remote_addresses),
        "clientProtocol": client_protocol,
    }
    known = {key: value for key, value in about.items() if value is not None}
    return [MAGIC, orjson.dumps(known | {"fileFormat": FILE_FORMAT})]


def rtcstats_close(code: int, since_last_ms: float) -> bytes:
    """The last line: with what code the socket was closed, and how long after the last message. [ms]"""
    return orjson.dumps(["close", None, code, since_last_ms])


def jitsi_head(
    *,
    path: str,
    origin: str | None,
    user_agent: str | None,
    client_protocol: str | None,
    stats_format: str,
    client_type: str,
    now_ms: int,
) -> list[bytes]:
    """The first line. `path` is that of the request with its query; `stats_format` and `client_type` are as the
    original names them: ``chrome_standard``, ``RTCSTATS_CLIENT``."""
    about = {
        "path": path,
        "origin": origin,
        "url": f"{origin or ''}{path}",
        "userAgent": user_agent,
        "clientProtocol": client_protocol,
        "statsFormat": stats_format,
        "clientType": client_type,
    }
    known = {key: value for key, value in about.items() if value is not None}
    return [orjson.dumps(["connectionInfo", None, known, now_ms])]


def stats_format_of(user_agent: str | None) -> str:
    """Of what form getStats is, by the browser: ``chrome_standard``, ``firefox``, ``safari`` or ``unsupported``."""
    told = user_agent or ""
    return next((name for name, words in _STATS_FORMATS if any(word in told for word in words)), "unsupported")


def jitsi_client_type(client: str) -> str:
    """The original's name of a kind of client: ``rtcstats`` is ``RTCSTATS_CLIENT``."""
    return "UNSUPPORTED_CLIENT" if client == "unknown" else f"{client.upper()}_CLIENT"


def remark(kind: Kind, name: str, told: Mapping[str, Any], since_last_ms: float, now_ms: int) -> bytes:
    """A line of ours in between, which readers take for an event of the application."""
    if kind is Kind.RTCSTATS:
        return orjson.dumps([f":{name}", None, told, since_last_ms])
    return orjson.dumps([name, None, told, now_ms])


def lost_close(kind: Kind) -> bytes | None:
    """The last line where a process was killed: the socket ended without a word, and when, only the last message tells.

    None where the form has no last line.
    """
    return rtcstats_close(LOST, 0) if kind is Kind.RTCSTATS else None


def kind_of(first_line: bytes) -> Kind:
    """Of whose form a dump is that begins like this."""
    return Kind.RTCSTATS if first_line == MAGIC else Kind.JITSI


def head_length(kind: Kind) -> int:
    """With how many lines of ours a dump begins."""
    return 2 if kind is Kind.RTCSTATS else 1
