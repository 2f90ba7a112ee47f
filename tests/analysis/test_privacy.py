"""What says who someone is, or where, is hashed before anything else sees it."""

import base64
import hashlib
import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.privacy import Obfuscation, Obfuscations, Obfuscator, obscure
from analysis.turn_reports import turn_reports
from schemas.messages import Samples
from schemas.reports import Report, ReportType, envelope
from tests.world import World, event, inbound, message, of_type, outbound, sample

SALT = "a long and random text"
HIDE, KEEP = Obfuscation.ANONYMIZATION, Obfuscation.NONE


def obscured(*messages: Samples, **ways: Obfuscation) -> None:
    """Hides in these messages, in place: everything, unless told otherwise."""
    hide = obscure(
        Obfuscator(True, **{"ice_addresses": HIDE, "room_id": HIDE, "user_id": HIDE, **ways}),
        Obfuscations(hash_salt=SALT),
    )
    assert hide is not None
    for each in messages:
        hide(each)


def hashed(value: str, function: str = "sha256") -> str:
    return hashlib.new(function, (value + SALT).encode()).hexdigest()


def hidden(samples: Samples, **ways: Obfuscation) -> Samples:
    obscured(samples, **ways)
    return samples


def told(samples: Samples, **ways: Obfuscation) -> list[Report]:
    return World().tell(hidden(samples, **ways))


def in_attachments(attachments: Any, **fields: Any) -> str:
    """The attachments of a custom event of alice in the lobby, as they are told."""
    events = [{"name": "X", "attachments": attachments}]
    samples = message(sample(**{"userId": "alice", **fields}, customCallEvents=events))
    text = event(told(samples), "X")["attachments"]
    assert isinstance(text, str)
    return text


def in_message(text: str, **fields: Any) -> str:
    """The text of a custom event, as it is told."""
    samples = message(sample(**{"userId": "alice", **fields}, customCallEvents=[{"name": "X", "message": text}]))
    shown = event(told(samples), "X")["message"]
    assert isinstance(shown, str)
    return shown


def test_an_obfuscator_that_is_not_enabled_hides_nothing() -> None:
    assert obscure(Obfuscator(user_id=HIDE), Obfuscations()) is None


def test_a_value_is_hashed_together_with_the_salt() -> None:
    samples = hidden(message(sample(userId="alice")))

    assert samples.clients[0].user_id == hashed("alice")


@pytest.mark.parametrize(("name", "function"), [("SHA-512", "sha512"), ("sha3-256", "sha3_256")])
def test_the_hash_function_can_be_chosen(name: str, function: str) -> None:
    hide = obscure(Obfuscator(True, user_id=HIDE), Obfuscations(name, SALT))
    samples = message(sample(userId="alice"))
    assert hide is not None
    hide(samples)

    assert samples.clients[0].user_id == hashed("alice", function)


@pytest.mark.parametrize("name", ["MD5", "SHA-1", "rot13", ""])
def test_a_hash_function_that_is_unknown_or_weak_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="hashAlgorithm must be one of SHA-224, SHA-256"):
        Obfuscations(name, SALT)


@pytest.mark.parametrize("salt", ["MySalt", "", "15 characters.."])
def test_a_salt_that_can_be_known_is_refused(salt: str) -> None:
    with pytest.raises(ValueError, match=r"observer\.security\.obfuscations\.hashSalt"):
        obscure(Obfuscator(True, user_id=HIDE), Obfuscations(hash_salt=salt))


def test_the_default_salt_is_no_fault_while_nothing_is_hidden() -> None:
    assert obscure(Obfuscator(), Obfuscations()) is None


def test_an_obfuscator_that_would_hide_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is hidden"):
        Obfuscator(enabled=True)


def test_the_salt_is_not_shown() -> None:
    assert SALT not in repr(Obfuscations(hash_salt=SALT))


def test_clients_of_one_room_share_a_call() -> None:
    world = World()
    world.tell(hidden(message(sample("alice"), sample("bob"))))

    assert world.client("alice").call is world.client("bob").call
    assert world.client("alice").call.room_id == hashed("lobby")


