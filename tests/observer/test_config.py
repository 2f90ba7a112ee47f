from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.observe import CallIdAssignMode
from observer.config.configuration import MOVED, PORT_VARIABLES, ConfigError, Configuration, Problem, load, parse
from observer.config.documented import yaml_fields
from observer.config.foreign import Branch, Status
from observer.config.names import canonical
from observer.config.reference_keys import REFERENCE_KEYS
from schemas.names import camel_case
from sinks.file import FileSink

# The whole configuration that the reference is shipped with, as far as it differs from its README.
SHIPPED = """
micronaut:
  server:
    idle-timeout: 20m
    read-idle-timeout: 20m
    write-idle-timeout: 20m
    port: ${APPLICATION_SERVER_PORT:7080}
    max-request-size: 104857600
  heartbeat: {enabled: true}
  metrics: {enabled: "${METRICS_ENABLED:True}", export: {prometheus: {enabled: true, step: PT1M}}}
  security: {enabled: false}
endpoints:
  all: {port: "${APPLICATION_MANAGEMENT_PORT:7081}"}
  prometheus: {enabled: true, sensitive: false}
  health: {enabled: true, sensitive: false}
  info: {enabled: true, sensitive: false}
  logout: {get-allowed: false}
observer:
  sources: {websocket: {minRemotePeers: 0}, rest: {enabled: true}}
  buffers:
    samplesCollector: {maxItems: 100, maxTimeInMs: 1000, overloadThreshold: -1, maxConsecutiveOverloaded: 3}
    reportsCollector: {maxItems: 5000, maxTimeInMs: 2000, overloadThreshold: -1, maxConsecutiveOverloaded: 3}
  security: {allowExposeConfig: false}
  metrics:
    mediaUnitTagName: mediaUnit
    repositoryMetrics: {enabled: true, exposePeriodInMin: 5}
    clientSamplesMetricConfig: {enabled: true}
    flawMetrics: {enabled: false}
  evaluators:
    clientSamplesAnalyser: {matchTracks: true}
    sfuSamplesAnalyser: {matchRtpPads: true}
    callUpdater: {enabled: true}
    observerReports: {createCallSummaryReports: true}
  hamok:
    memberNamesPool: [Homer, Marge]
    usePartialResponses: true
    firstMinRemotePeers: 1
    discovery:
    endpoint:
    storageGrid:
      peerMaxIdleInMs: 10000
      sendingHelloTimeoutInMs: 1500
      applicationCommitIndexSyncTimeoutInMs: 60000
"""


def told(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, {})
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_the_defaults_are_in_force() -> None:
    assert load(None, {}) == Configuration()


def test_the_defaults_are_those_that_are_documented() -> None:
    configuration = Configuration()

    assert configuration.micronaut.server.port == 7080
    assert configuration.endpoints.all.port == 7081
    assert configuration.observer.buffers.samples_collector.max_items == 10_000
    assert configuration.observer.buffers.samples_collector.max_time_in_ms == 100
    assert configuration.observer.buffers.reports_collector.max_items == 10_000
    assert configuration.observer.buffers.reports_collector.max_time_in_ms == 500
    assert configuration.observer.repository.clients_max_idle == 300
    assert configuration.observer.repository.sfu_transport_max_idle_time_in_s == 600
    assert configuration.observer.metrics.source_metrics.enabled
    assert configuration.observer.sources.websocket.leave_grace_in_s == 30


def test_the_configuration_that_the_reference_is_shipped_with_loads() -> None:
    observer = parse(SHIPPED, {}).observer

    assert observer.sources.rest.max_body_size == 104_857_600
    assert observer.sources.websocket.idle_timeout_in_s == 1200
    assert observer.buffers.reports_collector.max_items == 5000


def test_every_key_that_does_nothing_is_told_once() -> None:
    paths = [notice.path for notice in parse(SHIPPED, {}).notices]

    assert len(paths) == len(set(paths))
    assert {"micronaut.metrics", "endpoints.logout", "observer.hamok.memberNamesPool"} <= set(paths)
    assert "observer.buffers.samplesCollector.overloadThreshold" in paths


def test_what_stands_at_our_place_wins_over_the_references() -> None:
    text = "{micronaut: {server: {max-request-size: 5}}, observer: {sources: {rest: {max-body-size: 7}}}}"

    assert parse(text, {}).observer.sources.rest.max_body_size == 7


