from typing import Any

import orjson
import pytest

from analysis.events import EVENT_NAMES
from observer.config.settings import Metrics, MetricsGroup
from observer.metrics.calls import CallMetrics
from observer.metrics.families import Group
from schemas.reports import Report, ReportType
from tests.observer.exposed import exposed, report


def event(name: str, *, call: str = "call-1", at: int = 0, service: str = "s") -> Report:
    ids = {"serviceId": service, "roomId": "room", "callId": call}
    return report(ReportType.CALL_EVENT, {"name": name, "timestamp": at, **ids})


def audio(**stats: Any) -> Report:
    return report(ReportType.OUTBOUND_AUDIO_TRACK, stats)


def video(**stats: Any) -> Report:
    return report(ReportType.OUTBOUND_VIDEO_TRACK, stats)


def meta(type_: str, **payload: Any) -> Report:
    return report(ReportType.CALL_META_DATA, {"type": type_, "payload": orjson.dumps(payload).decode()})


async def test_reports_are_counted_by_type() -> None:
    page = await exposed(reports=[audio(), video(), audio(), report(ReportType.ICE_CANDIDATE_PAIR, {})])

    counted = {type_: page.value("observertc_reports_total", type=type_) for type_ in ReportType}
    assert {type_: count for type_, count in counted.items() if count} == {
        ReportType.OUTBOUND_AUDIO_TRACK: 2,
        ReportType.OUTBOUND_VIDEO_TRACK: 1,
        ReportType.ICE_CANDIDATE_PAIR: 1,
    }
    assert counted[ReportType.SFU_TRANSPORT] == 0


@pytest.mark.parametrize(
    ("type_", "matched"),
    [
        (ReportType.INBOUND_AUDIO_TRACK, {"remoteClientId": "alice"}),
        (ReportType.INBOUND_VIDEO_TRACK, {"remoteClientId": "alice"}),
        (ReportType.SFU_INBOUND_RTP_PAD, {"callId": "call", "clientId": "alice"}),
        (ReportType.SFU_INBOUND_RTP_PAD, {"internal": True, "remoteSfuId": "other"}),
        (ReportType.SFU_OUTBOUND_RTP_PAD, {"callId": "call", "clientId": "alice"}),
    ],
)
async def test_reports_that_found_nobody_are_counted_by_type(type_: ReportType, matched: dict[str, Any]) -> None:
    page = await exposed(reports=[report(type_, matched), report(type_, {}), report(type_, {})])

    assert page.value("observertc_reports_unmatched_total", type=type_) == 2


async def test_an_outbound_track_looks_for_nobody() -> None:
    page = await exposed(reports=[audio(), video()])

    assert page.labels("observertc_reports_unmatched_total", "type") == {
        ReportType.INBOUND_AUDIO_TRACK,
        ReportType.INBOUND_VIDEO_TRACK,
        ReportType.SFU_INBOUND_RTP_PAD,
        ReportType.SFU_OUTBOUND_RTP_PAD,
    }


@pytest.mark.parametrize("name", sorted(EVENT_NAMES))
async def test_each_event_of_ours_has_a_counter(name: str) -> None:
    page = await exposed(reports=[event(name), event(name)])

    assert page.value(f"observertc_reports_{name.lower()}_total") == 2
    assert page.value("observertc_reports_custom_events_total") == 0


async def test_events_of_applications_share_one_counter() -> None:
    names = {family.name for family in (await exposed()).families}

    page = await exposed(reports=[event("hand raised"), event("CUSTOM_CALL_STARTED"), event("x" * 5000)])

    assert page.value("observertc_reports_custom_events_total") == 3
    assert {family.name for family in page.families} == names


async def test_a_call_that_ends_tells_how_long_it_was() -> None:
    page = await exposed(reports=[event("CALL_STARTED", at=1_000), event("CALL_ENDED", at=91_500)])

    name = "observertc_reports_call_durations_seconds"
    assert (page.value(f"{name}_count"), page.value(f"{name}_sum")) == (1, 90.5)


