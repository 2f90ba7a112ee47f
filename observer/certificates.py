"""Makes the certificates of a cluster: ``webrtc-observer certificates``.

The authority is made once and kept in the folder; a certificate is made for each host. `add_arguments` and `main` are
the command line around `cluster.certificates`.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from cluster.certificates import Authority, Pair, general_name, new_authority, read_authority

AUTHORITY = "ca"
"""How the files of the authority are called."""

_MOST_DAYS = 36_500
_CONFIGURATION = """
observer:
  hamok:
    endpoint:
      type: WebsocketEndpoint
      config:
        advertisedHost: {host}
        tls:
          ca: {ca}
          cert: {cert}
          key: {key}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("hosts", nargs="+", metavar="HOST", help="a host name or IP address by which peers find a node")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder of the files; made if need be"
    )
    parser.add_argument("--days", type=_days, default=365, help="how long the certificates hold (default: 365)")
    parser.add_argument("--ca-days", type=_days, default=3650, help="how long a new authority holds (default: 3650)")
    parser.add_argument("--force", action="store_true", help="replace certificates of hosts that are there already")


def main(options: argparse.Namespace) -> int:
    """Makes what is asked for and tells of it; 2 if that cannot be, with a reason, and nothing is made then."""
    try:
        hosts = list(dict.fromkeys(map(_canonical, options.hosts)))
        print("\n".join(_make(options.out.absolute(), hosts, options)))  # noqa: T201 - the answer
    except ValueError as error:
        print(f"webrtc-observer certificates: {error}", file=sys.stderr)  # noqa: T201 - told to whoever called
        return 2
    except OSError as error:
        print(f"webrtc-observer certificates: {error}", file=sys.stderr)  # noqa: T201 - told to whoever called
        return 1
    return 0


def _make(folder: Path, hosts: Sequence[str], options: argparse.Namespace) -> list[str]:
    """What was made, in lines; raises `ValueError` before anything is."""
    now = datetime.now(UTC)
    for host in hosts:
        for path in _paths(folder, host):
            if path.exists() and not options.force:
                raise ValueError(f"{path} is there already; --force replaces it")
    kept = _kept_authority(folder, now)
    authority = kept or new_authority(options.ca_days, now)
    pairs = [(host, authority.issue(host, options.days, now)) for host in hosts]
    folder.mkdir(parents=True, exist_ok=True)
    told = [] if kept else _write(folder, AUTHORITY, authority.pair(), "the authority: keep its key off the nodes")
    for host, pair in pairs:
        told += _write(folder, host, pair, host)
    for host in hosts:
        cert, key = _paths(folder, host)
        ca, _ = _paths(folder, AUTHORITY)
        # JSON's strings are YAML's as well, whatever stands in a path; a wildcard is no address to be found at.
        quoted = {"ca": str(ca), "cert": str(cert), "key": str(key), "host": host.replace("*", "node")}
        told.append(_CONFIGURATION.format_map({name: json.dumps(text) for name, text in quoted.items()}))
    return told


def _canonical(host: str) -> str:
    """The one spelling of a host; raises `ValueError` for what is none, or cannot have files of its own."""
    match general_name(host):
        case x509.IPAddress(value=address):
            return str(address)
        case _ if host.lower() == AUTHORITY:
            raise ValueError(f"{host!r} is what the files of the authority are called")
        case _:
            return host.lower()


def _kept_authority(folder: Path, now: datetime) -> Authority | None:
    """The authority of the folder, if it has one; raises `ValueError` if that cannot be used."""
    certificate, key = _paths(folder, AUTHORITY)
    if not certificate.exists() and not key.exists():
        return None
    try:
        return read_authority(certificate.read_bytes(), key.read_bytes(), now)
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is missing: without it the authority of {folder} cannot sign") from error
    except ValueError as error:
        raise ValueError(f"{certificate}: {error}") from error


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Where a certificate and its key are kept. Neither ``:`` nor ``*`` stands in a name, for shells and archives."""
    stem = name.replace(":", "_").replace("*", "_")
    return folder / f"{stem}.pem", folder / f"{stem}.key"


def _write(folder: Path, name: str, pair: Pair, what: str) -> list[str]:
    certificate, key = _paths(folder, name)
    _replace(key, pair.key, 0o600)
    _replace(certificate, pair.certificate, 0o644)
    return [f"{certificate}, {key.name}: {what}, until {pair.expires_at:%Y-%m-%d}"]


def _replace(path: Path, contents: bytes, mode: int) -> None:
    """Writes a file that is whole at any time, and never readable by more than `mode` says."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(fd, "wb") as file:
        file.write(contents)
    draft.replace(path)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _MOST_DAYS):
        raise argparse.ArgumentTypeError(f"{text} is no number between 1 and {_MOST_DAYS}")
    return int(text)