def test_two_nodes_hide_a_room_the_same() -> None:
    one, other = hidden(message(sample())), hidden(message(sample()))

    assert one.clients[0].room_id == other.clients[0].room_id == hashed("lobby")


def test_an_event_of_the_observer_names_the_hidden_room_and_user() -> None:
    joined = event(told(message(sample(userId="Alice"))), "CLIENT_JOINED")

    assert (joined["roomId"], joined["userId"], joined["clientId"]) == (hashed("lobby"), hashed("Alice"), "alice")


def test_the_sender_of_a_matched_track_is_told_hidden() -> None:
    world = World()
    world.tell(hidden(message(sample("alice", userId="Alice", **outbound("t", 7)))))
    reports = world.tell(hidden(message(sample("bob", userId="Bob", **inbound("t2", 7)))))

    (report,) = of_type(reports, ReportType.INBOUND_AUDIO_TRACK)
    assert (report["remoteUserId"], report["userId"]) == (hashed("Alice"), hashed("Bob"))


def test_what_is_not_to_be_hidden_stays() -> None:
    samples = message(sample(userId="Alice", iceServers=["turn:192.0.2.1"]))
    obscured(samples, user_id=KEEP, ice_addresses=KEEP)

    (client,) = samples.clients
    assert (client.room_id, client.user_id) == (hashed("lobby"), "Alice")
    assert client.told["iceServers"] == ["turn:192.0.2.1"]


def test_nobody_is_no_user() -> None:
    samples = hidden(message(sample()))

    assert samples.clients[0].user_id is None


def test_a_call_that_is_named_like_its_room_is_hidden_with_it() -> None:
    samples = hidden(message(sample(callId="lobby"), sample("bob", callId="another")))

    assert [client.call_id for client in samples.clients] == [hashed("lobby"), "another"]


def test_ids_that_join_reports_stay() -> None:
    candidate = {"id": "c", "peerConnectionId": "alice-pc", "address": "192.0.2.1"}
    samples = message(sample(userId="alice", marker="alice", callId="alice", iceLocalCandidates=[candidate]))

    (report,) = of_type(told(samples), ReportType.CALL_META_DATA)
    assert json.loads(report["payload"])["peerConnectionId"] == "alice-pc"
    assert (report["clientId"], report["marker"]) == ("alice", "alice")


@pytest.mark.parametrize("key", ["address", "ip", "relatedAddress", "ipAddress", "local_ip"])
@pytest.mark.parametrize("address", ["192.168.1.7", "2001:db8::7", "9f1c2ab4-1111-4222-8333-444455556666.local", "a.b"])
def test_the_address_of_a_candidate_is_hashed(key: str, address: str) -> None:
    """C51: whatever it is."""
    samples = message(sample(iceLocalCandidates=[{"id": "c", "port": 5000, key: address}]))

    (report,) = of_type(told(samples), ReportType.CALL_META_DATA)
    assert json.loads(report["payload"]) == {"id": "c", "port": 5000, key: hashed(address)}


def test_an_address_with_a_port_keeps_the_port() -> None:
    samples = hidden(message(sample(iceRemoteCandidates=[{"address": "192.0.2.1:5000"}])))

    assert samples.clients[0].told["iceRemoteCandidates"] == [{"address": f"{hashed('192.0.2.1')}:5000"}]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("host 192.0.2.1 failed", "192.0.2.1"),
        ("turn:192.0.2.1:3478?transport=udp", "192.0.2.1"),
        ("it was 192.0.2.1.", "192.0.2.1"),
        ("ip_192.0.2.1_", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("it was 2001:db8::1.", "2001:db8::1"),
        ("address:2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:1"),
        ("fe80::1%eth0 is down", "fe80::1%eth0"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:192.0.2.1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("from ::1", "::1"),
        ("1:2:3:4:5:6:7:8:443", "1:2:3:4:5:6:7:8"),
        ("9F1C2AB4-1111-4222-8333-444455556666.local?", "9F1C2AB4-1111-4222-8333-444455556666.local"),
        ("o=- 1 2 IN IP4 host.example", "host.example"),
        ("c=IN IP6 2001:db8::1", "2001:db8::1"),
        ("a=candidate:1 1 udp 2122 host.example 5000 typ host", "host.example"),
        ("typ srflx raddr host.example rport 5000", "host.example"),
        ("a=rtcp:9 IN IP4 192.0.2.1", "192.0.2.1"),
    ],
)
def test_an_address_within_a_text_is_hashed(text: str, address: str) -> None:
    assert in_message(text) == text.replace(address, hashed(address))