async def test_a_call_that_ends_tells_how_many_joined() -> None:
    joins = [event("CLIENT_JOINED"), event("CLIENT_JOINED"), event("CLIENT_JOINED", call="call-2")]

    page = await exposed(reports=[event("CALL_STARTED"), *joins, event("CLIENT_LEFT"), event("CALL_ENDED")])

    name = "observertc_reports_calls_participants_number"
    assert (page.value(f"{name}_count"), page.value(f"{name}_sum")) == (1, 2)


async def test_calls_of_two_services_are_two() -> None:
    started = [event("CALL_STARTED", service="a"), event("CALL_STARTED", service="b", at=1_000)]

    page = await exposed(reports=[*started, event("CALL_ENDED", service="a", at=5_000)])

    assert page.value("observertc_reports_call_durations_seconds_sum") == 5


@pytest.mark.parametrize("name", ["calls_participants_number", "call_durations_seconds"])
async def test_a_call_that_has_not_ended_is_not_observed(name: str) -> None:
    page = await exposed(reports=[event("CALL_STARTED"), event("CLIENT_JOINED")])

    assert page.value(f"observertc_reports_{name}_count") == 0


async def test_a_call_whose_start_was_told_elsewhere_is_not_observed() -> None:
    page = await exposed(reports=[event("CLIENT_JOINED"), event("CALL_ENDED", at=1_000)])

    assert page.value("observertc_reports_call_durations_seconds_count") == 0


@pytest.mark.parametrize("ended", [-1, 1_700_000_000_000])
async def test_the_duration_that_wrong_clocks_give_is_left_out(ended: int) -> None:
    page = await exposed(reports=[event("CALL_STARTED"), event("CALL_ENDED", at=ended)])

    assert page.value("observertc_reports_call_durations_seconds_count") == 0


def test_no_more_calls_are_remembered_than_allowed() -> None:
    calls = CallMetrics(most_open=2)
    for number in range(3):
        calls.readers["CALL_STARTED"](event("CALL_STARTED", call=str(number)))

    for number in range(3):
        calls.readers["CALL_ENDED"](event("CALL_ENDED", call=str(number)))

    ended = {sample.value for f in calls.families(Group("p")) for sample in f.samples if sample.name.endswith("_count")}
    assert ended == {2}


def test_calls_whose_end_is_told_elsewhere_make_room_for_others() -> None:
    calls = CallMetrics(most_open=1)
    calls.readers["CALL_STARTED"](event("CALL_STARTED", call="never ends here"))
    calls.readers["CALL_STARTED"](event("CALL_STARTED", call="another"))

    calls.readers["CALL_ENDED"](event("CALL_ENDED", call="another"))

    ended = {sample.value for f in calls.families(Group("p")) for sample in f.samples if sample.name.endswith("_count")}
    assert ended == {1}


def test_a_call_that_ended_makes_room_for_another() -> None:
    calls = CallMetrics(most_open=1)
    for number in range(3):
        calls.readers["CALL_STARTED"](event("CALL_STARTED", call=str(number)))
        calls.readers["CALL_ENDED"](event("CALL_ENDED", call=str(number)))

    ended = {sample.value for f in calls.families(Group("p")) for sample in f.samples if sample.name.endswith("_count")}
    assert ended == {3}


async def test_round_trip_times_are_told_by_media_kind() -> None:
    page = await exposed(reports=[audio(roundTripTime=0.02), video(roundTripTime=0.3), video(roundTripTime=0.5)])

    assert page.value("observertc_reports_outbound_audio_tracks_rtt_seconds_sum") == 0.02
    assert page.value("observertc_reports_outbound_video_tracks_rtt_seconds_sum") == 0.8


async def test_a_value_at_a_bound_is_within_it() -> None:
    page = await exposed(reports=[audio(roundTripTime=0.05), audio(roundTripTime=0.06)])

    name = "observertc_reports_outbound_audio_tracks_rtt_seconds_bucket"
    assert [page.value(name, le=bound) for bound in ("0.025", "0.05", "0.075", "+Inf")] == [0, 1, 2, 2]