@pytest.mark.parametrize("variable", PORT_VARIABLES)
def test_a_port_comes_from_the_environment_without_a_file(variable: str) -> None:
    configuration = load(None, {variable: "9000"})

    assert 9000 in (configuration.micronaut.server.port, configuration.endpoints.all.port)
    assert configuration.micronaut.server.port != configuration.endpoints.all.port


def test_a_port_in_the_file_wins_over_the_environment() -> None:
    assert parse("micronaut: {server: {port: 1}}", {"APPLICATION_SERVER_PORT": "2"}).micronaut.server.port == 1


def test_one_port_for_both_servers_is_told() -> None:
    assert told("endpoints: {all: {port: 7080}}") == [
        "endpoints.all.port and micronaut.server.port are the same port of one address"
    ]


@pytest.mark.parametrize("ports", ["{host: 127.0.0.1, port: 7080}", "{port: 0}"])
def test_ports_of_two_addresses_may_be_the_same_as_may_free_ones(ports: str) -> None:
    server = "{port: 0}" if ports == "{port: 0}" else "{port: 7080}"

    assert parse(f"endpoints: {{all: {ports}}}\nmicronaut: {{server: {server}}}", {})


def test_a_port_of_the_environment_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^micronaut\.server\.port: expected a whole number$"):
        load(None, {"APPLICATION_SERVER_PORT": "http"})


def test_variables_are_expanded_before_types_are_looked_at() -> None:
    sources = "sources: {allowedServiceIds: ['a-${P:`b}`}-${Q}']}"
    text = f"observer: {{buffers: {{samplesCollector: {{maxItems: '${{ITEMS:5}}'}}}}, {sources}}}"

    observer = parse(text, {"Q": "c"}).observer

    assert observer.buffers.samples_collector.max_items == 5
    assert observer.sources.allowed_service_ids == ["a-b}-c"]


def test_enum_values_are_understood_in_any_case() -> None:
    text = "observer: {evaluators: {callUpdater: {callIdAssignMode: SLAVE}}}"

    assert parse(text, {}).observer.evaluators.call_updater.call_id_assign_mode is CallIdAssignMode.SLAVE


def test_hyphens_are_understood_in_every_block() -> None:
    text = "observer: {buffers: {samples-collector: {max-items: 3}}}"

    assert parse(text, {}).observer.buffers.samples_collector.max_items == 3


def test_a_block_with_nothing_behind_it_keeps_its_defaults() -> None:
    assert parse("observer:\n  sinks:\n  buffers:\nmicronaut:\n", {}) == Configuration()


def test_an_unknown_key_names_its_path_its_line_and_the_nearest_key() -> None:
    assert told("observer:\n  buffers:\n    samplesCollector:\n      maxItmes: 3\n") == [
        "line 4: observer.buffers.samplesCollector.maxItmes: unknown key; did you mean maxItems?"
    ]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("observr: {}", "observer"),
        ("observer: {hamok: {storageGird: {}}}", "storageGrid"),
        ("observer: {hamok: {storageGrid: {hartbeatInMs: 1}}}", "heartbeatInMs"),
        ("observer: {repository: {useBackup: true}}", "useBackups"),
        ("micronaut: {server: {prot: 1}}", "port"),
    ],
)
def test_keys_of_the_reference_are_known_when_looking_for_the_nearest(text: str, nearest: str) -> None:
    (problem,) = told(text)

    assert problem.endswith(f"unknown key; did you mean {nearest}?")


def test_all_problems_of_a_file_are_told_in_its_order() -> None:
    text = "endpoints: {all: {port: x}}\nobserver:\n  buffer: {}\n  sinks:\n    a: {type: LogerSink}\n  buffer: {}\n"

    assert [problem.split(": ")[:2] for problem in told(text)] == [
        ["line 1", "endpoints.all.port"],
        ["line 5", "observer.sinks.a.type"],
        ["line 6", "observer.buffer"],
        ["line 6", "observer.buffer"],
    ]


def test_a_sink_is_bound_to_its_class() -> None:
    text = "observer: {sinks: {f: {type: FileSink, reports: {send-call-events: true}, config: {path: '-'}}}}"

    settings, sink = parse(text, {}).observer.sinks["f"]

    assert isinstance(sink, FileSink)
    assert sink.path == "-"
    assert settings.reports is not None
    assert settings.reports.send_call_events


