"""Any command, and any JSON value, for property based tests."""

from typing import Any

from hypothesis import strategies as st

from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    ClientSeen,
    ClientTouch,
    Command,
    Keep,
    Leave,
    PeerConnectionSeen,
    RtpPadSeen,
    SctpChannelSeen,
    SfuSeen,
    SfuTransportSeen,
    Sweep,
    Touch,
    TrackSeen,
)
from store.entities import AUDIO, INBOUND, OUTBOUND, VIDEO

ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
"""Any text that UTF-8 can hold."""
maybe_ids = st.none() | ids
times = st.integers(0, 2**53)
wholes = st.integers(-(2**63), 2**63 - 1)
"""What a sample may give for an SSRC."""

zones = st.none() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)

tracks = st.builds(
    TrackSeen,
    st.sampled_from([INBOUND, OUTBOUND]),
    st.sampled_from([AUDIO, VIDEO]),
    ids,
    times,
    times,
    st.lists(wholes, max_size=3),
    maybe_ids,
    maybe_ids,
)
peer_connections = st.builds(PeerConnectionSeen, ids, times, times, st.lists(tracks, max_size=2))
clients = st.builds(
    ClientSeen,
    *[ids] * 4,
    st.booleans(),
    times,
    times,
    ids,
    maybe_ids,
    maybe_ids,
    zones,
    st.lists(peer_connections, max_size=2),
)


directions = st.sampled_from([INBOUND, OUTBOUND])
pads = st.builds(RtpPadSeen, directions, ids, times, times, st.booleans(), maybe_ids, maybe_ids, st.none() | wholes)
channels = st.builds(SctpChannelSeen, ids, maybe_ids, times, times)
transports = st.builds(
    SfuTransportSeen, ids, st.booleans(), times, times, st.lists(pads, max_size=2), st.lists(channels, max_size=2)
)
sfus = st.builds(SfuSeen, ids, ids, times, times, ids, maybe_ids, zones, st.lists(transports, max_size=2))


def _touches(what: str, path_length: int) -> st.SearchStrategy[Touch]:
    path = st.lists(ids, min_size=path_length, max_size=path_length)
    return st.builds(Touch, st.just(what), path, times, times)


PATHS = {CALL: 3, CLIENT: 2, PEER_CONNECTION: 3, TRACK: 6, SFU: 2, SFU_TRANSPORT: 3, RTP_PAD: 5, SCTP_CHANNEL: 4}
touches = st.one_of(*(_touches(what, path_length) for what, path_length in PATHS.items()))
keys = st.tuples(st.sampled_from([INBOUND, OUTBOUND]), st.sampled_from([AUDIO, VIDEO]), ids)
touched = st.tuples(ids, st.lists(keys, max_size=2))
client_touches = st.builds(ClientTouch, *[ids] * 3, times, times, st.lists(touched, max_size=2))
keeps = st.builds(Keep, ids, ids, st.none() | st.binary(max_size=5), st.integers(-1, 10**9), times)
commands = st.builds(
    Command,
    ids,
    st.integers(1, 2**53),
    times,
    times,
    st.lists(touches, max_size=2),
    st.lists(clients, max_size=2),
    st.lists(sfus, max_size=2),
    st.lists(st.builds(Leave, st.sampled_from([CLIENT, SFU]), ids, ids, st.booleans()), max_size=2),
    st.none() | st.builds(Sweep, *[times] * len(Sweep._fields)),
    st.lists(ids, max_size=2),
    st.lists(client_touches, max_size=2),
    st.lists(keeps, max_size=2).map(tuple),
    st.none() | times,
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | ids,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ids, inner, max_size=2),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn, plain: Any) -> Any:
    """`plain` with one value in it, at any depth, replaced by another, taken away or doubled."""
    if not isinstance(plain, list) or not plain or draw(st.integers(0, 4)) == 0:
        return draw(json_values)
    position = draw(st.integers(0, len(plain) - 1))
    before, value, after = plain[:position], plain[position], plain[position + 1 :]
    match draw(st.sampled_from(["replaced", "replaced", "replaced", "taken away", "doubled"])):
        case "taken away":
            return before + after
        case "doubled":
            return [*before, value, value, *after]
    return [*before, draw(damaged(value)), *after]
