"""Obfuscation on a node: who sends, and from where, is not in what it tells."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.conformance.bodies import Item, client, of_type, one, track, types
from tests.nodes import Node, Told, running

SALT = "a long and random text"
HIDING: dict[str, Any] = {
    "evaluators": {
        "obfuscator": {
            "enabled": True,
            "iceAddresses": "anonymization",
            "roomId": "anonymization",
            "userId": "ANONYMIZATION",
        }
    },
    "security": {"obfuscations": {"hashAlgorithm": "SHA-256", "hashSalt": SALT}},
}


def hashed(value: str) -> str:
    return hashlib.sha256((value + SALT).encode()).hexdigest()


async def test_two_clients_of_one_room_are_in_one_call_that_names_neither(tmp_path: Path) -> None:
    """C51."""
    async with running(tmp_path, **HIDING) as node:
        await node.post(client("A", userId="alice", outboundAudioTracks=[track("t", "p", 7)]))
        await node.post(client("B", userId="bob", inboundAudioTracks=[track("u", "q", 7)]))
        reports = await node.reports()

    received = one(reports, "INBOUND_AUDIO_TRACK")
    call = [report for report in reports if report["callId"] == received["callId"]]
    assert {(report["clientId"], report["userId"]) for report in call if report["clientId"]} == {
        ("A", hashed("alice")),
        ("B", hashed("bob")),
    }
    assert {report["roomId"] for report in call} == {hashed("r")}
    assert received["remoteUserId"] == hashed("alice")


async def test_the_address_of_a_candidate_is_told_as_its_hash(tmp_path: Path) -> None:
    """C51."""
    async with running(tmp_path, **HIDING) as node:
        await node.post(client("A", iceLocalCandidates=[{"id": "c", "address": "192.168.1.7", "port": 9}]))
        (report,) = of_type(await node.reports(), "CALL_META_DATA")

    told = {name: value for name, value in json.loads(report["payload"]).items() if value is not None}
    assert told == {"id": "c", "address": hashed("192.168.1.7"), "port": 9}


async def test_two_nodes_tell_of_one_call(tmp_path: Path) -> None:
    """What a node hashes, all nodes hash alike."""
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    rooms = set()
    for folder in ("one", "other"):
        async with running(tmp_path / folder, nodes=1, **HIDING) as node:
            await node.post(client("A"))
            rooms |= {report["roomId"] for report in await node.reports() if report["clientId"] == "A"}

    assert rooms == {hashed("r")}


async def test_a_client_that_closes_leaves(tmp_path: Path) -> None:
    async with running(tmp_path, **HIDING) as node, node.websocket() as session:
        await session.send(json.dumps({"clientSamples": [client("A", userId="alice")]}))
        await session.send(json.dumps({"clientSamples": [], "controls": {"close": True}}))
        reports = await node.reports_until("CLIENT_LEFT")

    left = one(reports, "CLIENT_LEFT")
    assert (left["roomId"], left["userId"], left["clientId"]) == (hashed("r"), hashed("alice"), "A")


MARKS = {"user": "marked-user", "room": "marked-room", "v4": "198.51.100.77", "v6": "2001:db8:77::1"}
TEXT = " ".join(MARKS.values())
BARE_3: Item = {
    "clientId": "C",
    "callId": MARKS["room"],
    "timestamp": 1000,
    "score": 4.5,
    "attachments": {"userId": MARKS["user"], "roomId": MARKS["room"], "note": TEXT},
    "peerConnections": [
        {
            "peerConnectionId": "p",
            "iceCandidates": [{"id": "c", "address": MARKS["v4"], "relatedAddress": MARKS["v6"]}],
        }
    ],
    "clientEvents": [{"type": "E", "payload": json.dumps({"by": MARKS["user"], "from": MARKS["v4"]})}],
    "clientIssues": [{"type": "I", "payload": {"text": TEXT}}],
    "clientMetaItems": [{"type": "M", "payload": json.dumps([TEXT])}],
    "extensionStats": [{"type": "X", "payload": {"userId": MARKS["user"], "text": TEXT}}],
}
SFU: Item = {
    "sfuId": "s",
    "timestamp": 1000,
    "transports": [{"transportId": "t", "localAddress": MARKS["v4"], "remoteAddress": MARKS["v6"]}],
    "extensionStats": [{"type": "X", "payload": json.dumps({"at": MARKS["v4"], "userId": MARKS["user"]})}],
    "customSfuEvents": [{"name": "E", "message": f"{MARKS['v4']} {MARKS['v6']}"}],
}
TURN: Item = {
    "serverId": "turn",
    "sessions": [{"sessionId": "1", "clientId": "C", "username": MARKS["user"], "clientAddress": MARKS["v4"]}],
    "allocations": [{"sessionId": "1", "peerId": "q", "relayedAddress": MARKS["v6"]}],
}


async def marked(node: Node) -> list[Told]:
    """What a node tells of a client of 3.x, an SFU and a TURN server that are full of marked values."""
    await node.post(body=json.dumps(BARE_3).encode(), schemaVersion="3.0.0")
    await node.post(body=json.dumps({"sfuSamples": [SFU], "turnSamples": [TURN]}).encode())
    return await node.reports()


async def test_nothing_of_a_client_an_sfu_or_a_turn_server_is_told_raw(tmp_path: Path) -> None:
    async with running(tmp_path, **HIDING) as node:
        reports = await marked(node)

    everything = json.dumps([report.envelope for report in reports])
    assert {"CLIENT_EXTENSION_DATA", "SFU_TRANSPORT", "SFU_EXTENSION_DATA", "SFU_EVENT"} <= set(types(reports))
    assert [mark for mark in MARKS.values() if mark in everything] == []


async def test_without_obfuscation_all_of_it_is_told(tmp_path: Path) -> None:
    """Or the test before would tell nothing."""
    async with running(tmp_path) as node:
        everything = json.dumps([report.envelope for report in await marked(node)])

    assert [mark for mark in MARKS.values() if mark not in everything] == []
