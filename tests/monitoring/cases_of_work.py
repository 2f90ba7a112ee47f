"""What makes alerts of samples fire, and what does not yet."""

from tests.monitoring.case import NODE, Case, told

RECEIVED = "observertc_sources_received_samples_total"
REFUSED = "observertc_sources_refused_total"
OF_CLIENTS = "observertc_sources_observed_client_samples_total"
OF_SFUS = "observertc_sources_observed_sfu_samples_total"
REJECTED = "observertc_sources_rejected_total"
ENTRIES = "observertc_repository_entries"
REPOSITORY_LIMIT = "observertc_repository_limit"
SOURCES_LIMIT = "observertc_sources_limit"
ROUND_AGE = "observertc_pipeline_round_age_seconds"
COMMIT_WAIT = "observertc_pipeline_commit_wait_seconds"

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
            told(1, ROUND_AGE, "0.1x9 30 31+60x20"),
            told(1, COMMIT_WAIT, "0x40"),
            told(2, ROUND_AGE, "31+60x30"),
            told(2, COMMIT_WAIT, "31+60x30"),
        ],
        silent=["9m", "10m"],
        fires="11m",
        says="The pipeline of {node} of {cluster} has not moved for 31s, and waits for nobody. That is a fault of the "
        "observer.",
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
        "WebrtcObserverConnectionsNearLimit",
        [
            told(1, "observertc_sources_open_connections", "4000x9 4500x20"),
            told(2, "observertc_sources_open_connections", "4500x30"),
            told(1, SOURCES_LIMIT, "5000x40", of="open_connections"),
            told(1, SOURCES_LIMIT, "9x40", of="waiting_samples"),
            told(2, SOURCES_LIMIT, "10000x40", of="open_connections"),
        ],
        silent=["9m", "14m"],
        fires="15m",
        says="{node} of {cluster} has 90% of the connections open that may be open.",
        keeps=NODE,
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
        "WebrtcObserverTokensRefused",
        [
            told(1, REFUSED, "0+5x20 105+7x40", reason="token_expired"),
            told(1, REFUSED, "0+4x80", reason="token_required"),
            told(1, REFUSED, "0+9x80", reason="version"),
            told(1, RECEIVED, "0+50x80"),
            told(2, RECEIVED, "0+50x80"),
        ],
        silent=["20m", "35m"],
        fires="50m",
        says="{cluster} refuses 5.833% of what is sent for its access token: token_expired.",
        labels={"reason": "token_expired"},
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
        says="{cluster} did not register 10 peer connections, tracks, or parts of SFUs within ten minutes: "
        "too_many_tracks.",
        labels={"reason": "too_many_tracks"},
    ),
    Case(
        "WebrtcObserverRegistryFilling",
        [
            told(1, ENTRIES, "80x30", storage="clients"),
            told(1, ENTRIES, "80x30", storage="calls"),
            told(1, ENTRIES, "400x30", storage="peer_connections"),
            told(1, ENTRIES, "9999x30", storage="rooms"),
            *(told(1, ENTRIES, "800x9 820x20", storage=f"{way}bound_tracks") for way in ("in", "out")),
            *(told(2, ENTRIES, "1600x30", storage=f"{way}bound_tracks") for way in ("in", "out")),
            *(told(1, REPOSITORY_LIMIT, "100x40", storage=storage) for storage in ("calls", "clients")),
            told(1, REPOSITORY_LIMIT, "500x40", storage="peer_connections"),
            told(1, REPOSITORY_LIMIT, "2000x40", storage="tracks"),
            told(2, REPOSITORY_LIMIT, "4000x40", storage="tracks"),
        ],
        silent=["9m", "14m"],
        fires="15m",
        says="{cluster} holds 82% of the tracks that it may hold.",
        labels={"storage": "tracks"},
    ),
    Case(
        "WebrtcObserverSamplesWait",
        [
            told(1, "observertc_sources_waiting_samples", "50x30"),
            told(1, "observertc_sources_waiting_bytes", "500x9 600x20"),
            told(2, "observertc_sources_waiting_samples", "60x30"),
            told(1, SOURCES_LIMIT, "100x40", of="waiting_samples"),
            told(1, SOURCES_LIMIT, "1000x40", of="waiting_bytes"),
            told(2, SOURCES_LIMIT, "120x40", of="waiting_samples"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits at {node} of {cluster} takes 60% of the room that there is.",
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
    Case(
        "WebrtcObserverSfuSamplesStopped",
        [
            told(1, OF_SFUS, "0+6x40 240x60"),
            told(2, OF_SFUS, "0x100"),
            told(1, OF_CLIENTS, "0+70x100"),
            told(1, OF_SFUS, "0+6x40 240x60", job="where clients sleep as well"),
            told(1, OF_CLIENTS, "0+70x40 2800x60", job="where clients sleep as well"),
            told(1, OF_SFUS, "0+2x40 80x60", job="seldom told anything"),
            told(1, OF_CLIENTS, "0+70x100", job="seldom told anything"),
        ],
        silent=["40m", "50m", "54m", "85m"],
        fires="56m",
        says="{cluster} has received no sample of an SFU for ten minutes, and received some before; clients go on.",
    ),
]

OTHER_BOUNDS = [
    *(
        Case(
            "WebrtcObserverSamplesRejected",
            [told(1, REJECTED, "0+6x80", reason=reason), told(1, RECEIVED, "0+100x80")],
            silent=["10m"],
            fires="50m",
            says=f"{{cluster}} throws away 0.06 samples for each message that comes: {reason}.",
            labels={"reason": reason},
        )
        for reason in ("not_authorized", "sfu_id_missing")
    ),
    *(
        Case(
            "WebrtcObserverRegistryFilling",
            [told(1, ENTRIES, "80x9 90x20", storage=kind), told(1, REPOSITORY_LIMIT, "100x40", storage=kind)],
            silent=["9m", "14m"],
            fires="15m",
            says=f"{{cluster}} holds 90% of the {kind} that it may hold.",
            labels={"storage": kind},
        )
        for kind in ("calls", "clients", "peer_connections")
    ),
    Case(
        "WebrtcObserverSamplesWait",
        [
            told(1, "observertc_sources_waiting_samples", "50x9 60x20"),
            told(1, SOURCES_LIMIT, "100x40", of="waiting_samples"),
            told(1, SOURCES_LIMIT, "1000x40", of="waiting_bytes"),
        ],
        silent=["9m", "11m"],
        fires="12m",
        says="What waits at {node} of {cluster} takes 60% of the room that there is.",
        keeps=NODE,
    ),
]
"""Alerts above, once more."""

CASES = [*SAMPLES, *OTHER_BOUNDS]
