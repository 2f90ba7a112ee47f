"""What makes alerts of nodes and of their cluster fire, and what does not yet."""

from collections.abc import Sequence

from tests.monitoring.case import NODE, Case, Series, told

BUILD = "observertc_build_info"
HOUR = 3600
DAY = 24 * HOUR


def three(metric: str, *values: str, **labels: str) -> Sequence[Series]:
    """What the nodes 1, 2 and 3 tell; the last of the values holds for those that are left."""
    return [told(n, metric, values[min(n, len(values)) - 1], **labels) for n in (1, 2, 3)]


NODES = [
    Case(
        "WebrtcObserverNodeDown",
        [
            *(told(1, "up", "1x4 0x10"), told(1, BUILD, "1x4 stale")),
            *(told(2, "up", "1x20"), told(2, BUILD, "1x20")),
            told(3, "up", "0x20", job="of others"),
        ],
        silent=["4m", "6m"],
        fires="7m",
        says="{node} of {cluster} has not answered Prometheus for two minutes.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverDown",
        [
            told(1, "up", "1x4 0x100"),
            told(1, BUILD, "1x4 stale"),
            told(2, "up", "1x5 stale"),
            told(2, BUILD, "1x5 stale"),
        ],
        silent=["5m", "6m"],
        fires="7m",
        still="90m",
        says="No node of {cluster} tells anything, and one did before.",
    ),
    Case(
        "WebrtcObserverNodeRestarting",
        [
            told(1, "process_start_time_seconds", "100x9 700x9 1300x9 1900x20"),
            told(1, BUILD, "1x60"),
            told(2, "process_start_time_seconds", "100x9 700x9 1300x9 1900x20"),
        ],
        silent=["20m", "29m"],
        fires="30m",
        says="{node} of {cluster} started 3 times within an hour.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverVersionsDiffer",
        [
            told(1, BUILD, "1x4 stale", version="0.1.0"),
            told(1, BUILD, "_x5 1x80", version="0.2.0"),
            told(2, BUILD, "1x90", version="0.1.0"),
        ],
        silent=["4m", "64m"],
        fires="66m",
        says="{cluster} has run 2 versions side by side for an hour.",
    ),
]