@pytest.mark.parametrize(
    ("sink", "problem"),
    [
        ("{type: FileSink}", "observer.sinks.f.config: path is required"),
        ("{type: FileSink, config: {path: ''}}", "observer.sinks.f.config: path must name a file"),
        (
            "{type: FileSink, config: {path: a, maxFile: 3}}",
            "observer.sinks.f.config.maxFile: unknown key; did you mean maxFiles?",
        ),
        ("{config: {}}", "observer.sinks.f: type is required"),
        ("{type: FileSink, config: {path: a, pth: b}}", "observer.sinks.f.config.pth: unknown key; did you mean path?"),
        ("{type: LoggerSink, report: {}}", "observer.sinks.f.report: unknown key; did you mean reports?"),
        ("[]", "observer.sinks.f: expected a mapping of keys to values"),
    ],
)
def test_what_is_wrong_with_a_sink_is_told(sink: str, problem: str) -> None:
    assert told(f"observer: {{sinks: {{f: {sink}}}}}") == [f"line 1: {problem}"]


def test_an_unknown_type_of_sink_is_told_with_the_nearest() -> None:
    (problem,) = told("observer: {sinks: {f: {type: LogerSink}}}")

    assert problem.startswith("line 1: observer.sinks.f.type: unknown type of sink; did you mean LoggerSink?")


@pytest.mark.parametrize(
    "text",
    [
        "observer: {buffers: {samplesCollector: {maxItems: hunter2}}}",
        "observer: {sinks: {a: {type: hunter2}}}",
        "observer: {sinks: {a: {type: FileSink, enabled: hunter2, config: {path: {x: hunter2}}}}}",
        "observer: {evaluators: {callUpdater: {callIdAssignMode: hunter2}}}",
        "observer: {sources: {allowedServiceIds: {x: hunter2}}}",
        "micronaut: {server: {idle-timeout: hunter2, port: '${SECRET}'}}",
    ],
)
def test_a_problem_never_repeats_a_value(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, {"SECRET": "hunter2"})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("variable", ["MICRONAUT_CONFIG_FILES", "OBSERVER_CONFIG_FILE"])
def test_the_file_may_be_named_by_the_environment(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.write_text("micronaut: {server: {port: 1}}")

    assert load(None, {variable: str(file)}).micronaut.server.port == 1


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "observer.yaml"
    file.write_bytes(b"\xef\xbb\xbfmicronaut: {server: {port: 1}}")

    assert load(file, {}).micronaut.server.port == 1


def test_every_key_of_the_tables_is_camel_case() -> None:
    def spelt(branch: Branch) -> list[str]:
        below = [name for name, inner in branch.below.items() if inner is not branch for name in (name, *spelt(inner))]
        return [name for name in below if not name.startswith("*")]

    assert [name for name in spelt(REFERENCE_KEYS) if canonical(name) != name] == []


@pytest.mark.parametrize("path", [*PORT_VARIABLES.values(), *(target for target, _ in MOVED.values())])
def test_a_key_that_is_filled_in_from_elsewhere_exists(path: str) -> None:
    here: object = Configuration()
    for name in path.split("."):
        fields = {camel_case(f.name): f.name for f in yaml_fields(type(here))}
        here = getattr(here, fields[name])

    assert isinstance(here, (int, float))


def test_a_notice_says_where_and_why() -> None:
    (notice,) = parse("observer: {repository: {use-backups: true}}", {}).notices

    assert notice.status is Status.MEANINGLESS
    assert str(notice).startswith("observer.repository.use-backups: means nothing here: ")


keys = st.sampled_from(
    [
        *("micronaut", "server", "port", "idle-timeout", "maxRequestSize", "observer", "sinks", "type", "config"),
        *("hamok", "discovery", "sources", "rest", "max-body-size", "endpoints", "all", "buffers", "samplesCollector"),
        *("KafkaSink", "FileSink", "LoggerSink", "path", "reports", "x", "<<", "~", "1"),
    ]
)
trees: st.SearchStrategy[object] = st.recursive(
    st.one_of(keys, st.sampled_from(["null", "20m", "-1", "${A}", "${A:`", "*a", "&a x", "!x", "''", "#", "?"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(map(str, items))}]"),
        st.lists(st.tuples(keys, inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=20,
)


@given(st.one_of(st.text(max_size=60), trees.map(str)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_configuration_or_told_what_is_wrong(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    configuration = None
    try:
        configuration = parse(text, {"A": "7"})
    except ConfigError as error:
        problems = error.problems

    assert bool(problems) != isinstance(configuration, Configuration)


def test_a_prefix_that_no_metric_may_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"observer\.metrics\.prefix"):
        parse("observer: {metrics: {prefix: 1-x}}", {})