@pytest.mark.parametrize(
    "text",
    [
        "Chrome/120.0.0.0",
        "1.2.3.4.5",
        "1.2.3",
        "999.1.1.1",
        "12:34:56",
        "2001:db8::",
        "::",
        "1:2:3:4:5:6:7",
        "12345::1",
        "std::vector",
        "c=IN IP4 0.0.0.0",
        "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99",
        "02:00:5e:10:00:01",
        "stun:stun.example.org:3478",
    ],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert in_message(text) == text


def test_no_address_of_an_sdp_remains() -> None:
    lines = [
        "v=0",
        "o=- 46117 2 IN IP4 10.1.1.1",
        "c=IN IP6 2001:db8::5",
        "a=rtcp:9 IN IP4 10.1.1.2",
        "a=candidate:842163049 1 udp 1677729535 10.1.1.3 46154 typ srflx raddr 10.1.1.4 rport 46154 generation 0",
        "a=candidate:1 1 UDP 2122 9f1c2ab4-1111-4222-8333-444455556666.local 5000 typ host",
        "a=fingerprint:sha-256 AA:BB:CC:DD",
    ]
    (report,) = of_type(told(message(sample(localSDPs=lines))), ReportType.CALL_META_DATA)

    expected = "\n".join(lines)
    for address in ("10.1.1.1", "2001:db8::5", "10.1.1.2", "10.1.1.3", "10.1.1.4", lines[5].split()[4]):
        expected = expected.replace(address, hashed(address))
    assert report["payload"] == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice left", f"{hashed('alice')} left"),
        ("malice of alice", f"malice of {hashed('alice')}"),
        ("alice", hashed("alice")),
        ("alices", "alices"),
        ("alicealice alice", f"alicealice {hashed('alice')}"),
    ],
)
def test_a_short_name_is_hidden_as_a_word_of_its_own(text: str, shown: str) -> None:
    assert in_message(text) == shown


def test_a_long_name_is_hidden_wherever_it_stands() -> None:
    assert in_message("xalice-of-wonderlandx", userId="alice-of-wonderland") == f"x{hashed('alice-of-wonderland')}x"


def test_a_name_of_two_letters_is_not_looked_for_in_texts() -> None:
    assert in_message("al left", userId="al") == "al left"


def test_of_two_names_the_longer_one_is_hidden_whole() -> None:
    assert in_message("room alice-room, alice", userId="alice", roomId="alice-room") == (
        f"room {hashed('alice-room')}, {hashed('alice')}"
    )


def test_within_a_hash_nothing_is_hidden_again() -> None:
    assert in_message("alice-of-wonderland", userId="alice-of-wonderland", roomId="abc") == hashed(
        "alice-of-wonderland"
    )


def test_json_stays_json() -> None:
    payload = '{"user": "alice", "n": 1.5, "at": ["10.0.0.1", null], "2001:db8::1": true}'

    assert json.loads(in_attachments(payload)) == {
        "user": hashed("alice"),
        "n": 1.5,
        "at": [hashed("10.0.0.1"), None],
        hashed("2001:db8::1"): True,
    }


def test_json_in_which_nothing_is_to_be_hidden_is_told_as_it_came() -> None:
    payload = '{"b" : 1.50,  "a":[1e3]}'

    assert in_attachments(payload) == payload


def test_an_escaped_name_is_hidden_as_well() -> None:
    assert json.loads(in_attachments('{"a": "\\u0061lice"}')) == {"a": hashed("alice")}


