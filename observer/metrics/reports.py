"""What the reports say, counted while they pass, those of one type together: of most only how many there are.

No sender chooses the name of a metric, and labels that come from senders are bounded.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from analysis.events import EVENT_NAMES
from observer.config.settings import Metrics
from observer.metrics.bounded_labels import BoundedLabels
from observer.metrics.calls import CallMetrics
from observer.metrics.families import Group
from observer.metrics.histogram import Histogram
from schemas.reports import REPORTS, Report, ReportType

_RTT = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5)
_LONGEST_RTT = 3600
_AUDIO_BITRATES = (8e3, 16e3, 24e3, 32e3, 48e3, 64e3, 96e3, 128e3, 256e3, 512e3)
_VIDEO_BITRATES = (50e3, 100e3, 250e3, 500e3, 1e6, 1.5e6, 2.5e6, 5e6, 10e6, 25e6, 50e6)
_HIGHEST_BITRATE = 1e12
_LIMITATIONS = ("cpu", "bandwidth", "other")
_TRACKS_RECEIVED = (ReportType.INBOUND_AUDIO_TRACK, ReportType.INBOUND_VIDEO_TRACK)
_TYPE = attrgetter("type_")
_PADS = (ReportType.SFU_INBOUND_RTP_PAD, ReportType.SFU_OUTBOUND_RTP_PAD)


class ReportMetrics(Collector):
    """Counts reports. Groups that the settings switch off cost nothing."""

    def __init__(self, settings: Metrics) -> None:
        self._group = Group(settings.prefix, "reports")
        self._meta_group = Group(settings.prefix, "client_meta")
        self._classes: Counter[type[Report]] = Counter()
        self._events: Counter[str] = Counter()
        self._custom_events = 0
        self._unmatched = dict.fromkeys((*_TRACKS_RECEIVED, *_PADS), 0)
        self._calls = CallMetrics()
        self._tracks = {
            ReportType.OUTBOUND_AUDIO_TRACK: OutboundTracks("audio", _AUDIO_BITRATES),
            ReportType.OUTBOUND_VIDEO_TRACK: OutboundTracks("video", _VIDEO_BITRATES),
        }
        self._limitations: Counter[str] = Counter()
        self._meta = MetaMetrics()
        self._counts_reports = settings.report_metrics.enabled
        self._counts_meta = settings.client_samples_metric_config.enabled
        readers: dict[ReportType, Callable[[Sequence[Any]], None]] = {}
        if self._counts_reports:
            readers |= {ReportType.CALL_EVENT: self._count_events, ReportType.SFU_EVENT: self._count_events}
            readers[ReportType.OUTBOUND_AUDIO_TRACK] = self._tracks[ReportType.OUTBOUND_AUDIO_TRACK].count
            readers[ReportType.OUTBOUND_VIDEO_TRACK] = self._count_videos
            readers |= dict.fromkeys(_TRACKS_RECEIVED, self._count_received)
            readers |= dict.fromkeys(_PADS, self._count_pads)
        if self._counts_meta:
            readers[ReportType.CALL_META_DATA] = self._meta.count
        self._readers = {REPORTS[type_]: reader for type_, reader in readers.items()}

    def count(self, reports: Sequence[Report]) -> None:
        """Counts reports; to be called once with each list of them."""
        if not self._readers:
            return
        of_class: defaultdict[type[Report], list[Report]] = defaultdict(list)
        for report in reports:
            of_class[type(report)].append(report)
        for class_, alike in of_class.items():
            if self._counts_reports:
                self._classes[class_] += len(alike)
            reader = self._readers.get(class_)
            if reader is not None:
                reader(alike)

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        if self._counts_reports:
            yield from self._report_families(self._group)
        if self._counts_meta:
            yield from self._meta.families(self._meta_group)

    def _count_events(self, reports: Iterable[Any]) -> None:
        for report in reports:
            name = report.name
            if name not in EVENT_NAMES:
                self._custom_events += 1
                continue
            self._events[name] += 1
            if name in self._calls.readers:
                self._calls.readers[name](report)

    def _count_received(self, reports: Sequence[Any]) -> None:
        self._unmatched[reports[0].type] += [report.remote_client_id for report in reports].count(None)

    def _count_pads(self, reports: Sequence[Any]) -> None:
        """An internal pad is matched with a pad of another SFU, even where no client is known."""
        for report in reports:
            if report.client_id is None and getattr(report, "remote_sfu_id", None) is None:
                self._unmatched[report.type] += 1

    def _count_videos(self, reports: Sequence[Any]) -> None:
        self._tracks[ReportType.OUTBOUND_VIDEO_TRACK].count(reports)
        for report in reports:
            reason = report.quality_limitation_reason
            if reason is not None and reason != "none":
                self._limitations[reason if reason in _LIMITATIONS else "other"] += 1

    def _report_families(self, group: Group) -> Iterator[Metric]:
        made = {type_.value: self._classes[class_] for type_, class_ in REPORTS.items()}
        yield Group(group.prefix).counters("reports", "Reports made, by their type.", "type", made)
        yield group.counters(
            "unmatched",
            "Reports of inbound tracks and of pads of SFUs for which nobody was found who sends or receives that.",
            "type",
            {type_.value: count for type_, count in self._unmatched.items()},
        )
        for name in sorted(EVENT_NAMES):
            yield group.counter(name.lower(), f"{name} events told.", self._events[name])
        yield group.counter("custom_events", "Events told that applications made up.", self._custom_events)
        yield from self._calls.families(group)
        for tracks in self._tracks.values():
            yield from tracks.families(group)
        yield group.counters(
            "quality_limitation_reason",
            "Reports of outbound video tracks whose quality was limited, by what limited it.",
            "reason",
            {reason: self._limitations[reason] for reason in _LIMITATIONS},
        )


class OutboundTracks:
    """What reports of outbound tracks of one media kind say."""

    def __init__(self, kind: str, bitrates: Sequence[float]) -> None:
        self._kind = kind
        self._rtt = Histogram(_RTT, _LONGEST_RTT)
        self._bitrate = Histogram(bitrates, _HIGHEST_BITRATE)

    def count(self, reports: Sequence[Any]) -> None:
        """Takes reports of them."""
        self._rtt.observe_all([report.round_trip_time for report in reports])
        self._bitrate.observe_all([report.target_bitrate for report in reports])

    def families(self, group: Group) -> Iterator[Metric]:
        """The histograms."""
        kind = self._kind
        yield group.histogram(
            f"outbound_{kind}_tracks_rtt",
            f"Round trip time in reports of outbound {kind} tracks. (s)",
            self._rtt,
            unit="seconds",
        )
        yield group.histogram(
            f"outbound_{kind}_target_bitrate",
            f"Target bitrate in reports of outbound {kind} tracks. (bit/s)",
            self._bitrate,
        )


class MetaMetrics:
    """What clients say they run on."""

    def __init__(self) -> None:
        self._systems, self._browsers, self._platforms = BoundedLabels(), BoundedLabels(), BoundedLabels()
        self._counted = {
            "OPERATION_SYSTEM": (self._systems, "name"),
            "BROWSER": (self._browsers, "name"),
            "PLATFORM": (self._platforms, "type"),
        }

    def count(self, reports: Iterable[Any]) -> None:
        """Takes reports of meta data."""
        for type_, alike in groupby(reports, _TYPE):
            counted = self._counted.get(type_)
            if counted is not None:
                labels, key = counted
                for report in alike:
                    labels.count(orjson.loads(report.payload_).get(key))

    def families(self, group: Group) -> Iterator[Metric]:
        """The counters."""
        told = "as often as clients told of it"
        yield group.counters("operation_system", f"Operating systems, {told}.", "name", self._systems.counts)
        yield group.counters("browser", f"Browsers, {told}.", "name", self._browsers.counts)
        yield group.counters("platform", f"Platforms, {told}.", "type", self._platforms.counts)