STANDING = [
    Case(
        "WebrtcObserverNodeNotReady",
        [*three("observertc_ready", "1x4 0x10", "1x4 0x1 1x20"), *three("observertc_cluster_quorum", "1x20")],
        silent=["4m", "6m"],
        fires="7m",
        says="{node} of {cluster} runs and has not been ready for two minutes: it takes no new sessions.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverNoneReady",
        [
            *three("observertc_ready", "1x4 0x30", "1x6 0x30", "0x40"),
            *three("observertc_cluster_quorum", "1x40"),
            *three("observertc_ready", "0x40", job="without a majority"),
            *three("observertc_cluster_quorum", "0x40", job="without a majority"),
        ],
        silent=["6m", "8m"],
        fires="9m",
        says="No node of {cluster} that runs is ready, and not for want of a majority: no new sessions are taken.",
    ),
    Case(
        "WebrtcObserverNoMajority",
        three("observertc_cluster_quorum", "0x20", "1x9 0x10"),
        silent=["9m", "10m"],
        fires="11m",
        says="No node of {cluster} is in touch with a majority of the members: no samples are taken.",
    ),
    Case(
        "WebrtcObserverNoLeader",
        three("observertc_cluster_is_leader", "1x4 0x10", "0x20"),
        silent=["4m", "6m"],
        fires="7m",
        says="Of the nodes of {cluster} that answer Prometheus none says that it leads.",
    ),
    Case(
        "WebrtcObserverSeveralLeaders",
        [
            *three("observertc_cluster_is_leader", "0x4 1x20", "1x20", "0x20"),
            *three("observertc_cluster_info", "1x30", cluster_id="a:5601#f0"),
            *(told(n, "observertc_cluster_is_leader", "1x30", job="two clusters") for n in (1, 2)),
            *(told(n, "observertc_cluster_info", "1x30", job="two clusters", cluster_id=f"{n}") for n in (1, 2)),
        ],
        silent=["4m", "6m"],
        fires="7m",
        says="2 nodes of {cluster} lead the cluster a:5601#f0. That is a fault of the observer.",
        labels={"cluster_id": "a:5601#f0"},
    ),
    Case(
        "WebrtcObserverSeveralClusters",
        [
            # It is formed anew, and once more; the third time one node stays in the old one.
            told(1, "observertc_cluster_info", "1x4 stale", cluster_id="a:5601#f0"),
            told(2, "observertc_cluster_info", "1x6 stale", cluster_id="a:5601#f0"),
            told(1, "observertc_cluster_info", "_x5 1x30", cluster_id="b:5601#01"),
            told(2, "observertc_cluster_info", "_x7 1x2 stale", cluster_id="b:5601#01"),
            told(2, "observertc_cluster_info", "_x10 1x20", cluster_id="c:5601#02"),
            told(3, "observertc_cluster_info", "1x40", cluster_id="another", job="of others"),
        ],
        silent=["4m", "6m", "8m", "12m"],
        fires="13m",
        says="Nodes of {cluster} are members of 2 clusters: clients of one room may be seen as different calls.",
    ),
    Case(
        "WebrtcObserverMembersDisagree",
        [
            *three("observertc_cluster_members", "3x4 2x20", "3x30"),
            *three("observertc_cluster_quorum", "1x6 0x7 1x20", "1x40"),
        ],
        silent=["4m", "6m", "10m", "17m"],
        fires="18m",
        says="Of the nodes of {cluster} that have a majority some know 3 members, others fewer.",
    ),
    Case(
        "WebrtcObserverNodeNotAMember",
        [
            told(1, "observertc_cluster_role", "0x4 1x2 0x2 1x20", role="seeking"),
            told(1, "observertc_cluster_role", "0x4 0x2 1x2 0x20", role="learner"),
            told(1, "observertc_cluster_role", "1x4 0x30", role="follower"),
            told(2, "observertc_cluster_role", "1x30", role="leader"),
        ],
        silent=["4m", "9m"],
        fires="10m",
        says="{node} of {cluster} runs and has been no member of the cluster for five minutes.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverTooFewMembers",
        [
            *three("observertc_cluster_members", "3x4 2x20", "3x4 2x20", "3x4 stale"),
            *three("observertc_cluster_members", "2x30", job="never more than two"),
        ],
        silent=["4m", "14m"],
        fires="15m",
        says="{cluster} has 2 members and had more: if one more is lost, no samples are taken.",
    ),
    Case(
        "WebrtcObserverMemberNotWatched",
        three("observertc_cluster_members", "3x20", "3x20", "3x4 stale"),
        silent=["4m", "14m"],
        fires="15m",
        says="{cluster} has 3 members, and fewer of them answer Prometheus.",
    ),
    Case(
        "WebrtcObserverLinkMissing",
        [
            *three("observertc_cluster_members", "3x20"),
            *three("observertc_cluster_connected_peers", "2x4 1x20", "2x20"),
        ],
        silent=["4m", "6m"],
        fires="7m",
        says="{node} of {cluster} has links to 1 other members, and there are more.",
        keeps=NODE,
    ),
]