def test_a_name_in_a_member_that_is_given_twice_is_hidden() -> None:
    assert "alice" not in in_attachments('{"a": "alice", "a": "b"}')


def test_an_address_in_a_member_that_is_given_twice_is_hidden() -> None:
    assert "10.0.0.1" not in in_attachments('{"a": "10.0.0.1", "a": "b"}')


def test_json_within_json_is_searched() -> None:
    inner = json.dumps({"userId": "bob"})

    assert json.loads(json.loads(in_attachments({"inner": inner}))["inner"]) == {"userId": hashed("bob")}


def test_json_in_base64_is_searched() -> None:
    attachments = base64.b64encode(b'{"by": "alice", "remoteUserId": "bob"}').decode()

    shown = json.loads(base64.b64decode(in_attachments(attachments)))
    assert shown == {"by": hashed("alice"), "remoteUserId": hashed("bob")}


@pytest.mark.parametrize("key", ["userId", "user_id", "remoteUserId", "targetUserID", "roomId", "room-id"])
def test_a_key_may_say_that_its_value_is_a_name(key: str) -> None:
    assert json.loads(in_attachments({key: "bob", "count": 1})) == {key: hashed("bob"), "count": 1}


def test_a_name_that_is_a_number_is_hidden() -> None:
    assert json.loads(in_attachments({"userId": 12, "by": 123456, "n": 12}, userId="123456", roomId="r")) == {
        "userId": hashed("12"),
        "by": hashed("123456"),
        "n": 12,
    }


def test_what_is_nested_beyond_measure_is_left_out() -> None:
    deep: Any = "alice"
    for _ in range(100):
        deep = [deep]

    assert "alice" not in in_attachments(deep)


def test_an_extension_is_searched_as_json() -> None:
    samples = message(sample(userId="alice", extensionStats=[{"type": "t", "payload": '{"of":"alice"}'}]))

    (report,) = of_type(told(samples), ReportType.CLIENT_EXTENSION_DATA)
    assert report["payload"] == f'{{"of":"{hashed("alice")}"}}'


def test_an_extension_without_names_is_told_as_it_came() -> None:
    payload = '{"a" : 1}'
    samples = message(sample(extensionStats=[{"type": "t", "payload": payload}]))

    (report,) = of_type(told(samples), ReportType.CLIENT_EXTENSION_DATA)
    assert report["payload"] == payload


SFU = {
    "sfuId": "s",
    "timestamp": 1,
    "transports": [{"transportId": "t", "localAddress": "10.0.0.1", "remoteAddress": "2001:db8::1", "localPort": 5}],
    "extensionStats": [{"type": "x", "payload": '{"peer":"10.0.0.2"}'}],
    "customSfuEvents": [{"name": "E", "message": "10.0.0.3 is gone", "transportId": "10.0.0.1"}],
}


def sfu() -> Samples:
    return message(sfus=[json.loads(json.dumps(SFU))])


def test_the_addresses_of_an_sfus_transport_are_hashed() -> None:
    (read,) = hidden(sfu()).sfus

    assert read.transports[0].stats == {
        "transportId": "t",
        "localAddress": hashed("10.0.0.1"),
        "remoteAddress": hashed("2001:db8::1"),
        "localPort": 5,
    }


def test_the_texts_of_an_sfu_are_searched() -> None:
    (read,) = hidden(sfu()).sfus

    assert read.stats["extensionStats"][0]["payload"] == f'{{"peer":"{hashed("10.0.0.2")}"}}'
    (custom,) = read.stats["customSfuEvents"]
    assert (custom["message"], custom["transportId"]) == (f"{hashed('10.0.0.3')} is gone", "10.0.0.1")


