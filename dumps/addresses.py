"""Addresses of people in texts of WebRTC, made unreadable: of IPv4 three parts of four stay, of IPv6 a /48 at most.

The forms are those of rtcstats-server, so that its tools show what they are used to: ``192.168.7.x``,
``2001:db8:1x:x:x:x:x:x``. Where that lets more of an address through (short IPv6, an address with a port, a candidate
that it cannot read, ``o=`` of SDP), less stays here. The addresses of relays are nobody's and stay, and so do names.
"""

import re
from collections.abc import Callable

_NOBODYS = ("::1", "127.0.0.1", "0.0.0.0")  # noqa: S104 - read, not listened at
_HIDDEN = "x:x:x:x:x:x"
_BRACKETED = re.compile(r"\[([^\]]*)\](.*)", re.DOTALL)
_WITH_PORT = re.compile(r"([^:.]*\.[^:.]*\.[^:.]*\.[^:.]*):(\d*)")
_MAPPED = re.compile(r"(::ffff:)(\d+\.\d+\.\d+\.\d+)", re.IGNORECASE)
_LITERAL = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w)|(?:[0-9A-Fa-f]{0,4}+:){2,}+[0-9A-Fa-f:.]*+(?!\w))"
)
_CANDIDATE = re.compile(r"(a=)?candidate:")
_RELATED = re.compile(r"(?<=\braddr )\S+")
_LINES = re.compile(r"\r?\n")


def masked(address: str) -> str:
    """An address, perhaps with a port or in brackets; what is none, or is masked already, stays as it is."""
    if address in _NOBODYS or address.endswith(_HIDDEN):
        return address
    if found := _BRACKETED.fullmatch(address):
        return f"[{masked(found[1])}]{found[2]}"
    if found := _WITH_PORT.fullmatch(address):
        return f"{masked(found[1])}:{found[2]}"
    if found := _MAPPED.fullmatch(address):
        return found[1] + masked(found[2])
    if ":" in address:
        return _masked_6(address)
    parts = address.split(".")
    return ".".join([*parts[:3], "x"]) if len(parts) == 4 else address


def _masked_6(address: str) -> str:
    """Three groups of eight stay; what stands behind ``::`` may be any group, so none of it does."""
    kept = address.split(":")[:3]
    if "" in kept[1:]:
        first = kept.index("", 1)
        kept = kept[:first] + [""] * (3 - first)
    return ":".join(kept) + _HIDDEN


def masked_text(text: str) -> str:
    """Whatever looks like an address in a text."""
    return _LITERAL.sub(lambda found: masked(found[0]), text)


def rewritten_candidate(text: str) -> str:
    """A candidate as rtcstats-server writes it anew: without the extensions that it does not know."""
    prefix = _CANDIDATE.match(text)
    fields = text[prefix.end() :].split() if prefix else []
    if prefix is None or len(fields) < 8 or fields[6] != "typ":
        return masked_text(text)
    foundation, component, transport, priority, address, port, _, type_ = fields[:8]
    more = dict(zip(fields[8::2], fields[9::2], strict=False))
    if type_ != "relay":
        address = masked(address)
    told = [foundation, component, transport.upper(), priority, address, port, "typ", type_]
    if type_ != "host" and "raddr" in more and "rport" in more:
        told += ["raddr", masked(more["raddr"]), "rport", more["rport"]]
    if transport.lower() == "tcp" and "tcptype" in more:
        told += ["tcptype", more["tcptype"]]
    if "ufrag" in more:
        told += ["ufrag", more["ufrag"]]
    return prefix[0] + " ".join(told)


def masked_candidate(text: str) -> str:
    """A candidate with all that it says but its addresses."""
    if " typ relay" in text:
        return _RELATED.sub(lambda found: masked(found[0]), text)
    return masked_text(text)


def masked_sdp(sdp: str, *, rewritten: bool) -> str:
    """A description; its lines end with CRLF. `rewritten`: its candidates as rtcstats-server writes them."""
    if not sdp:
        return sdp
    candidate = rewritten_candidate if rewritten else masked_candidate
    lines = _LINES.split(sdp)
    if not lines[-1]:
        lines.pop()
    return "".join(f"{_masked_line(line, candidate)}\r\n" for line in lines)


def _masked_line(line: str, candidate: Callable[[str], str]) -> str:
    if line.startswith("a=candidate:"):
        return candidate(line)
    if line.startswith("c="):
        return "c=IN IP4 0.0.0.0"
    if line.startswith("a=rtcp:"):
        return "a=rtcp:9 IN IP4 0.0.0.0"
    if line.startswith("o="):
        before, space, address = line.rpartition(" ")
        return before + space + masked(address)
    if line.startswith("a=remote-candidates:"):
        return masked_text(line)
    return line
