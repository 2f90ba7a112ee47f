"""Every YAML block of the reference's README loads, and says what it says there."""

import pytest

from analysis.observe import CallIdAssignMode
from cluster.settings import Endpoint, Timing
from discovery.pods import Pods
from ingest.sources import Sources
from observer.config import Configuration, parse
from observer.config.clustering import endpoint, listed_peers
from observer.config.foreign import Status
from schemas.csv import CsvFormat
from schemas.reports import ReportType
from sinks.aws_credentials import (
    AwsCredentials,
    AwsEnvironmentVariable,
    AwsProfile,
    AwsStatic,
    AwsStsAssumeRoleSession,
    AwsSystemProperty,
    AwsWebIdentityTokenFile,
    FileType,
)
from sinks.encoding import EncodingType
from sinks.firehose import FirehoseSink
from sinks.kafka import KafkaSink
from sinks.kafka_keys import KeyAssignmentStrategy
from sinks.logger import LoggerSink, LogLevel
from sinks.mongo import Connection, MongoSink
from sinks.s3 import AwsS3Sink
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
    assert observer.security.obfuscations.hash_salt == "MySalt"
    assert observer.sinks == {}


def test_what_the_observer_block_sets_in_vain_is_told() -> None:
    notices = {notice.path: notice.status for notice in loaded(OBSERVER).notices}

    assert notices["observer.repository.useBackups"] is Status.MEANINGLESS
    assert "observer.repository.callMaxIdleTimeInS" not in notices


def test_of_the_clusters_keys_in_the_observer_block_only_the_age_of_log_entries_does_nothing() -> None:
    paths = [notice.path for notice in loaded(OBSERVER).notices]

    assert [path for path in paths if path.startswith("observer.hamok")] == [
        "observer.hamok.storageGrid.raftMaxLogEntriesRetentionTimeInMinutes"
    ]


def test_the_observer_block_describes_a_member_of_a_cluster_of_two() -> None:
    hamok = loaded(OBSERVER).observer.hamok

    assert endpoint(hamok) == Endpoint(
        address="localhost:5600",
        host="localhost",
        port=5600,
        timing=Timing(
            heartbeat=0.15, election_min=1.0, election_max=2.25, leader_fallback=1.5, evict_after=3.0, retry=3.0
        ),
    )
    assert listed_peers(hamok.discovery) == {"localhost:5603"}


def test_a_block_with_empty_braces_describes_a_node_that_is_alone() -> None:
    assert endpoint(loaded(BLOCKS["HAMOK"]).observer.hamok) is None
    assert loaded(BLOCKS["HAMOK"]).notices == ()


@pytest.mark.parametrize(
    ("block", "notice"),
    [
        (
            "STATIC_DISCOVERY",
            "observer.hamok.discovery.config.peers: means nothing here: "
            "without observer.hamok.endpoint this node runs alone",
        ),
        (
            "KUBERNETES_DISCOVERY",
            "observer.hamok.discovery: means nothing here: without observer.hamok.endpoint this node runs alone",
        ),
        (
            "ENDPOINT",
            "observer.hamok.discovery.config.peers: take note: "
            "no other node is listed: this one forms a cluster by itself, which others may join",
        ),
    ],
)
def test_half_a_cluster_is_told(block: str, notice: str) -> None:
    assert notice in map(str, loaded(BLOCKS[block]).notices)


def test_the_pods_of_the_readme_are_looked_for() -> None:
    hamok = loaded(BLOCKS["KUBERNETES_DISCOVERY"]).observer.hamok

    assert hamok.discovery.config == Pods(namespace="default", prefix="observertc", port=5601)


def test_the_logger_sink_of_the_readme_prints_reports() -> None:
    sink = loaded(LOGGER_SINK).observer.sinks["MyLoggerSink"].sink

    assert sink == LoggerSink(log_level=LogLevel.INFO, print_reports=True, print_type_summary=False)