def test_the_addresses_and_users_of_a_turn_server_are_hashed() -> None:
    session = {"sessionId": "1", "clientAddress": "10.0.0.1", "serverAddress": "turn.example", "username": "alice"}
    allocation = {"sessionId": "1", "peerId": "p", "relayedAddress": "10.0.0.2", "peerAddress": "::1", "peerPort": 1}
    samples = Samples("svc", "mu", [], turns=[{"serverId": "t", "sessions": [session], "allocations": [allocation]}])
    obscured(samples)

    assert samples.turns == [
        {
            "serverId": "t",
            "sessions": [
                {
                    "sessionId": "1",
                    "clientAddress": hashed("10.0.0.1"),
                    "serverAddress": hashed("turn.example"),
                    "username": hashed("alice"),
                }
            ],
            "allocations": [
                {
                    "sessionId": "1",
                    "peerId": "p",
                    "relayedAddress": hashed("10.0.0.2"),
                    "peerAddress": hashed("::1"),
                    "peerPort": 1,
                }
            ],
        }
    ]


def test_of_credentials_that_expire_the_user_is_hashed() -> None:
    samples = Samples("svc", "mu", [], turns=[{"serverId": "t", "sessions": [{"username": "1700000000:alice"}]}])
    obscured(samples)

    assert samples.turns[0]["sessions"] == [{"username": f"1700000000:{hashed('alice')}"}]


USER, ROOM = "marked-user", "marked-room"
MARKS = {
    USER: USER,
    ROOM: ROOM,
    "v4": "198.51.100.77",
    "v6": "2001:db8:77::1",
    "local": "9f1c2ab4-1111-4222-8333-444455556666.local",
}
TEXT = " ".join(MARKS.values())
ADDRESSES = TEXT.removeprefix(f"{USER} {ROOM} ")
IN_JSON = json.dumps({"a": TEXT, "b": [{"userId": USER, "roomId": ROOM, "ip": MARKS["v4"]}], TEXT: 1})
IN_BASE64 = base64.b64encode(IN_JSON.encode()).decode()


def marked(*keys: str) -> dict[str, Any]:
    return {"peerConnectionId": "p", **dict.fromkeys(keys, TEXT)}


MARKED: dict[str, Any] = {
    "userId": USER,
    "roomId": ROOM,
    **{
        name: {**marked("name", "version", "vendor", "type", "other"), "deep": {TEXT: [TEXT]}}
        for name in ("os", "engine")
    },
    "platform": {"type": TEXT},
    "browser": {"name": TEXT},
    **{name: [TEXT, IN_JSON, IN_BASE64] for name in ("mediaConstraints", "userMediaErrors", "iceServers", "localSDPs")},
    "mediaDevices": [marked("id", "kind", "label")],
    "mediaSources": [marked("kind")],
    "codecs": [marked("mimeType", "sdpFmtpLine", "payloadType")],
    "certificates": [marked("fingerprint", "base64Certificate", "issuerCertificateId")],
    **{
        name: [{**marked("id", "url", "foundation", "usernameFragment"), "address": MARKS["v4"], "ip": MARKS["v6"]}]
        for name in ("iceLocalCandidates", "iceRemoteCandidates")
    },
    "pcTransports": [marked("label", "iceRole", "iceLocalUsernameFragment", "dtlsState", "selectedCandidatePairId")],
    "iceCandidatePairs": [marked("label", "localCandidateId", "remoteCandidateId", "state", "transportId")],
    "dataChannels": [marked("label", "protocol", "state")],
    "inboundAudioTracks": [{**marked("decoderImplementation"), "ssrc": 1, "trackId": "t"}],
    "inboundVideoTracks": [{**marked("decoderImplementation"), "ssrc": 2, "trackId": "t"}],
    "outboundAudioTracks": [{**marked("encoderImplementation", "rid"), "ssrc": 3, "trackId": "t"}],
    "outboundVideoTracks": [
        {**marked("encoderImplementation", "rid", "qualityLimitationReason"), "ssrc": 4, "trackId": "t"}
    ],
    "extensionStats": [{"type": TEXT, "payload": IN_JSON}, {"type": "t", "payload": json.loads(IN_JSON)}],
    **{
        name: [
            {**dict.fromkeys(("name", "value", "message"), TEXT), "attachments": attachments, "mediaTrackId": "t"}
            for attachments in (TEXT, IN_JSON, IN_BASE64, json.loads(IN_JSON))
        ]
        for name in ("customCallEvents", "customObserverEvents")
    },
}


