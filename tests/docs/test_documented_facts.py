"""What the documents name exists, and what they list is complete and right."""

import json
import re
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from analysis import events
from cluster import links as cluster_links
from ingest import access_tokens, sessions
from ingest.incoming import BadSamples
from ingest.statistics import Refused
from observer.config import parse
from observer.config.environment import expand
from observer.config.page import markdown
from schemas.reports import NAMES, ReportType
from schemas.samples import Reason
from sinks import SINKS
from sinks.statistics import DropReason
from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    Happening,
    SfuHappening,
)
from store.entities import INBOUND, OUTBOUND
from tests.docs.documents import (
    DOCUMENTS,
    TOP,
    WRITTEN,
    Block,
    anchors,
    blocks,
    code_words,
    links,
    name_of,
    rows,
    text_of,
)
from tests.observer.certified import write_certificates
from tests.observer.exposed import exposed
from tests.observer.test_metrics import busy_with_guests
from web import Ended

EVENTS_PAGE = TOP / "docs" / "events-and-reports.md"
OPERATIONS_PAGE = TOP / "docs" / "operations.md"

TABLES_OF_SAMPLES = sorted((TOP / "schemas" / "protobuf").glob("fields*.py"))
"""Where every field of every version of the sample schemas stands."""

OTHER_WORDS = {
    *("timeZoneId", "streamDirection", "mediaKind", "getTimezoneOffset", "getStats", "schemaVersion", "accessToken"),
    *("defaultLogger", "clusterId", "commitIndex", "appliedIndex", "secondsWaitingForCommit"),
    *("spooledReports", "nextTryInSeconds"),
}
"""Words of queries, attachments and answers that no table of ours holds."""

CLIENT_WORDS = {
    *("addTrackRelation", "addRTCPeerConnection", "createClientMonitor", "incrementalSampling"),
    *("producerId", "consumerId"),
}
"""Words of ObserveRTC's client-monitor-js."""

GUEST_WORDS = {*("rtcStats", "statsSessionId", "connectionInfo", "networkType")}
"""Words of rtcstats-js and of Jitsi's clients."""

_KEY_ROW = re.compile(r"^\| `([\w.<>*]+)` \|", re.MULTILINE)
_METRIC = re.compile(r"\b(?:observertc|process|python)_[a-z0-9_]+")
_HUMP = re.compile(r"[a-z][A-Z]")
_DOTTED = re.compile(r"[A-Za-z][\w<>]*(?:\.[\w<>]+)*")
_DEFAULT_ROW = re.compile(r"^\| `([\w.<>*]+)` \|[^|]*\|[^|]*\| `([^`|]+)` \|", re.MULTILINE)
_TOLD_DEFAULT = re.compile(r"`([A-Za-z][\w.]*)` \((\d+)( s| ms| MiB)?\)")
_MEBIBYTE = 1024 * 1024
_TOP_BLOCK = re.compile(r"(?:observer|micronaut|endpoints)\.[a-z]")
_PATH = re.compile(r"[\w./-]+\.(?:py|md|yaml|toml|lock)")
_CERTIFICATE = re.compile(r"^( +)(ca|cert|key): \S+$", re.MULTILINE)
_ADVERTISED = re.compile(r"^ +(?:advertisedHost|serverHost): (\S+)$", re.MULTILINE)
_PLACEHOLDER = {"serviceId", "mediaUnitId"}


@cache
def keys() -> set[str]:
    """Every key of the configuration, as its generated page lists them."""
    return set(_KEY_ROW.findall(markdown()))


@cache
def known_words() -> set[str]:
    """Every word in camelCase that may stand in a document."""
    words = {part for key in keys() for part in key.split(".")}
    words |= {name for names in NAMES.values() for name in names}
    words |= set(re.findall(r"\b[a-z]+[A-Z]\w*", markdown()))
    for table in TABLES_OF_SAMPLES:
        words |= set(re.findall(r"\b[a-z]+[A-Z]\w*", text_of(table)))
    return words | OTHER_WORDS | CLIENT_WORDS | GUEST_WORDS | _PLACEHOLDER


