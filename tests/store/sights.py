"""What samples show, drawn from so few names that commands meet each other, for the model of the registry."""

from hypothesis import strategies as st

from store.commands import (
    ClientSeen,
    PeerConnectionSeen,
    RtpPadSeen,
    SctpChannelSeen,
    SfuSeen,
    SfuTransportSeen,
    TrackSeen,
)
from store.entities import AUDIO, INBOUND, OUTBOUND, VIDEO

SERVICES = st.sampled_from(["s1", "s1", "s1", "s2"])
ROOMS = st.sampled_from(["r1", "r1", "r2"])
SFUS = st.sampled_from(["f1", "f2"])
CLIENTS = st.sampled_from(["alice", "bob", "carol"])
PEER_CONNECTIONS = st.sampled_from(["pc1", "pc2"])
OWN_CALLS = st.none() | st.sampled_from(["own1", "own2", "own3"])
AGES = st.integers(0, 3_000)
SSRCS = st.lists(st.integers(1, 4), max_size=2, unique=True)
STREAMS = st.sampled_from([None, None, "st1", "st2"])


@st.composite
def sfus_seen(draw: st.DrawFn, time: int) -> SfuSeen:
    """What samples of the last three seconds show of one SFU."""
    first = time - draw(AGES)
    span = (st.just(first), st.just(first + draw(st.integers(0, 200))))
    pads = st.builds(
        RtpPadSeen,
        st.sampled_from([INBOUND, OUTBOUND]),
        st.sampled_from(["p1", "p2"]),
        *span,
        st.booleans(),
        STREAMS,
        STREAMS,
        st.sampled_from([None, 1, 2]),
    )
    channels = st.builds(SctpChannelSeen, st.sampled_from(["ch1", "ch2"]), STREAMS, *span)
    transports = st.builds(
        SfuTransportSeen,
        st.sampled_from(["t1", "t2"]),
        st.booleans(),
        *span,
        st.lists(pads, max_size=3),
        st.lists(channels, max_size=2),
    )
    of_sfu = (st.sampled_from(["unit1", "unit2"]), st.sampled_from([None, "marker"]), st.sampled_from([None, 1.5]))
    return draw(st.builds(SfuSeen, SERVICES, SFUS, *span, *of_sfu, st.lists(transports, max_size=2)))


@st.composite
def clients_seen(draw: st.DrawFn, time: int, fresh: str) -> ClientSeen:
    """What samples of the last three seconds show of one client."""
    first = time - draw(AGES)
    last = first + draw(st.integers(0, 200))
    own = draw(OWN_CALLS)
    tracks = st.builds(
        TrackSeen,
        st.sampled_from([INBOUND, OUTBOUND]),
        st.sampled_from([AUDIO, VIDEO]),
        st.just("t"),
        st.just(first),
        st.just(last),
        SSRCS,
        STREAMS,
        STREAMS,
    )
    peer_connections = st.builds(
        PeerConnectionSeen, PEER_CONNECTIONS, st.just(first), st.just(last), st.lists(tracks, max_size=3)
    )
    return ClientSeen(
        draw(SERVICES),
        draw(ROOMS),
        draw(CLIENTS),
        own or fresh,
        own is not None,
        first,
        last,
        draw(st.sampled_from(["unit1", "unit2"])),
        draw(st.sampled_from([None, "user"])),
        draw(st.sampled_from([None, "marker"])),
        draw(st.sampled_from([None, 1.5])),
        draw(st.lists(peer_connections, max_size=2)),
    )
