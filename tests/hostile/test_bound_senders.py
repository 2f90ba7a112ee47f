"""Whatever a sender says whose token names a client: it speaks of that client, and makes no other leave."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import BadSamples, Security, Sources
from ingest.decoder import Heard
from ingest.grants import Grant
from ingest.incoming import Format, Incoming
from ingest.intake import Intake
from ingest.statistics import Transport
from schemas.messages import Samples
from tests.ingest.tokens import NOW, hs256

pytestmark = pytest.mark.hostile

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "300"))
WHO = st.sampled_from(["alice", "bob", "", None, 7])
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("CLIENT_LEFT"), "payload": st.fixed_dictionaries({}, optional={"clientId": WHO})}
    ),
    max_size=2,
)
SAMPLES = st.fixed_dictionaries(
    {},
    optional={
        "clientId": WHO,
        "userId": WHO,
        "roomId": st.sampled_from(["lobby", "hall", None]),
        "callId": st.sampled_from(["lobby", "call"]),
        "timestamp": st.sampled_from([1, None]),
        "sfuId": WHO,
        "serverId": WHO,
        "score": st.just(1),
        "clientEvents": EVENTS,
        "peerConnections": st.just([]),
    },
)
CONTROLS = st.fixed_dictionaries({"close": st.sampled_from([True, False, "true"])})
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "clientSamples": st.lists(SAMPLES, max_size=3),
        "sfuSamples": st.lists(SAMPLES, max_size=2),
        "turnSamples": st.lists(SAMPLES, max_size=2),
        "controls": CONTROLS,
    },
)
MESSAGES = ENVELOPES | SAMPLES | st.lists(ENVELOPES | SAMPLES, max_size=4)
INTAKE = Intake(Sources(security=Security(hs256())), lambda: NOW * 1000)


def _taken(messages: list[Any], of: Incoming) -> list[Samples]:
    decoder, heard, taken = INTAKE.decoder(of, Transport.WEBSOCKET), Heard({"alice"}, set()), []
    for message in messages:
        try:
            taken.append(INTAKE.take(json.dumps(message).encode(), decoder, heard))
        except BadSamples:
            continue
    return taken


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(MESSAGES, min_size=1, max_size=3),
    st.sampled_from([Format.JSON, Format.DELTA_JSON]),
    st.sampled_from(["alice", "bob"]),
)
def test_who_is_bound_to_a_client_speaks_for_no_other(messages: list[Any], format_: Format, stand_in: str) -> None:
    grant = Grant(b"", "lobby", "alice", None, None)

    for samples in _taken(messages, Incoming("svc", "unit", None, format_, "lobby", None, stand_in, grant)):
        assert {(client.client_id, client.room_id) for client in samples.clients} <= {("alice", "lobby")}
        assert set(samples.leaving) <= {"alice"}
        assert (samples.sfus, samples.turns, list(samples.leaving_sfus)) == ([], [], [])
