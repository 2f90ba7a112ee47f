"""Where reports go: one file for each type of sink, and one delivery that owns what all of them need.

Reports become lines of JSON once for all sinks (`sinks.fan_out`); filter, queue, batches, retries, time-outs and
counting are in `sinks.delivery`. A sink only opens, sends a batch of lines and closes (`sinks.sink`). To add one: write
its file, and one line in `SINKS`; the contract test asks for the rest.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sinks.delivery import Delivery
from sinks.fan_out import Deliveries
from sinks.loading import Source, loaded
from sinks.logger import LoggerSink
from sinks.settings import ReportsCollector, SinkSettings
from sinks.sink import Sink

__all__ = [
    "EXTRAS",
    "SINKS",
    "ConfiguredSink",
    "Deliveries",
    "SinkUnavailable",
    "default_sinks",
    "deliveries",
    "sink_class",
]

SINKS: Mapping[str, str] = {
    "AwsS3Sink": "sinks.s3",
    "FileSink": "sinks.file",
    "FirehoseSink": "sinks.firehose",
    "KafkaSink": "sinks.kafka",
    "LoggerSink": "sinks.logger",
    "MongoSink": "sinks.mongo",
    "SocketSink": "sinks.socket",
    "WebsocketSink": "sinks.websocket",
}
"""The types of sinks, and the module of each. A module is loaded only when a configuration names its type."""

EXTRAS: Mapping[str, str] = {
    "AwsS3Sink": "aws",
    "FirehoseSink": "aws",
    "KafkaSink": "kafka",
    "MongoSink": "mongo",
}
"""The types whose module needs further packages, and the extra of this distribution that brings them."""


class SinkUnavailable(ValueError):
    """A configuration names a type of sink that is unknown, or whose packages are not installed."""


class ConfiguredSink(NamedTuple):
    """One block of ``observer.sinks``: its settings, and the sink that its ``config`` describes."""

    settings: SinkSettings
    sink: Sink


def sink_class(type_name: str, sinks: Mapping[str, str] = SINKS, extras: Mapping[str, str] = EXTRAS) -> type[Sink]:
    """The dataclass of a type of sink; its fields are the keys of the block's ``config``.

    Raises `SinkUnavailable`, which names the nearest known type, or the extra to install.
    """
    sources = {name: Source(module, name, extras.get(name)) for name, module in sinks.items()}
    try:
        found: type[Sink] = loaded("sink", type_name, sources)
    except ValueError as error:
        raise SinkUnavailable(str(error)) from error
    return found


def default_sinks() -> dict[str, ConfiguredSink]:
    """What stands in when no sink is configured: a logger that sums up the types of the reports."""
    return {"defaultLogger": ConfiguredSink(SinkSettings("LoggerSink"), LoggerSink(print_type_summary=True))}


def deliveries(blocks: Mapping[str, ConfiguredSink], collector: ReportsCollector) -> Deliveries:
    """One delivery for each enabled block, in their order; for `default_sinks` when that leaves none. Opens nothing."""
    enabled = {key: block for key, block in blocks.items() if block.settings.enabled} or default_sinks()
    return Deliveries([Delivery(key, block.sink, block.settings, collector) for key, block in enabled.items()])
