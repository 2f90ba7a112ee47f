"""What `properties` of a KafkaSink mean: Java's names put into those of librdkafka, with our defaults, and checked.

Whoever moves over brings the properties of a Java producer. Most have the same name in librdkafka; those that have
another are translated, those that only Java needs are left out, and those whose meaning would be lost are refused.
Sources: Kafka's documentation of producer configs (4.0), CONFIGURATION.md of librdkafka (2.16).
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaException, Producer

from sinks.kafka_java import refused, translated, without_effect

_DEFAULTS: Mapping[str, str] = {
    "acks": "all",
    "client.id": "webrtc-observer",
    "delivery.timeout.ms": "30000",
    "enable.idempotence": "true",
    "linger.ms": "20",
    "message.max.bytes": "1000000",
    "partitioner": "murmur2_random",
    "queue.buffering.max.kbytes": "65536",
}
_OURS = frozenset(
    (
        *("delivery.report.only.error", "enable.gapless.guarantee", "log.queue", "logger", "on_delivery", "opaque"),
        *("default.topic.config", "transactional.id"),
    )
)
_SERVER = re.compile(r"(?:\w+://)?(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+)(?::(?P<port>\d{1,5}))?/?")
_SECRET = re.compile(r"password|secret|jaas|token|key\.pem|keystore\.key|oauthbearer\.config|assertion")
_CONSUMERS = "is a consumer property"


class ProducerSettings(NamedTuple):
    """How to make a producer of librdkafka, and how long it may take to bring one batch to the brokers. (s)"""

    conf: Mapping[str, str]
    delivery_timeout_s: float


def flattened(properties: Mapping[str, object], above: str = "") -> dict[str, str]:
    """Nested mappings as one, the names joined with dots; a list as text with commas, an absent value left out.

    Raises ValueError when a name is given twice, in two spellings.
    """
    flat: dict[str, str] = {}
    for name, text in _flattened(properties, above):
        if name in flat:
            raise ValueError(f"properties.{name} is given twice")
        flat[name] = text
    return flat


def producer_settings(given: Mapping[str, str]) -> ProducerSettings:
    """The settings that flat properties stand for.

    Raises ValueError, in words for the operator, which hold no secret. Reaches for nothing: neither for a broker nor
    for a file.
    """
    conf = {**_DEFAULTS, **_in_librdkafkas_words(given)}
    _check_servers(conf)
    _check_memory(conf)
    timeout_ms = _whole(conf, "delivery.timeout.ms")
    del conf["delivery.timeout.ms"]
    if not is_idempotent(conf):
        conf.setdefault("max.in.flight", "1")  # else what is tried again comes behind what was sent after it
    _check(conf, given)
    return ProducerSettings(conf, timeout_ms / 1000)


def is_idempotent(conf: Mapping[str, str]) -> bool:
    """Whether the brokers find out by themselves what comes twice or out of its order."""
    return conf["enable.idempotence"].lower() in ("true", "t", "1")


def without_secrets(text: str, conf: Mapping[str, str]) -> str:
    """The text with the values of secret properties masked, wherever they stand in it."""
    for name, value in conf.items():
        if value and _SECRET.search(name):
            text = text.replace(value, "***")
    return text


def _flattened(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flattened(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ",".join(map(str, value))
    elif isinstance(value, bool):
        yield name, str(value).lower()
    elif value is not None:
        yield name, str(value)


def _in_librdkafkas_words(given: Mapping[str, str]) -> dict[str, str]:
    conf: dict[str, str] = {}
    for name, value in given.items():
        if name in _OURS or name.endswith("_cb"):
            raise ValueError(f"properties.{name} is for the observer to set")
        if reason := refused(name, value, given):
            raise ValueError(f"properties.{name}: {reason}")
        if without_effect(name):
            continue
        for new, new_value in translated(name, value, given):
            if new in conf:
                raise ValueError(f"properties.{name}: {new} is given twice, in two spellings")
            conf[new] = new_value
    return conf


def _check_servers(conf: Mapping[str, str]) -> None:
    servers = [server.strip() for server in conf.get("bootstrap.servers", "").split(",") if server.strip()]
    if not servers:
        raise ValueError("properties.bootstrap.servers is required: host:port of some brokers, with commas")
    for server in servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match["port"] or 9092) < 65536:
            raise ValueError("properties.bootstrap.servers: expected host:port of some brokers, with commas")


def _check_memory(conf: Mapping[str, str]) -> None:
    room, longest = _whole(conf, "queue.buffering.max.kbytes") * 1024, _whole(conf, "message.max.bytes")
    if longest > room:
        raise ValueError(
            "properties: message.max.bytes (max.request.size) has no room in queue.buffering.max.kbytes (buffer.memory)"
        )


def _whole(conf: Mapping[str, str], name: str) -> int:
    text = conf[name].strip()
    if not re.fullmatch(r"[1-9]\d{0,9}", text):
        raise ValueError(f"properties.{name}: expected a whole number above 0")
    return int(text)


def _check(conf: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Let librdkafka read all of it, with nowhere to connect to, and close at once (1 ms; with TLS 10 ms)."""
    if problem := _problem(_beyond_reach(conf)):
        culprit = next((f".{name}" for name, value in given.items() if _has(problem, name, value, given)), "")
        raise ValueError(f"properties{culprit}: {without_secrets(problem, {**conf, **given})}")


def _has(problem: str, name: str, value: str, given: Mapping[str, str]) -> bool:
    """Whether the problem is that of one property alone, whose name it may not even tell as it was given."""
    return not without_effect(name) and _problem(dict(translated(name, value, given))) == problem


def _beyond_reach(conf: Mapping[str, str]) -> dict[str, str]:
    """The same without brokers, without files (of another machine, it may be), and asking nobody for a token."""
    conf = {name: value for name, value in conf.items() if not name.endswith(".location")}
    del conf["bootstrap.servers"]
    if conf.get("sasl.mechanisms", "").upper() == "OAUTHBEARER":
        conf["security.protocol"] = conf.get("security.protocol", "").lower().replace("sasl_", "") or "plaintext"
    return conf


def _problem(conf: Mapping[str, str]) -> str:
    """What librdkafka has against a configuration, in its own words; empty when it takes it."""
    told = _Told()
    try:
        Producer(dict(conf), logger=told).poll(0)
    except KafkaException as error:
        return str(error.args[0].str()).removeprefix("Failed to create producer: ").strip()
    return next((text for text in told.texts if _CONSUMERS in text), "")


class _Told:
    """Takes what librdkafka would log."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def log(self, _level: int, _form: str, _facility: str, _name: str, text: str) -> None:
        self.texts.append(text.partition("]: ")[2])
