"""What makes alerts of sinks and of resources fire, and what does not yet."""

from tests.monitoring.case import KUBERNETES, NODE, POD, Case, told

GIGABYTE = 10**9
BUILD = "observertc_build_info"
ENTRIES = "observertc_repository_entries"

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
            told(1, "observertc_sinks_queued_reports", "50x9 60x20", sink="archive"),
            told(1, "observertc_sinks_queued_bytes", "500x40", sink="archive"),
            told(1, "observertc_sinks_queued_reports", "60x40", sink="live"),
            told(2, "observertc_sinks_queued_bytes", "600x40", sink="archive"),
            told(1, "observertc_sinks_queued_reports_limit", "100x40", sink="archive"),
            told(1, "observertc_sinks_queued_bytes_limit", "1000x40", sink="archive"),
            told(1, "observertc_sinks_queued_reports_limit", "120x40", sink="live"),
            told(2, "observertc_sinks_queued_bytes_limit", "1200x40", sink="archive"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits for the sink archive at {node} of {cluster} takes 60% of the room that there is.",
        keeps=NODE,
        labels={"sink": "archive"},
    ),
    Case(
        "WebrtcObserverSinkQueueFilling",
        [
            told(1, "observertc_sinks_queued_bytes", "500x9 600x20", sink="archive"),
            told(1, "observertc_sinks_queued_bytes_limit", "1000x40", sink="archive"),
            told(1, "observertc_sinks_queued_reports_limit", "9999x40", sink="archive"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits for the sink archive at {node} of {cluster} takes 60% of the room that there is.",
        keeps=NODE,
        labels={"sink": "archive"},
    ),
    Case(
        "WebrtcObserverSinkQueueFilling",
        [
            told(1, "observertc_sinks_spooled_bytes", "500x9 600x20", sink="archive"),
            told(1, "observertc_sinks_spooled_bytes_limit", "1000x40", sink="archive"),
            told(1, "observertc_sinks_spooled_bytes", "0x40", sink="live"),
            told(1, "observertc_sinks_spooled_bytes_limit", "0x40", sink="live"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits for the sink archive at {node} of {cluster} takes 60% of the room that there is.",
        keeps=NODE,
        labels={"sink": "archive"},
    ),
    Case(
        "WebrtcObserverSpoolFailing",
        [told(1, "observertc_sinks_spool_failing", "0x9 1x20", sink="archive")],
        silent=["9m", "11m"],
        fires="12m",
        says="The spool of the sink archive of {node} of {cluster} has been failing for two minutes. Its reports wait "
        "in memory.",
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

CASES = [*SINKS, *RESOURCES]