def unknown_words(text: str) -> set[str]:
    """Words in code that look like keys or fields and are none."""
    known, paths = known_words(), keys()
    found = set()
    for word in code_words(text):
        if not _DOTTED.fullmatch(word):
            continue
        if _TOP_BLOCK.match(word) and not _PATH.fullmatch(word):
            if word not in paths and not _is_module(word) and not any(path.startswith(f"{word}.") for path in paths):
                found.add(word)
        elif _HUMP.search(word) and not word[0].isupper() and not set(word.split(".")) <= known | paths:
            found.add(word)
    return found


def _is_module(word: str) -> bool:
    """Whether a dotted word names a module of ours, or something in one."""
    return any((TOP / Path(*word.split(".")[:depth])).with_suffix(".py").exists() for depth in (2, 3))


def wrong_defaults(text: str) -> dict[str, str]:
    """Keys that the text gives another default than they have, in brackets behind them; and that default."""
    wrong = {}
    defaults = {key.replace("<name>.", ""): default for key, default in _DEFAULT_ROW.findall(markdown())}
    for key, number, unit in _TOLD_DEFAULT.findall(text):
        told = int(number) * (_MEBIBYTE if unit == " MiB" else 1)
        known = {default for path, default in defaults.items() if path == key or path.endswith(f".{key}")}
        if not any(float(default) == told for default in known):
            wrong[key] = number + unit
    return wrong


async def unknown_metrics(text: str) -> set[str]:
    """Names of metrics that no node tells."""
    told = await exposed(busy_with_guests())
    known = set(re.findall(r"^# TYPE (\S+)", told.text, re.MULTILINE)) | {name for name, _ in told.values}
    return {name for name in _METRIC.findall(text) if name not in known and f"{name}_total" not in known}


def dead_links(text: str, document: Path) -> set[str]:
    """Links to files and headings that are not there; links to the world are not followed."""
    dead = set()
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        if not target.exists() or (anchor and anchor not in anchors(text_of(target))):
            dead.add(link)
    return dead


def dead_paths(text: str) -> set[str]:
    """Files of the repository that are named in code and are not there."""
    return {
        word
        for word in code_words(text)
        if "/" in word and _PATH.fullmatch(word) and not word.startswith("/") and not (TOP / word).exists()
    }


def certified(text: str, folder: Path) -> str:
    """The configuration with the certificates that it names put into a folder, made for the host that it names."""
    expanded = expand(text, {})
    host = _ADVERTISED.search(expanded)
    if host is None or not _CERTIFICATE.search(expanded):
        return text
    write_certificates(folder, host[1])
    return _CERTIFICATE.sub(lambda line: f"{line[1]}{line[2]}: {folder}/{line[2]}.pem", expanded)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_yaml_block_is_a_configuration(block: Block, tmp_path: Path) -> None:
    assert parse(certified(block.text, tmp_path), {}).notices == () or "later" in block.words


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_json_block_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert dead_links(text_of(document), document) == set()


@pytest.mark.parametrize("document", WRITTEN, ids=name_of)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    assert dead_paths(text_of(document)) == set()


@pytest.mark.parametrize("document", WRITTEN, ids=name_of)
async def test_every_metric_that_is_named_is_told(document: Path) -> None:
    assert await unknown_metrics(text_of(document)) == set()


@pytest.mark.parametrize("document", WRITTEN, ids=name_of)
def test_every_key_and_field_that_is_named_exists(document: Path) -> None:
    assert unknown_words(text_of(document)) == set()


@pytest.mark.parametrize("document", WRITTEN, ids=name_of)
def test_every_default_that_is_told_in_brackets_is_the_default(document: Path) -> None:
    assert wrong_defaults(text_of(document)) == {}


def test_defaults_are_told_in_brackets_at_all() -> None:
    told = [match for document in WRITTEN for match in _TOLD_DEFAULT.findall(text_of(document))]

    assert len(told) > 10


def test_every_event_stands_in_the_page_as_it_is_told() -> None:
    table = {(name, of): (message, keys) for name, of, message, _, keys in rows(text_of(EVENTS_PAGE), "Call events")}

    assert table == told_events()


