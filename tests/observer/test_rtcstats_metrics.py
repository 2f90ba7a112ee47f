"""What operators of Jitsi's rtcstats-server find again, and what we tell of guests and dumps beside it."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dumps.figures import DumpFigures
from dumps.filing import FilingFigures, Spread
from dumps.retention import Reason, RetentionFigures
from dumps.settings import Dumps, Keep
from ingest.guest_statistics import GuestStatistics, Kind, TurnedAway, Unheard
from observer.metrics.guests import DumpsWatched, GuestsWatched
from observer.metrics.rtcstats import CLIENTS
from schemas.webrtc_stats import Skipped
from tests.observer.exposed import Exposed, Figures, exposed

ORIGINAL = Path(__file__).parents[3] / "shared" / "reference" / "examples" / "jitsi-rtcstats" / "metrics.prom"

WITHOUT_MEANING = {
    *("rtcstats_dump_size", "rtcstats_processing_time", "rtcstats_rejected_promise_count"),
    *("rtcstats_dynamo_error_count", "rtcstats_firehose_error_count", "rtcstats_mongodb_error_count"),
    *("rtcstats_upload_webhook_count", "rtcstats_upload_webhook_error"),
    *(f"rtcstats_{of}_request_size_bytes" for of in ("sentiment", "stats", "other", "sdp", "ds")),
}
"""Never updated by the original, or about what is not done here."""


def of(statistics: GuestStatistics | None = None, **dumps: object) -> GuestsWatched:
    known = {"settings": Dumps("/d"), "figures": DumpFigures(), "filing": FilingFigures()}
    watched = DumpsWatched(**{**known, "retention": RetentionFigures(), **dumps})  # type: ignore[arg-type]
    return GuestsWatched(statistics or GuestStatistics(), watched)


async def page(watched: GuestsWatched | None) -> Exposed:
    return await exposed(Figures(guests=watched))


def count(told: Exposed, name: str) -> int:
    """The value of a counter that does not end in ``_total``, as the parser has it."""
    (value,) = re.findall(rf"^{name} (\S+)$", told.text, re.MULTILINE)
    return int(value)


async def test_a_node_without_guests_tells_nothing_of_them() -> None:
    told = await page(None)

    assert re.findall(r"^# TYPE (\S*(?:rtcstats|guests|dump)\S*)", told.text, re.MULTILINE) == []


async def test_a_node_without_dumps_tells_of_sessions_only() -> None:
    told = await page(GuestsWatched(GuestStatistics()))

    assert count(told, "rtcstats_session_count") == 0
    assert "queue_size" not in told.text
    assert "observertc_dumps" not in told.text


async def test_every_name_of_the_original_that_has_a_meaning_is_there_with_its_type() -> None:
    if not ORIGINAL.is_file():
        pytest.skip("what the original tells is not at hand")
    theirs = {family.name: family for family in text_string_to_metric_families(ORIGINAL.read_text())}
    known = {name: family.type for name, family in theirs.items() if re.match(r"rtcstats_|.*_dump_size_bytes", name)}

    told = {family.name: family.type for family in (await page(of())).families}

    assert known.keys() >= WITHOUT_MEANING
    assert {name: told.get(name) for name in known.keys() - WITHOUT_MEANING} == {
        name: type_ for name, type_ in known.items() if name not in WITHOUT_MEANING
    }
    assert not told.keys() & WITHOUT_MEANING


async def test_no_name_is_told_twice() -> None:
    names = re.findall(r"^# TYPE (\S+)", (await page(of())).text, re.MULTILINE)

    assert len(names) == len(set(names))


async def test_counters_of_the_original_have_its_names_exactly() -> None:
    text = (await page(of())).text

    assert "# TYPE rtcstats_files_processed counter\nrtcstats_files_processed 0\n" in text


async def test_sessions_and_sockets_are_told_under_the_known_names() -> None:
    statistics = GuestStatistics()
    statistics.open_sockets.update({Kind.RTCSTATS: 2, Kind.JITSI: 3})
    statistics.opened_sessions.update({Kind.RTCSTATS: 20, Kind.JITSI: 30})
    statistics.turned_away[Kind.JITSI, TurnedAway.ID_INVALID] = 4
    statistics.skipped[Kind.JITSI, Unheard.TOO_MANY_SESSIONS] = 5
    figures = DumpFigures()
    figures.refused["disk"] = 6

    told = await page(of(statistics, figures=figures))

    assert told.value("rtcstats_websocket_connections") == 5
    assert count(told, "rtcstats_session_count") == 50
    assert count(told, "rtcstats_websocket_connection_error") == 4
    assert count(told, "rtcstats_session_error_count") == 15


async def test_messages_are_summed_up_under_the_known_name() -> None:
    statistics = GuestStatistics()
    statistics.messages.update({Kind.RTCSTATS: 2, Kind.JITSI: 3})
    statistics.received_bytes.update({Kind.RTCSTATS: 200, Kind.JITSI: 300})

    told = await page(of(statistics))

    assert told.value("rtcstats_requests_size_bytes_sum") == 500
    assert told.value("rtcstats_requests_size_bytes_count") == 5


async def test_dumps_are_told_under_the_known_names() -> None:
    figures = DumpFigures(queued=9, files=8, work=7_000, waiting=6)
    figures.errors.update({"process": 5, "storage": 4, "catalogue": 3})

    told = await page(of(figures=figures))

    known = ("queued_dumps", "files_processed", "disk_queue_size", "queue_size")
    assert [count(told, f"rtcstats_{name}") for name in known] == [9, 8, 7_000, 6]
    assert count(told, "rtcstats_process_error_count") == 5
    assert count(told, "rtcstats_storage_error_count") == 4


async def test_sizes_of_dumps_are_told_by_kind_of_client() -> None:
    filing = FilingFigures()
    for size in range(1, 101):
        filing.raw_sizes.setdefault("jvb", Spread()).add(size)

    told = await page(of(filing=filing))

    assert told.value("jvb_dump_size_bytes", quantile="0.9") == 90
    assert told.value("jvb_dump_size_bytes", quantile="0.01") == 1
    assert told.value("jvb_dump_size_bytes_sum") == 5050
    assert told.value("jicofo_dump_size_bytes", quantile="0.9") == 0


async def test_a_kind_of_client_that_nobody_knows_makes_no_name() -> None:
    filing = FilingFigures()
    for client in ("made-up 1", "made-up 2", "unknown"):
        filing.raw_sizes.setdefault(client, Spread()).add(10)

    told = await page(of(filing=filing))

    assert told.value("unknown_dump_size_bytes_count") == 3
    assert set(re.findall(r"(\w+)_dump_size_bytes ", told.text)) == set(CLIENTS)


async def test_what_was_lost_is_told_with_every_reason_from_the_start() -> None:
    figures = DumpFigures()
    figures.dropped["slow"] = 7

    told = await page(of(figures=figures))

    assert told.value("observertc_dumps_dropped_lines_total", reason="slow") == 7
    assert told.labels("observertc_dumps_dropped_lines_total", "reason") == {"size", "disk", "slow", "error"}
    assert told.labels("observertc_dumps_errors_total", "stage") == {"write", "process", "storage", "catalogue"}
    assert told.labels("observertc_guests_skipped_total", "reason") == {*Skipped, *Unheard}
    assert told.labels("observertc_guests_turned_away_total", "reason") == {*TurnedAway}


async def test_what_is_skipped_and_turned_away_is_told_by_kind() -> None:
    statistics = GuestStatistics()
    statistics.turned_away[Kind.JITSI, TurnedAway.NOT_READY] = 3
    statistics.skipped[Kind.RTCSTATS, Unheard.SESSION_IN_USE] = 4

    told = await page(of(statistics))

    assert told.value("observertc_guests_turned_away_total", kind="jitsi", reason="not_ready") == 3
    assert told.value("observertc_guests_turned_away_total", kind="rtcstats", reason="not_ready") == 0
    assert told.value("observertc_guests_skipped_total", kind="rtcstats", reason="session_in_use") == 4


async def test_bounds_are_told_beside_what_they_bound() -> None:
    settings = Dumps("/d", max_waiting=77, keep=Keep(max_bytes=88))

    told = await page(of(settings=settings, figures=DumpFigures(waiting=5)))

    assert told.value("observertc_dumps_waiting") == 5
    assert told.value("observertc_dumps_limit", of="waiting") == 77
    assert told.value("observertc_dumps_limit", of="kept_bytes") == 88


async def test_deleted_dumps_are_told_by_reason() -> None:
    retention = RetentionFigures(deleted_bytes=900, kept=3, kept_bytes=400)
    retention.deleted.update({Reason.AGE: 2, Reason.SIZE: 1})
    retention.errors["storage"] = 6

    told = await page(of(retention=retention))

    assert told.value("observertc_dumps_deleted_total", reason="age") == 2
    assert told.value("observertc_dumps_deleted_size_bytes_total") == 900
    assert told.value("observertc_dumps_kept_size_bytes") == 400
    assert told.value("observertc_dumps_deleting_errors_total", stage="storage") == 6