LIFE = [
    Case(
        "WebrtcObserverLeaderChangesOften",
        three("observertc_cluster_leader_changes_total", "0x9 4x4 8x20", "0x9 4x20"),
        silent=["9m", "13m", "40m"],
        fires="15m",
        says="{cluster} changed its leader 8 times within 15 minutes; nothing new is registered meanwhile.",
    ),
    Case(
        "WebrtcObserverElectionsOften",
        three("observertc_cluster_elections_total", "0x15 5x5 6x30"),
        silent=["15m", "21m"],
        fires="22m",
        says="Nodes of {cluster} stood for election 18 times within 15 minutes.",
    ),
    Case(
        "WebrtcObserverMemberEvicted",
        three("observertc_cluster_evictions_total", "0x15 1x30", "0x30"),
        silent=["15m", "31m"],
        fires="20m",
        says="{cluster} removed 1 members within 15 minutes, since they had been silent.",
    ),
    Case(
        "WebrtcObserverNodeReborn",
        three("observertc_cluster_rebirths_total", "2x15 3x30", "1x30"),
        silent=["15m", "31m"],
        fires="20m",
        says="{node} of {cluster} lost its place in the cluster 1 times within 15 minutes.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverCommitsSlow",
        [
            told(1, "observertc_cluster_commit_latency_seconds_bucket", "0+100x9 900+90x30", le="0.5"),
            told(1, "observertc_cluster_commit_latency_seconds_bucket", "0+100x40", le="1.0"),
            told(1, "observertc_cluster_commit_latency_seconds_bucket", "0+100x40", le="+Inf"),
            told(2, "observertc_cluster_commit_latency_seconds_bucket", "0+100x40", le="0.5"),
            told(2, "observertc_cluster_commit_latency_seconds_bucket", "0+100x40", le="+Inf"),
        ],
        silent=["9m", "19m"],
        fires="25m",
        says="One in a hundred changes of {node} of {cluster} takes 950ms or more.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverCommitStuck",
        [
            *three("observertc_pipeline_commit_wait_seconds", "0x9 31+60x30", "0x9 31+60x30", "30x40"),
            *three("observertc_cluster_quorum", "1x40", "0x40", "1x40"),
        ],
        silent=["9m", "10m"],
        fires="11m",
        says="{node} of {cluster} has a majority, and has been waiting for 1m 31s for it to take a change. Its samples "
        "wait as long.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverClocksDiffer",
        [
            # Prometheus waits for the second for 9 s now and then, and all others are an hour ahead.
            told(1, "observertc_clock_timestamp_seconds", "3605+60x9 4207+60x40"),
            told(2, "observertc_clock_timestamp_seconds", " ".join(f"{3600 + 60 * n + n % 4 * 3}" for n in range(60))),
            told(3, "observertc_clock_timestamp_seconds", "0+60x60", job="of others"),
        ],
        silent=["9m", "19m"],
        fires="20m",
        says="Clocks of nodes of {cluster} are 7s apart.",
    ),
    Case(
        "WebrtcObserverCertificateExpiresSoon",
        [told(1, "observertc_cluster_certificate_expiry_timestamp_seconds", f"{7 * DAY + HOUR}x300")],
        silent=["60m", "120m"],
        fires="122m",
        says="{node} of {cluster} has a certificate, or an authority, that holds for 6d 22h 58m 0s more.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverCertificateExpires",
        [told(1, "observertc_cluster_certificate_expiry_timestamp_seconds", f"{DAY + HOUR}x300")],
        silent=["60m", "65m"],
        fires="66m",
        says="{node} of {cluster} has a certificate, or an authority, that holds for 23h 54m 0s more. Without one it "
        "finds no member.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverDiscoveryFails",
        [
            told(1, "observertc_discovery_failures_total", "0x9 0+6x40", reason="refused"),
            told(1, "observertc_discovery_failures_total", "0+1x50", reason="gone"),
            told(2, "observertc_discovery_failures_total", "0x9 9x50", reason="refused"),
        ],
        silent=["9m", "20m"],
        fires="22m",
        says="{node} of {cluster} asked the Kubernetes API 30 times within five minutes in vain: refused.",
        keeps=NODE,
        labels={"reason": "refused"},
    ),
    Case(
        "WebrtcObserverDiscoverySilent",
        [
            told(1, "observertc_discovery_last_word_age_seconds", "0+60x40"),
            told(2, "observertc_discovery_last_word_age_seconds", "50x40"),
        ],
        silent=["10m", "15m"],
        fires="16m",
        says="{node} of {cluster} has heard nothing of the Kubernetes API for 16m 0s.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverPeerNotAMember",
        [
            told(1, "observertc_discovery_peers", "1x4 2x20"),
            told(1, "observertc_cluster_members", "2x40"),
            told(2, "observertc_discovery_peers", "1x40"),
            told(2, "observertc_cluster_members", "2x40"),
        ],
        silent=["4m", "9m"],
        fires="10m",
        says="{node} of {cluster} knows of 2 other pods that run, and not all of them are members.",
        keeps=NODE,
    ),
    Case(
        "WebrtcObserverStrangersRefused",
        [
            told(1, "observertc_cluster_refused_strangers_total", "0x15 3x5 9x30", reason="unnamed"),
            told(1, "observertc_cluster_refused_strangers_total", "0+9x40", reason="not_a_member"),
        ],
        silent=["15m", "20m"],
        fires="30m",
        says="{node} of {cluster} refused 9 connections to its cluster port within 15 minutes: unnamed.",
        keeps=NODE,
        labels={"reason": "unnamed"},
    ),
]

CASES = [*NODES, *STANDING, *LIFE]