def told_events() -> dict[tuple[str, str], tuple[str, str]]:
    """What the code tells, with the names of ids in their place."""
    told = {}
    for what, direction in ((CALL, None), (CLIENT, None), (PEER_CONNECTION, None), (TRACK, INBOUND), (TRACK, OUTBOUND)):
        it = Happening(
            *(what, "<serviceId>", "<roomId>", "<callId>", 0),
            peer_connection_id="<peerConnectionId>",
            direction=direction,
            media_kind="<kind>",
            sfu_stream_id="<sfuStreamId>",
            sfu_sink_id="<sfuSinkId>",
        )
        for event in (events.OPENED[what], events.CLOSED[what]):
            attached = ", ".join(event.attachments(it)) if event.attachments else "none"
            of = f"{direction.lower()} track" if direction else {PEER_CONNECTION: "peer connection"}.get(what, what)
            told[event.name, of] = (event.message(it), attached)
    return told


def test_every_event_of_an_sfu_stands_in_the_page_as_it_is_told() -> None:
    table = {(name, of): (message, keys) for name, of, message, _, keys in rows(text_of(EVENTS_PAGE), "SFU events")}

    assert table == told_events_of_sfus()


def told_events_of_sfus() -> dict[tuple[str, str], tuple[str, str]]:
    """What the code tells of SFUs."""
    told = {}
    called = {SFU: "SFU", SFU_TRANSPORT: "transport", RTP_PAD: "pad", SCTP_CHANNEL: "SCTP channel"}
    for what, of in called.items():
        it = SfuHappening(what, "<serviceId>", "<sfuId>", 0)
        for event in (events.SFU_OPENED[what], events.SFU_CLOSED[what]):
            told[event.name, of] = (event.message, ", ".join(event.attachments(it)) if event.attachments else "none")
    return told


@pytest.mark.parametrize("type_", ReportType)
def test_the_fields_of_every_report_are_listed_in_their_order(type_: ReportType) -> None:
    listed = {name: tuple(fields.split()) for name, fields in rows(text_of(EVENTS_PAGE), "Fields in their order")}

    assert listed[type_] == NAMES[type_]


def test_every_report_type_is_named() -> None:
    text = text_of(EVENTS_PAGE)

    assert {type_ for type_ in ReportType if f"`{type_}`" not in text} == set()


def test_every_reason_why_something_is_not_taken_is_explained() -> None:
    listed = [row[0] for row in rows(text_of(EVENTS_PAGE), "What is not taken, and why")]

    assert sorted(listed) == sorted(reason.value for reason in Reason)


@pytest.mark.parametrize(
    ("heading", "reasons"),
    [
        ("Messages and sessions that are refused", Refused),
        ("Connections that are ended", Ended),
        ("Reports that are dropped", DropReason),
        ("Strangers at the cluster port", cluster_links.Refused),
        ("Links between nodes that end", cluster_links.Closed),
    ],
)
def test_every_other_reason_is_explained(heading: str, reasons: type[StrEnum]) -> None:
    listed = [row[0] for row in rows(text_of(OPERATIONS_PAGE), heading)]

    assert sorted(listed) == sorted(reason.value for reason in reasons)


def test_every_close_code_is_explained() -> None:
    codes = {row[0] for row in rows(text_of(OPERATIONS_PAGE), "Close codes of a WebSocket")}

    ours = {
        *(sessions.NOT_READY, sessions.INTERNAL_ERROR, sessions.DISABLED),
        *(access_tokens.EXPIRED, access_tokens.REQUIRED, access_tokens.OVERUSED, access_tokens.INVALID),
        BadSamples("", Refused.UNDECODABLE).close_code,
    }
    assert {code for code in codes if code.startswith("42")} == {str(code) for code in ours}


def test_every_type_of_sink_is_named() -> None:
    text = text_of(TOP / "docs" / "sinks.md")

    assert {type_ for type_ in SINKS if f"`{type_}`" not in text} == set()


async def test_what_is_wrong_in_a_document_is_noticed() -> None:
    text = (
        "`observertc_sinks_happiness` `observer.buffers.soup` `maxSoupInMs` `observer/soup.py` "
        "[x](docs/soup.md) [y](#soup) `observer.shutdownGraceInS` (26 s)\n"
    )

    assert await unknown_metrics(text) == {"observertc_sinks_happiness"}
    assert unknown_words(text) == {"observer.buffers.soup", "maxSoupInMs"}
    assert wrong_defaults(text) == {"observer.shutdownGraceInS": "26 s"}
    assert dead_paths(text) == {"observer/soup.py"}
    assert dead_links(text, TOP / "README.md") == {"docs/soup.md", "#soup"}
