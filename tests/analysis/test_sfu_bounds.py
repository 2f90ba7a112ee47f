"""What SFUs can make the registry hold is bounded; what goes beyond is reported all the same, and counted."""

from analysis.bounds import Bounds
from schemas.reports import ReportType
from schemas.samples import Reason
from tests.world import World, message, of_type, pad_in, sfu, sfu_names


def test_an_sfu_beyond_the_bound_is_reported_and_not_registered() -> None:
    world = World(bounds=Bounds(max_sfus=2))

    told = world.tell(message(sfus=[sfu(f"s{n}", transports=[{"transportId": "t"}]) for n in range(4)]))

    assert len(world.registry.sfus) == 2
    assert len(of_type(told, ReportType.SFU_TRANSPORT)) == 4
    assert world.rejected == {Reason.TOO_MANY_SFUS: 2}


def test_a_service_that_is_full_of_sfus_shuts_out_no_other() -> None:
    world = World(bounds=Bounds(max_sfus_per_service=1))

    told = world.tell(message(sfus=[sfu("a"), sfu("b")]), message(sfus=[sfu("c")], service="other"))

    assert [it["sfuId"] for it in of_type(told, ReportType.SFU_EVENT)] == ["a", "c"]
    assert world.rejected == {Reason.TOO_MANY_SFUS: 1}


def test_transports_beyond_the_bound_of_an_sfu_open_nothing_nor_do_their_pads() -> None:
    world = World(bounds=Bounds(max_sfu_transports_per_sfu=1))
    pads = [pad_in(f"p{n}", transport=f"t{n}") for n in range(3)]

    told = world.tell(message(sfus=[sfu(inboundRtpPads=pads)]))

    assert sfu_names(told) == ["SFU_JOINED", "SFU_TRANSPORT_OPENED", "SFU_RTP_PAD_ADDED"]
    assert len(of_type(told, ReportType.SFU_INBOUND_RTP_PAD)) == 3
    assert world.rejected == {Reason.TOO_MANY_SFU_TRANSPORTS: 2}


def test_transports_of_all_sfus_together_have_a_bound() -> None:
    world = World(bounds=Bounds(max_sfu_transports=3))
    two = [{"transportId": "a"}, {"transportId": "b"}]

    world.tell(message(sfus=[sfu("s1", transports=two), sfu("s2", transports=two)]))

    assert world.registry.sfu_transports == 3
    assert world.rejected == {Reason.TOO_MANY_SFU_TRANSPORTS: 1}


def test_pads_and_channels_of_a_transport_share_one_bound() -> None:
    world = World(bounds=Bounds(max_sfu_pads_per_transport=2))
    channels = [{"transportId": "t", "channelId": f"c{n}", "streamId": "st"} for n in range(2)]

    told = world.tell(message(sfus=[sfu(inboundRtpPads=[pad_in()], sctpChannels=channels)]))
    world.tell(message(sfus=[sfu(at=2000, inboundRtpPads=[pad_in("new")])]))

    assert sfu_names(told).count("SFU_SCTP_STREAM_ADDED") == 1
    assert len(of_type(told, ReportType.SFU_SCTP_STREAM)) == 2
    assert world.rejected == {Reason.TOO_MANY_SFU_PADS: 2}


def test_what_is_known_goes_on_when_all_is_full() -> None:
    world = World(bounds=Bounds(max_sfus=1, max_sfu_transports=1, max_sfu_pads=1))
    for at in (1000, 2000):
        world.tell(message(sfus=[sfu(at=at, inboundRtpPads=[pad_in()])]))

    assert world.rejected == {}