def opened(text: str) -> str:
    """A text, with what is in base64 in it laid open."""
    found = []
    for word in text.replace('"', " ").replace("\\", " ").split():
        try:
            found.append(base64.b64decode(word, validate=True).decode())
        except ValueError:
            continue
    return " ".join([text, *found])


def test_no_marked_value_remains_in_any_report() -> None:
    world = World()
    reports = world.tell(hidden(message(sample(**MARKED))))
    reports += world.tell(message(leaving=("alice",)))

    everything = opened(json.dumps([envelope(report) for report in reports]))
    assert {report.type for report in reports} >= {*ReportType} - {t for t in ReportType if t.name.startswith("SFU_")}
    assert [mark for mark in MARKS.values() if mark in everything] == []


def test_every_marked_value_would_remain_otherwise() -> None:
    """Or the test before would tell nothing."""
    everything = opened(json.dumps([envelope(report) for report in World().tell(message(sample(**MARKED)))]))

    assert [mark for mark in MARKS.values() if mark not in everything] == []


MARKED_SFU: dict[str, Any] = {
    "sfuId": "s",
    "timestamp": 1000,
    "transports": [{"transportId": "t", **dict.fromkeys(("localAddress", "remoteAddress", "dtlsState"), ADDRESSES)}],
    "inboundRtpPads": [{"transportId": "t", "padId": "i", "ssrc": 1, "mimeType": ADDRESSES, "sdpFmtpLine": ADDRESSES}],
    "outboundRtpPads": [{"transportId": "t", "padId": "o", "ssrc": 2, "rid": ADDRESSES, "mediaType": ADDRESSES}],
    "sctpChannels": [
        {"transportId": "t", "channelId": "c", "streamId": "d", "label": ADDRESSES, "protocol": ADDRESSES}
    ],
    "extensionStats": [{"type": ADDRESSES, "payload": json.dumps({"userId": USER, "roomId": ROOM, "at": ADDRESSES})}],
    "customSfuEvents": [dict.fromkeys(("name", "value", "message", "attachments"), ADDRESSES)],
}


def test_no_marked_value_remains_in_reports_of_an_sfu() -> None:
    reports = World().tell(hidden(message(sfus=[json.loads(json.dumps(MARKED_SFU))])))

    everything = json.dumps([envelope(report) for report in reports])
    assert len({report.type for report in reports}) == 6
    assert [mark for mark in MARKS.values() if mark in everything] == []


def test_no_marked_value_remains_in_reports_of_a_turn_server() -> None:
    session = {"sessionId": "1", "clientId": "alice", **dict.fromkeys(("realm", "clientAddress"), MARKS["v4"])}
    turn = {"serverId": "t", "sessions": [session], "allocations": [{"sessionId": "1", "relayedAddress": MARKS["v6"]}]}
    samples = message(sample(userId=USER, roomId=ROOM))
    samples.turns = [turn]
    world = World()
    world.tell(hidden(samples))

    told = turn_reports(samples, world.registry, 5, samples.rejected)
    everything = json.dumps([envelope(report) for report in told])
    assert len(told) == 2
    assert [mark for mark in MARKS.values() if mark in everything] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.just(TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(MARKED)) | st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(MARKED)), JSON | st.lists(JSON), max_size=5), st.lists(JSON, max_size=2))
def test_no_sample_is_too_strange(fields: dict[str, Any], turns: list[Any]) -> None:
    samples = message(sample(**{"userId": USER, "roomId": ROOM, **fields}))
    samples.turns = [{"serverId": "t", "sessions": turns, "allocations": fields}]

    obscured(samples)


@pytest.mark.parametrize(
    "text",
    ["1." * 50_000, "1:" * 50_000, "a" * 100_000, ":" * 100_000, "::" + "1:" * 50_000, "[" * 100_000, "W" * 100_000],
)
def test_a_long_text_is_searched_in_time(text: str, timed: Callable[[], float]) -> None:
    in_message(text)

    assert timed() < 0.5


@pytest.fixture
def timed() -> Callable[[], float]:
    begin = process_time()
    return lambda: process_time() - begin
