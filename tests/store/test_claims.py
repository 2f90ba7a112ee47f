"""Which track is found by an SSRC or an SFU stream."""

from store.claims import MOST_SSRCS, newest
from store.entities import Call, Claims
from tests.build import LIMITS, client_with, expired, inbound_seen, leave, observe, registry_of, sweep, track_seen


def holder(claims: Claims) -> str:
    """Whose claim holds."""
    return newest(claims)[0].peer_connection.client.client_id


def test_an_outbound_track_is_found_by_each_of_its_ssrcs() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=[1])))

    registry.apply(observe("n1", 2, client_with(track_seen(ssrcs=[2]))))

    call = registry.rooms["service", "lobby"]
    assert {ssrc: holder(claims) for ssrc, claims in call.ssrcs.items()} == {1: "alice", 2: "alice"}


def test_an_inbound_track_claims_nothing() -> None:
    registry = registry_of(client_with(inbound_seen(ssrcs=[1])))

    assert registry.rooms["service", "lobby"].ssrcs == {}


def test_a_track_that_gets_a_stream_is_no_longer_found_by_its_ssrcs() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=[1])))

    registry.apply(observe("n1", 2, client_with(track_seen(ssrcs=[1], stream="st"))))

    assert registry.rooms["service", "lobby"].ssrcs == {}
    assert list(registry.streams) == [("service", "lobby", "st")]


def test_a_track_follows_its_newest_stream() -> None:
    registry = registry_of(client_with(track_seen(stream="old")))

    registry.apply(observe("n1", 2, client_with(track_seen(stream="new"))))

    assert list(registry.streams) == [("service", "lobby", "new")]


def test_a_sample_that_tells_no_stream_takes_none_away() -> None:
    registry = registry_of(client_with(track_seen(stream="st", sink="si")))

    registry.apply(observe("n1", 2, client_with(track_seen(ssrcs=[2]))))

    (track,) = newest(registry.streams["service", "lobby", "st"])
    assert (track.sfu_stream_id, track.sfu_sink_id, track.ssrcs) == ("st", "si", (1, 2))


def test_of_two_tracks_with_one_ssrc_the_last_to_claim_holds() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=[1]), client="alice"))

    registry.apply(observe("n1", 2, client_with(track_seen(ssrcs=[1]), client="bob")))

    assert holder(registry.rooms["service", "lobby"].ssrcs[1]) == "bob"


def test_a_claim_falls_back_when_its_holder_goes() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=[1]), client="alice"))
    registry.apply(observe("n1", 2, client_with(track_seen(ssrcs=[1]), client="bob")))

    registry.apply(leave("n1", 3, "bob"))

    assert holder(registry.rooms["service", "lobby"].ssrcs[1]) == "alice"


def test_of_too_many_ssrcs_the_oldest_go() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=range(MOST_SSRCS))))

    registry.apply(observe("n1", 2, client_with(track_seen(ssrcs=[500, 501]))))

    call: Call = registry.rooms["service", "lobby"]
    assert sorted(call.ssrcs) == [*range(2, MOST_SSRCS), 500, 501]


def test_a_track_that_closes_claims_nothing_any_more() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=[1]), track_seen("cam", ssrcs=[2], stream="st")))

    registry.apply(sweep("n1", 2, now=expired(LIMITS.outbound_track)))

    assert (registry.rooms["service", "lobby"].ssrcs, registry.streams) == ({}, {})


def test_an_ssrc_that_is_told_twice_is_claimed_once() -> None:
    registry = registry_of(client_with(track_seen(ssrcs=[1, 1])))

    assert len(newest(registry.rooms["service", "lobby"].ssrcs[1])) == 1