async def test_target_bitrates_are_told_by_media_kind() -> None:
    page = await exposed(reports=[audio(targetBitrate=32_000), video(targetBitrate=1_500_000)])

    assert page.value("observertc_reports_outbound_audio_target_bitrate_sum") == 32_000
    assert page.value("observertc_reports_outbound_video_target_bitrate_sum") == 1_500_000


@pytest.mark.parametrize("value", [None, -0.1, 1e308, float("inf"), float("nan"), 10**400])
async def test_what_is_no_measurement_spoils_no_sum(value: float | None) -> None:
    page = await exposed(reports=[audio(roundTripTime=value, targetBitrate=value), audio(roundTripTime=0.5)])

    assert page.value("observertc_reports_outbound_audio_tracks_rtt_seconds_sum") == 0.5
    assert page.value("observertc_reports_outbound_audio_target_bitrate_count") == 0


async def test_limited_quality_is_counted_by_what_limits_it() -> None:
    reasons = ["cpu", "bandwidth", "bandwidth", "other", "none", None, "the weather"]

    page = await exposed(reports=[video(qualityLimitationReason=reason) for reason in reasons])

    name = "observertc_reports_quality_limitation_reason_total"
    assert {reason: page.value(name, reason=reason) for reason in page.labels(name, "reason")} == {
        "cpu": 1,
        "bandwidth": 2,
        "other": 2,
    }


@pytest.mark.parametrize(
    ("type_", "key", "name", "label"),
    [
        ("OPERATION_SYSTEM", "name", "operation_system", "name"),
        ("BROWSER", "name", "browser", "name"),
        ("PLATFORM", "type", "platform", "type"),
    ],
)
async def test_what_clients_run_on_is_counted(type_: str, key: str, name: str, label: str) -> None:
    page = await exposed(reports=[meta(type_, **{key: "This"}), meta(type_, **{key: "This"}), meta(type_, version="1")])

    counted = f"observertc_client_meta_{name}_total"
    assert {of: page.value(counted, **{label: of}) for of in page.labels(counted, label)} == {
        "This": 2,
        "UNKNOWN": 1,
        "OTHER": 0,
    }


async def test_other_meta_data_is_not_looked_at() -> None:
    page = await exposed(reports=[report(ReportType.CALL_META_DATA, {"type": "ICE_SERVER", "payload": "turn:x"})])

    assert page.value("observertc_client_meta_browser_total", name="UNKNOWN") == 0


async def test_clients_cannot_make_up_any_number_of_labels() -> None:
    page = await exposed(reports=[meta("BROWSER", name=f"Browser {number}") for number in range(500)])

    name = "observertc_client_meta_browser_total"
    assert len(page.labels(name, "name")) == 52
    assert page.value(name, name="Browser 49") == 1
    assert page.value(name, name="OTHER") == 450


@pytest.mark.parametrize("given", ["x" * 41, "a\nb", "\x00", 7, ["Chrome"], {"a": 1}, True])
async def test_what_is_no_name_is_other(given: object) -> None:
    page = await exposed(reports=[meta("BROWSER", name=given)])

    assert page.labels("observertc_client_meta_browser_total", "name") == {"UNKNOWN", "OTHER"}
    assert page.value("observertc_client_meta_browser_total", name="OTHER") == 1


@pytest.mark.parametrize("given", ['"}', "\\", "Ünïcode", "a b", "x" * 40])
async def test_a_name_is_told_as_the_client_gave_it(given: str) -> None:
    page = await exposed(reports=[meta("BROWSER", name=given)])

    assert page.value("observertc_client_meta_browser_total", name=given) == 1


async def test_reports_of_clients_are_counted_without_those_of_their_meta_data() -> None:
    settings = Metrics(client_samples_metric_config=MetricsGroup(False))

    page = await exposed(settings=settings, reports=[meta("BROWSER", name="Chrome")])

    assert page.value("observertc_reports_total", type="CALL_META_DATA") == 1


async def test_meta_data_is_counted_without_the_other_reports() -> None:
    settings = Metrics(report_metrics=MetricsGroup(False))

    page = await exposed(settings=settings, reports=[event("CALL_STARTED"), meta("BROWSER", name="Chrome")])

    assert page.value("observertc_client_meta_browser_total", name="Chrome") == 1
