"""What clients of 3.x tell beside statistics: events, issues, meta data and extensions, as objects or JSON texts."""

from typing import Any

import orjson
import pytest

from schemas.samples import Item
from schemas.samples_3 import as_2_2


def brought(name: str, *entries: Any) -> Item:
    """A sample of 3.x that tells these, in the form of 2.2."""
    return as_2_2({"clientId": "a", "timestamp": 1, name: list(entries)})


def payloads(payload: Item) -> list[Any]:
    """A payload as senders from 3.5 on write it, and as those before."""
    return [payload, orjson.dumps(payload).decode()]


@pytest.mark.parametrize(
    "payload", payloads({"peerConnectionId": "pc", "trackId": "t", "kind": "video", "in": {"a": 1}})
)
def test_an_event_names_what_it_is_about(payload: object) -> None:
    entry = {"type": "MEDIA_TRACK_ADDED", "payload": payload, "timestamp": 5}

    assert brought("clientEvents", entry)["customCallEvents"] == [
        {
            "name": "MEDIA_TRACK_ADDED",
            "timestamp": 5,
            "peerConnectionId": "pc",
            "mediaTrackId": "t",
            "attachments": {"kind": "video", "in": {"a": 1}},
        }
    ]


@pytest.mark.parametrize("payload", [None, "", "{}", {}])
def test_an_event_may_have_nothing_to_say(payload: object) -> None:
    (event,) = brought("clientEvents", {"type": "E", "payload": payload})["customCallEvents"]

    assert (event["name"], event.get("attachments")) == ("E", None)


@pytest.mark.parametrize("payload", ["just text", "{broken", [1], 7])
def test_what_an_event_says_may_be_no_object(payload: object) -> None:
    assert brought("clientEvents", {"type": "E", "payload": payload})["customCallEvents"][0]["attachments"] == payload


@pytest.mark.parametrize("payload", payloads({"severity": "minor"}))
def test_an_issue_is_an_extension(payload: object) -> None:
    entry = {"type": "congestion", "key": "k", "payload": payload, "timestamp": 5}

    assert brought("clientIssues", entry)["extensionStats"] == [
        {"type": "CLIENT_ISSUE", "payload": {**entry, "payload": {"severity": "minor"}}}
    ]


def test_an_extension_stays_as_it_is() -> None:
    entry = {"type": "EXT", "payload": '{"fps": 30}'}

    assert brought("extensionStats", entry)["extensionStats"] == [entry]


AGENT = {
    "ua": "Mozilla/5.0",
    "browser": {"name": "Chrome", "version": "156", "major": "156"},
    "engine": {"name": "Blink"},
    "os": {"name": "Linux"},
    "device": {"vendor": "Apple", "model": "Macintosh"},
    "cpu": {"architecture": "amd64"},
}


@pytest.mark.parametrize("payload", payloads(AGENT))
def test_the_user_agent_is_browser_engine_platform_and_os(payload: object) -> None:
    sample = brought("clientMetaItems", {"type": "USER_AGENT_DATA", "payload": payload})

    assert (sample["browser"], sample["engine"]) == (AGENT["browser"], {"name": "Blink"})
    assert (sample["platform"], sample["os"]) == ({"vendor": "Apple", "model": "Macintosh"}, {"name": "Linux"})


def test_what_the_user_agent_says_beyond_is_an_extension() -> None:
    sample = brought("clientMetaItems", {"type": "USER_AGENT_DATA", "payload": AGENT})

    assert sample["extensionStats"] == [
        {"type": "USER_AGENT_DATA", "payload": {"ua": "Mozilla/5.0", "cpu": {"architecture": "amd64"}}}
    ]


def test_an_empty_device_is_no_platform() -> None:
    sample = brought("clientMetaItems", {"type": "USER_AGENT_DATA", "payload": {**AGENT, "device": {}}})

    assert "platform" not in sample


@pytest.mark.parametrize(
    ("type_", "name"),
    [("BROWSER", "browser"), ("ENGINE", "engine"), ("PLATFORM", "platform"), ("OPERATION_SYSTEM", "os")],
)
def test_each_may_come_by_itself(type_: str, name: str) -> None:
    assert brought("clientMetaItems", {"type": type_, "payload": '{"name": "x"}'})[name] == {"name": "x"}


def test_media_devices_have_an_id() -> None:
    device = {"deviceId": "d", "kind": "audioinput", "label": "Mic"}

    sample = brought("clientMetaItems", *[{"type": "MEDIA_DEVICE", "payload": payload} for payload in payloads(device)])

    assert sample["mediaDevices"] == [{"id": "d", **device}, {"id": "d", **device}]


@pytest.mark.parametrize(
    ("type_", "name"),
    [("MEDIA_CONSTRAINT", "mediaConstraints"), ("USER_MEDIA_ERROR", "userMediaErrors"), ("LOCAL_SDP", "localSDPs")],
)
def test_what_is_text_in_2_becomes_text(type_: str, name: str) -> None:
    entries = [{"type": type_, "payload": payload} for payload in ("text", {"audio": True})]

    assert brought("clientMetaItems", *entries)[name] == ["text", '{"audio":true}']


def test_meta_data_that_2_does_not_know_is_an_extension() -> None:
    entry = {"type": "MEDIA_DEVICES_SUPPORTED_CONSTRAINTS", "payload": '{"width": true}', "timestamp": 1}

    assert brought("clientMetaItems", entry)["extensionStats"] == [
        {"type": "MEDIA_DEVICES_SUPPORTED_CONSTRAINTS", "payload": {"width": True}}
    ]


@pytest.mark.parametrize(("name", "where"), [("clientEvents", "customCallEvents"), ("clientIssues", "extensionStats")])
def test_what_is_no_object_is_noticed(name: str, where: str) -> None:
    assert brought(name, 7, "text", None)[where] == [None, None, None]
