"""What makes alerts of samples, sinks and resources fire, and what does not yet."""

from tests.monitoring.case import KUBERNETES, NODE, POD, Case, told

GIGABYTE = 10**9
BUILD = "observertc_build_info"
RECEIVED = "observertc_sources_received_samples_total"
REFUSED = "observertc_sources_refused_total"
REJECTED = "observertc_sources_rejected_total"
ENTRIES = "observertc_repository_entries"

SAMPLES = [
    Case(
        "WebrtcObserverFailed",
        [
            told(1, REJECTED, "0x15 2x40", reason="failed"),
            told(1, REJECTED, "0+9x40", reason="field_invalid"),
            told(1, "observertc_sources_failures_total", "7x40"),
            told(2, REJECTED, "0x40", reason="failed"),
            told(2, "observertc_sources_failures_total", "0x40"),
        ],
        silent=["15m", "31m"],
        fires="20m",
        says="{node} of {cluster} failed 2 times within 15 minutes. That is a fault of the observer.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverPipelineStuck",
        [
            told(1, "observertc_sources_waiting_samples", "7x30"),
            told(1, "observertc_evaluators_execution_durations_seconds_count", "0+600x9 5400x20", component="look"),
            told(2, "observertc_sources_waiting_samples", "7x30"),
            told(2, "observertc_evaluators_execution_durations_seconds_count", "5x30", component="look"),
            told(2, "observertc_cluster_quorum", "0x30"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="{node} of {cluster} has looked at nothing for minutes, and 7 messages wait.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverSendersTurnedAway",
        [
            told(1, REFUSED, "0x9 0+5x30", reason="full"),
            told(1, REFUSED, "0x2 0+5x3 15x40", reason="not_ready"),
            told(1, REFUSED, "0+5x40", reason="version"),
            told(2, REFUSED, "0x40", reason="full"),
        ],
        silent=["9m", "14m"],
        fires="20m",
        says="{cluster} turned away 10 messages or sessions within two minutes: full.",
        labels={"reason": "full"},
    ),
    Case(
        "WebrtcObserverConnectionsTurnedAway",
        [
            told(1, "observertc_sources_ended_connections_total", "0x9 0+3x30", reason="too_many_connections"),
            told(1, "observertc_sources_ended_connections_total", "0+3x40", reason="idle_timeout"),
        ],
        silent=["9m", "14m"],
        fires="20m",
        says="{node} of {cluster} answered 6 requests with 503 within two minutes: too_many_connections.",
        keeps=NODE,
        labels={"reason": "too_many_connections"},
    ),
    Case(
        "WebrtcObserverMessagesRefused",
        [
            told(1, REFUSED, "0+5x20 105+7x40", reason="version"),
            told(1, REFUSED, "0+4x80", reason="undecodable"),
            told(1, RECEIVED, "0+50x80"),
            told(2, RECEIVED, "0+50x80"),
        ],
        silent=["20m", "35m"],
        fires="50m",
        says="{cluster} refuses 6.306% of what is sent: version.",
        labels={"reason": "version"},
    ),
    Case(
        "WebrtcObserverSamplesRejected",
        [
            told(1, REJECTED, "0+4.5x20 94.5+6x40", reason="timestamp_invalid"),
            told(1, REJECTED, "0+99x80", reason="field_invalid"),
            told(1, RECEIVED, "0+50x80"),
            told(2, RECEIVED, "0+50x80"),
        ],
        silent=["20m", "35m"],
        fires="50m",
        says="{cluster} throws away 0.06 samples for each message that comes: timestamp_invalid.",
        labels={"reason": "timestamp_invalid"},
    ),
    Case(
        "WebrtcObserverRegistryFull",
        [
            told(1, REJECTED, "0x15 10x40", reason="too_many_clients"),
            told(1, REJECTED, "0+9x40", reason="too_many_items"),
        ],
        silent=["15m", "26m"],
        fires="20m",
        says="{cluster} threw away 10 samples of new clients within ten minutes: too_many_clients.",
        labels={"reason": "too_many_clients"},
    ),
    Case(
        "WebrtcObserverTooManyTracks",
        [
            told(1, REJECTED, "0x15 10x40", reason="too_many_tracks"),
            told(1, REJECTED, "0+9x40", reason="too_many_clients"),
        ],
        silent=["15m", "26m"],
        fires="20m",
        says="{cluster} did not register 10 peer connections or tracks within ten minutes: too_many_tracks.",
        labels={"reason": "too_many_tracks"},
    ),
    Case(
        "WebrtcObserverRegistryFilling",
        [
            told(1, ENTRIES, "80000x30", storage="clients"),
            told(1, ENTRIES, "400000x30", storage="peer_connections"),
            told(1, ENTRIES, "800000x9 820000x20", storage="inbound_tracks"),
            told(1, ENTRIES, "800000x9 820000x20", storage="outbound_tracks"),
            told(2, ENTRIES, "800000x30", storage="inbound_tracks"),
            told(2, ENTRIES, "800000x30", storage="outbound_tracks"),
        ],
        silent=["9m", "14m"],
        fires="15m",
        says="{cluster} holds 82% of the tracks that it may hold by default.",
        labels={"storage": "tracks"},
    ),
    Case(
        "WebrtcObserverSamplesWait",
        [
            told(1, "observertc_sources_waiting_samples", "5000x30"),
            told(1, "observertc_sources_waiting_bytes", "33554432x9 40265318x20"),
            told(2, "observertc_sources_waiting_samples", "5000x30"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits at {node} of {cluster} takes 60% of the room that there is by default.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverSamplesStopped",
        [
            told(1, RECEIVED, "0+70x40 2800x60"),
            told(2, RECEIVED, "0x100"),
            told(1, RECEIVED, "0+54x40 2160x60", job="seldom told anything"),
        ],
        silent=["40m", "50m", "54m", "85m"],
        fires="56m",
        says="{cluster} has received no sample for ten minutes, and received some every second before.",
    ),
]

SINKS = [
    Case(
        "WebrtcObserverSinkFailing",
        [
            told(1, "observertc_sinks_failing", "0x4 1x20", sink="archive"),
            told(1, "observertc_sinks_failing", "0x30", sink="live"),
        ],
        silent=["4m", "6m"],
        fires="7m",
        says="The sink archive of {node} of {cluster} has been failing for two minutes. Its reports wait.",
        keeps=NODE,
        labels={"sink": "archive"},
    ),
    Case(
        "WebrtcObserverReportsDropped",
        [
            told(1, "observertc_sinks_dropped_reports_total", "5x15 305x40", sink="archive", reason="queue_full"),
            told(1, "observertc_sinks_dropped_reports_total", "3x60", sink="archive", reason="given_up"),
        ],
        silent=["15m", "31m"],
        fires="20m",
        says="The sink archive of {node} of {cluster} dropped 300 reports within 15 minutes: queue_full.",
        keeps=NODE,
        labels={"sink": "archive", "reason": "queue_full"},
    ),
    Case(
        "WebrtcObserverSinkQueueFilling",
        [
            told(1, "observertc_sinks_queued_reports", "50000x9 60000x20", sink="archive"),
            told(1, "observertc_sinks_queued_text", "50000000x40", sink="archive"),
            told(2, "observertc_sinks_queued_text", "50000000x40", sink="archive"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits for the sink archive at {node} of {cluster} takes 60% of the room that there is by default.",
        keeps=NODE,
        labels={"sink": "archive"},
    ),
    Case(
        "WebrtcObserverOutcomesNotKept",
        [told(1, "observertc_repository_outcomes_not_kept_total", "0x15 7x40")],
        silent=["15m", "31m"],
        fires="20m",
        says="{cluster} no longer keeps 7 events of the last 15 minutes for another node to tell.",
    ),
]

RESOURCES = [
    Case(
        "WebrtcObserverLoopLags",
        [
            told(1, "observertc_event_loop_lag_seconds", "1x4 1.25x20"),
            told(2, "observertc_event_loop_lag_seconds", "2x4 0.1 2x4 0.1"),
        ],
        silent=["4m", "9m"],
        fires="10m",
        says="Tasks of {node} of {cluster} waited 1.25s for their turn, and more than a second at some time in every "
        "half minute before.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverProcessorBusy",
        [
            told(1, "process_cpu_seconds_total", "0+48x20 960+57x40"),
            told(1, BUILD, "1x80"),
            told(2, "process_cpu_seconds_total", "0+57x60"),
        ],
        silent=["20m", "35m"],
        fires="42m",
        says="{node} of {cluster} uses 95% of the one processor that it can use.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverOpenFilesNearLimit",
        [
            told(1, "process_open_fds", "800x4 900x20"),
            told(1, "process_max_fds", "1000x40"),
            told(1, BUILD, "1x40"),
            told(2, "process_open_fds", "900x40"),
            told(2, "process_max_fds", "1000x40"),
        ],
        silent=["4m", "9m"],
        fires="10m",
        says="{node} of {cluster} has 90% of the files open that it may open.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverMemoryNearLimit",
        [
            told(
                1,
                "container_memory_working_set_bytes",
                f"{0.9 * GIGABYTE:.0f}x4 {0.95 * GIGABYTE:.0f}x20",
                container="o",
            ),
            told(1, "container_spec_memory_limit_bytes", f"{GIGABYTE}x40", container="o"),
            told(2, "container_memory_working_set_bytes", f"{GIGABYTE}x40", container="o"),
            told(2, "container_spec_memory_limit_bytes", "0x40", container="o"),
            told(3, "container_memory_working_set_bytes", f"{GIGABYTE}x40", container="another"),
            told(3, "container_spec_memory_limit_bytes", f"{GIGABYTE}x40", container="another"),
            told(1, BUILD, "1x40"),
            told(2, BUILD, "1x40"),
        ],
        silent=["4m", "9m"],
        fires="10m",
        says="The container o of calls/observer-1 uses 95% of the memory that it may use.",
        keeps=POD,
        labels={"container": "o"},
        surroundings=[KUBERNETES],
    ),
    Case(
        "WebrtcObserverMemoryGrows",
        [
            told(1, "process_resident_memory_bytes", f"{GIGABYTE}x150 {1.8 * GIGABYTE:.0f}x100"),
            told(1, ENTRIES, "1000x300", storage="clients"),
            told(1, BUILD, "1x300"),
            told(2, "process_resident_memory_bytes", f"{GIGABYTE}x150 {2 * GIGABYTE}x100"),
            told(2, ENTRIES, "1000x150 1300x150", storage="clients"),
            told(2, BUILD, "1x300"),
            told(3, "process_resident_memory_bytes", f"{GIGABYTE}x150 {1.4 * GIGABYTE:.0f}x100"),
            told(3, BUILD, "1x300"),
        ],
        silent=["25h", "31h"],
        fires="32h",
        says="{node} of {cluster} uses 1.8 times the memory of yesterday, and not for more clients.",
        keeps=NODE,
        interval="10m",
    ),
]

CASES = [*SAMPLES, *SINKS, *RESOURCES]
