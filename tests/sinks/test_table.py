"""The table of sinks: types by name, and what is built of a configuration."""

import pytest

from sinks import SINKS, ConfiguredSink, SinkUnavailable, default_sinks, deliveries, sink_class
from sinks.file import FileSink
from sinks.logger import LoggerSink
from sinks.settings import ReportsCollector, SinkSettings
from tests.sinks.sinks_for_tests import RecordingSink


def keys(blocks: dict[str, ConfiguredSink]) -> list[str]:
    return [one.key for one in deliveries(blocks, ReportsCollector()).statistics()]


def block(*, enabled: bool = True) -> ConfiguredSink:
    return ConfiguredSink(SinkSettings("FileSink", enabled=enabled), RecordingSink())


def test_a_type_is_found_by_its_name() -> None:
    assert sink_class("FileSink") is FileSink


@pytest.mark.parametrize("type_name", SINKS)
def test_every_type_of_the_table_exists(type_name: str) -> None:
    assert sink_class(type_name).__name__ == type_name


def test_a_misspelt_type_names_the_nearest() -> None:
    with pytest.raises(SinkUnavailable, match="did you mean LoggerSink"):
        sink_class("LogerSink")


def test_a_type_like_no_other_names_all() -> None:
    with pytest.raises(SinkUnavailable, match=r"known are AwsS3Sink, .*LoggerSink"):
        sink_class("Xyzzy")


def test_a_sink_whose_package_is_missing_says_what_to_install() -> None:
    with pytest.raises(
        SinkUnavailable, match=r"BrewSink needs no_such_brew, .*: pip install 'webrtc-observer\[brew\]'"
    ):
        sink_class("BrewSink", {"BrewSink": "no_such_brew"}, {"BrewSink": "brew"})


def test_there_is_one_delivery_for_each_block() -> None:
    assert keys({"a": block(), "b": block()}) == ["a", "b"]


def test_a_sink_that_is_not_enabled_is_left_out() -> None:
    assert keys({"a": block(enabled=False), "b": block()}) == ["b"]


@pytest.mark.parametrize("blocks", [{}, {"a": block(enabled=False)}])
def test_without_a_sink_the_types_are_summed_up_in_the_log(blocks: dict[str, ConfiguredSink]) -> None:
    assert keys(blocks) == ["defaultLogger"]


def test_the_default_logger_sums_up_types_and_prints_no_report() -> None:
    assert default_sinks()["defaultLogger"].sink == LoggerSink(print_type_summary=True, print_reports=False)