def test_the_kafka_sink_of_the_readme_is_understood() -> None:
    sink = loaded(BLOCKS["KAFKA_SINK"]).observer.sinks["MyKafkaSink"].sink

    assert sink == KafkaSink({"bootstrap.servers": "localhost:9092"}, "reports", KeyAssignmentStrategy.INSTANCE_BASED)


def test_the_mongo_sink_of_the_readme_takes_its_uri_and_knows_its_connection() -> None:
    sink = loaded(BLOCKS["MONGO_SINK"]).observer.sinks["MyMongoSink"].sink

    assert sink == MongoSink(
        database="reports",
        uri="mongodb://root:password@localhost:27017",
        connection=Connection(("localhost:27017",), "admin", "password"),
        print_summary=True,
    )


def test_the_s3_sink_of_the_readme_has_a_prefix_for_each_type() -> None:
    sink = loaded(BLOCKS["S3_SINK"]).observer.sinks["MyAwsS3Sink"].sink

    assert isinstance(sink, AwsS3Sink)
    assert (sink.bucket_name, sink.region_id, sink.default_prefix) == (
        "my-bucket",
        "eu-west-1",
        "observertc-reports-csv",
    )
    assert sink.prefixes.keys() == set(ReportType)
    assert sink.prefixes[ReportType.OUTBOUND_AUDIO_TRACK] == "observertc-outbound-autio-track-reports-csv"
    assert sink.credentials == AwsCredentials("AwsStatic", AwsStatic("<ACCESS_KEY>", "<SECRET>"))


@pytest.mark.parametrize(
    ("name", "credentials"),
    [
        ("PROFILE", AwsProfile("/my/path/to/credential/file", FileType.CREDENTIALS, "myprofileName")),
        ("ENVIRONMENT", AwsEnvironmentVariable()),
        (
            "ASSUME_ROLE",
            AwsStsAssumeRoleSession(
                "eu-west-1",
                "THE_ARN_OF_THE_ROLE",
                "observer",
                AwsCredentials("AwsStatic", AwsStatic("accessKey", "secret")),
                "external",
                "policy",
                "1234-5678",
            ),
        ),
        ("STATIC", AwsStatic("accessKey", "secret")),
        ("SYSTEM", AwsSystemProperty()),
        ("WEB_IDENTITY", AwsWebIdentityTokenFile("roleArn", "roleSessionName")),
    ],
)
def test_every_form_of_credentials_of_the_readme_is_understood(name: str, credentials: object) -> None:
    sink = loaded(BLOCKS[name]).observer.sinks["MyAwsS3Sink"].sink

    assert isinstance(sink, AwsS3Sink)
    assert (sink.credentials.config if sink.credentials else sink.config) == credentials


def test_the_firehose_sink_of_the_readme_has_a_stream_for_each_type() -> None:
    sink = loaded(BLOCKS["FIREHOSE_SINK"]).observer.sinks["MyFireHoseSink"].sink

    assert isinstance(sink, FirehoseSink)
    assert (sink.region_id, sink.default_delivery_stream_id) == ("eu-west-1", "observertc-reports-csv")
    assert (sink.encoding_type, sink.csv_format, sink.csv_chunk_size) == (EncodingType.CSV, CsvFormat.DEFAULT, 100)
    assert sink.streams.keys() == set(ReportType)
    assert sink.streams[ReportType.OUTBOUND_AUDIO_TRACK] == "observertc-outbound-autio-track-reports-csv"
    assert sink.credentials == AwsCredentials("AwsStatic", AwsStatic("<ACCESS_KEY>", "<SECRET>"))


def test_a_sink_whose_type_is_a_placeholder_is_left_out_and_told_once() -> None:
    configuration = loaded(BLOCKS["SINK"])

    assert configuration.observer.sinks == {}
    assert [notice.status for notice in configuration.notices] == [Status.LATER]
