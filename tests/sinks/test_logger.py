"""LoggerSink: what stands in the log, at which level."""

import logging

import pytest

from schemas.reports import ReportType
from sinks.lines import batch_of
from sinks.logger import TRACE, LoggerSink, LogLevel
from tests.sinks.sinks_for_tests import batch, line

MIXED = batch_of([line("a"), line("b"), line("c", ReportType.INBOUND_AUDIO_TRACK)])


def of_the_sink(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    """What the sink has logged; a client library of an earlier test may have something left to say."""
    return [record for record in caplog.record_tuples if record[0] == "sink.mySink"]


async def told(sink: LoggerSink, caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    caplog.set_level(TRACE)
    async with sink.opened("mySink") as send:
        await send(MIXED)
    return of_the_sink(caplog)


async def test_the_number_of_reports_is_always_told(caplog: pytest.LogCaptureFixture) -> None:
    assert await told(LoggerSink(), caplog) == [("sink.mySink", logging.INFO, "Number of reports are: 3")]


async def test_the_number_is_told_at_info_whatever_the_level(caplog: pytest.LogCaptureFixture) -> None:
    messages = await told(LoggerSink(log_level=LogLevel.DEBUG), caplog)

    assert messages == [("sink.mySink", logging.INFO, "Number of reports are: 3")]


async def test_the_summary_has_a_line_for_each_type_at_the_level(caplog: pytest.LogCaptureFixture) -> None:
    messages = await told(LoggerSink(log_level=LogLevel.WARN, print_type_summary=True), caplog)

    assert messages[1:] == [
        ("sink.mySink", logging.WARNING, "Received number of reports of CALL_EVENT: 2"),
        ("sink.mySink", logging.WARNING, "Received number of reports of INBOUND_AUDIO_TRACK: 1"),
    ]


async def test_every_report_is_printed_as_indented_json(caplog: pytest.LogCaptureFixture) -> None:
    messages = await told(LoggerSink(log_level=LogLevel.TRACE, print_reports=True), caplog)

    assert len(messages) == 1 + 3
    assert messages[1][1] == TRACE
    assert messages[1][2].startswith(
        'Report: {\n  "type": "CALL_EVENT",\n  "schemaVersion": "2.2.0",\n  "payload": {\n'
    )


async def test_nothing_in_a_printed_report_can_steer_a_terminal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE)
    async with LoggerSink(print_reports=True).opened("mySink") as send:
        await send(batch_of([line("\x1b[2J\x9b2J\r\u202e")]))

    assert all(character.isprintable() or character == "\n" for character in of_the_sink(caplog)[1][2])


async def test_reports_that_the_log_does_not_show_are_not_read() -> None:
    async with LoggerSink(log_level=LogLevel.TRACE, print_reports=True).opened("mySink") as send:
        await send(batch_of([b"what would fail if it were read"]))


@pytest.mark.parametrize("name", ["trace", "Debug", "INFO", "warn", "eRRor"])
def test_a_level_may_be_written_in_any_case(name: str) -> None:
    assert LogLevel(name).value == name.upper()


def test_there_are_no_other_levels() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        LogLevel("LOUD")


async def test_ten_thousand_reports_are_one_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE)
    async with LoggerSink().opened("mySink") as send:
        await send(batch(10_000))

    assert of_the_sink(caplog) == [("sink.mySink", logging.INFO, "Number of reports are: 10000")]
