"""Every YAML block of the reference's README loads, and says what it says there."""

import pytest

from analysis.observe import CallIdAssignMode
from ingest.sources import Sources
from observer.config import Configuration, parse
from observer.config.foreign import Status
from sinks.logger import LoggerSink, LogLevel
from tests.observer.readme_blocks import BLOCKS, LOGGER_SINK, OBSERVER


def loaded(text: str) -> Configuration:
    return parse(text, {})


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_of_the_readme_loads(name: str) -> None:
    assert isinstance(loaded(BLOCKS[name]), Configuration)


def test_all_nineteen_blocks_are_here() -> None:
    assert len(BLOCKS) == 19


def test_the_observer_block_says_what_it_says() -> None:
    observer = loaded(OBSERVER).observer

    assert not observer.metrics.report_metrics.enabled
    assert observer.sources == Sources()
    assert observer.repository.call_max_idle_time_in_s == 300
    assert observer.buffers.samples_collector.max_time_in_ms == 10_000
    assert observer.buffers.reports_collector.max_time_in_ms == 10_000
    assert observer.security.print_configs
    assert observer.evaluators.call_updater.call_id_assign_mode is CallIdAssignMode.MASTER
    assert not observer.evaluators.client_samples_analyser.drop_unmatched_reports
    assert observer.sinks == {}


def test_what_the_observer_block_sets_in_vain_is_told() -> None:
    notices = {notice.path: notice.status for notice in loaded(OBSERVER).notices}

    assert notices["observer.repository.useBackups"] is Status.MEANINGLESS
    assert notices["observer.hamok.storageGrid.heartbeatInMs"] is Status.LATER
    assert notices["observer.hamok.discovery.config.peers.my-other-peer.port"] is Status.LATER
    assert notices["observer.security.obfuscations.hashSalt"] is Status.LATER
    assert "observer.repository.callMaxIdleTimeInS" not in notices


def test_the_logger_sink_of_the_readme_prints_reports() -> None:
    sink = loaded(LOGGER_SINK).observer.sinks["MyLoggerSink"].sink

    assert sink == LoggerSink(log_level=LogLevel.INFO, print_reports=True, print_type_summary=False)


@pytest.mark.parametrize("name", ["SINK", "KAFKA_SINK", "MONGO_SINK", "FIREHOSE_SINK", "S3_SINK", "WEB_IDENTITY"])
def test_a_sink_that_comes_later_is_left_out_and_told_once(name: str) -> None:
    configuration = loaded(BLOCKS[name])

    assert configuration.observer.sinks == {}
    assert [notice.status for notice in configuration.notices] == [Status.LATER]
