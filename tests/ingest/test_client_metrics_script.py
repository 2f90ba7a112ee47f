"""The script of client metrics, run in a page that has what it needs of Jitsi Meet and nothing else."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ingest.client_metrics_script import script
from schemas.client_metrics import LABELS
from schemas.client_metrics_validation import checked

NODE = shutil.which("node")
PAGE = """
const settings = %s;
const calls = [], ticks = [], stored = {"features/base/settings": JSON.stringify({displayName: "Ann"})};
const heard = {};
const room = {on: (name, listener) => { heard[name] = listener; }};
globalThis.window = globalThis;
globalThis.setInterval = (tick) => ticks.push(tick);
globalThis.document = {currentScript: {src: settings.src, dataset: settings.token ? {token: settings.token} : {}}};
globalThis.localStorage = {getItem: (key) => stored[key] ?? null, setItem: (key, value) => { stored[key] = value; }};
globalThis.fetch = async (url, request) => { calls.push({url, ...request}); throw new Error("offline"); };
(0, eval)(settings.script);
globalThis.APP = {conference: {_room: room, roomName: settings.room, getMyUserId: () => "a1b2"}};
ticks.forEach((tick) => tick());
settings.stats.forEach((stats) => heard["cq.local_stats_updated"](stats));
setImmediate(() => process.stdout.write(JSON.stringify(calls)));
"""
STATS = {
    "connectionQuality": 0,
    "serverRegion": "eu",
    "bandwidth": {"upload": 1254},
    "bitrate": {"upload": 174, "download": 170, "audio": {"upload": 24, "download": 25}, "video": {"upload": 150}},
    "packetLoss": {"upload": 0, "download": 1, "total": 1},
    "transport": [
        {"ip": "198.51.100.20:443", "localip": "192.168.1.7:50000", "type": "udp", "networkType": "wifi", "rtt": 42},
        {"ip": "[2001:db8::1]:443", "localip": "2001:db8::7:50000", "type": "tcp", "rtt": 5},
        {"ip": "x.local:443", "localip": "undefined:undefined", "type": "relay", "rtt": None},
    ],
}

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node.js to run it")


def run(
    *stats: Mapping[str, Any],
    push_url: str | None = None,
    labels: Sequence[str] = LABELS,
    token: str | None = None,
    room: str = "standup",
) -> list[Any]:
    """What a page fetches whose conference tells of these statistics."""
    text = script(push_url, "/metrics/push", labels).decode()
    settings = {"script": text, "src": "https://metrics.example.org/client-file?x", "stats": stats}
    page = PAGE % json.dumps({**settings, "token": token, "room": room})
    done = subprocess.run([str(NODE), "-"], input=page, capture_output=True, text=True, timeout=60, check=True)
    assert not done.stderr
    calls: list[Any] = json.loads(done.stdout)
    return calls


def body_of(call: Any) -> Any:
    """The push of a request, which must be valid."""
    body = json.loads(call["body"])
    assert not checked(body).problems
    return body


def test_a_page_pushes_what_its_conference_tells() -> None:
    (call,) = run(STATS)

    body = body_of(call)
    assert (call["url"], call["method"]) == ("https://metrics.example.org/metrics/push", "POST")
    assert call["headers"] == {"Content-Type": "application/json"}
    assert {**body["default_labels"], "client_id": ""} == {
        "client_id": "",
        "participant_id": "a1b2",
        "roomname": "standup",
    }
    values = {name: told["value"] for name, told in body["metrics"].items() if isinstance(told, dict)}
    assert values == {
        "connectionquality": 0,
        "bandwidth_upload": 1254,
        "bandwidth_download": None,
        "bitrate_audio_upload": 24,
        "bitrate_audio_download": 25,
        "bitrate_video_upload": 150,
        "bitrate_video_download": None,
        "bitrate_download": 170,
        "bitrate_upload": 174,
        "packetloss_upload": 0,
        "packetloss_download": 1,
        "packetloss_total": 1,
    }
    assert body["metrics"]["connectionquality"]["labels"] == {"serverregion": "eu", "username": "Ann"}


def test_addresses_go_without_ports_and_what_is_none_not_at_all() -> None:
    (call,) = run(STATS)

    labels = [row["labels"] for row in body_of(call)["metrics"]["transport_rtt"]]
    assert [(it["src_ip"], it["dst_ip"], it["protocol"]) for it in labels] == [
        ("192.168.1.7", "198.51.100.20", "udp"),
        ("2001:db8::7", "2001:db8::1", "tcp"),
        (None, None, None),
    ]


def test_a_page_keeps_its_id() -> None:
    first, second = (body_of(call)["default_labels"]["client_id"] for call in run(STATS, STATS))

    assert first == second


def test_what_is_missing_is_null() -> None:
    (call,) = run({})

    assert body_of(call)["metrics"]["transport_rtt"] == []


def test_without_a_room_nothing_is_pushed() -> None:
    assert run(STATS, room="") == []


def test_labels_that_are_not_wanted_do_not_leave_the_page() -> None:
    (call,) = run(STATS, labels=["protocol"])

    assert "Ann" not in call["body"]
    assert [row["labels"] for row in body_of(call)["metrics"]["transport_rtt"]] == [
        {"protocol": "udp"},
        {"protocol": "tcp"},
        {"protocol": None},
    ]


def test_a_page_shows_the_token_of_its_element() -> None:
    (call,) = run(STATS, token="s3cret")

    assert call["headers"]["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("url", ["https://other.example.org/p", '";throw 1;//', "</script>\u2028$SENT\\"])
def test_the_address_is_written_so_that_it_stays_a_text(url: str) -> None:
    (call,) = run(STATS, push_url=url)

    assert call["url"] == url
    assert "</script" not in script(url, "/p", LABELS).decode()
