"""Samples of 3.x in which any value may be anything that JSON can say."""

from collections.abc import Iterable

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "NULL", "pc", "t", "1", "audio", "video", "closed", "{}", "{broken", '{"trackId": "t"}', "\0"]
    )
    | st.text(max_size=5)
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
"""Any JSON value."""


def objects(names: Iterable[str], inner: st.SearchStrategy[object] = ANYTHING) -> st.SearchStrategy[object]:
    """Objects with some of these names; now and then anything else."""
    some = st.dictionaries(st.sampled_from(sorted(names)), inner, max_size=8)
    return st.one_of(some, some, some, inner)


_OF_STREAMS = """
    id ssrc kind trackIdentifier mediaSourceId playoutId remoteId attachments score qualityLimitationDurations
    localCandidateId remoteCandidateId state usernameFragment iceState
"""
_OF_PEER_CONNECTIONS = """
    peerConnectionId attachments score scoreReasons inboundTracks outboundTracks codecs inboundRtps outboundRtps
    remoteInboundRtps remoteOutboundRtps mediaSources mediaPlayouts dataChannels iceTransports iceCandidates
    iceCandidatePairs certificates
"""
STREAM = objects(_OF_STREAMS.split())
PEER_CONNECTION = objects(_OF_PEER_CONNECTIONS.split(), st.lists(STREAM, max_size=4) | ANYTHING)
TOLD = objects(["type", "payload", "timestamp", "key"])
CLIENT_SAMPLES = st.fixed_dictionaries(
    {},
    optional={
        "clientId": SCALARS,
        "callId": SCALARS,
        "timestamp": ANYTHING,
        "attachments": ANYTHING,
        "roomId": ANYTHING,
        "score": ANYTHING,
        "scoreReasons": ANYTHING,
        "peerConnections": st.lists(PEER_CONNECTION, max_size=3) | ANYTHING,
        "clientEvents": st.lists(TOLD, max_size=3) | ANYTHING,
        "clientIssues": st.lists(TOLD, max_size=3) | ANYTHING,
        "clientMetaItems": st.lists(TOLD, max_size=3) | ANYTHING,
        "extensionStats": st.lists(TOLD, max_size=3) | ANYTHING,
        "other": ANYTHING,
    },
)
"""Client samples of 3.x, more or less."""
