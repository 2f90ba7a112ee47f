"""Properties of Java's Kafka producer that librdkafka does not have, or has under another name."""

import re
from collections.abc import Callable, Iterator, Mapping

_NO_CLASSES = "a Java class cannot be loaded here"
_NO_KEY_STORES = "a Java key store cannot be read here; give PEM files as"

_RENAMED: Mapping[str, str] = {
    # Two names of librdkafka for one thing: from here on there is one.
    "max.in.flight.requests.per.connection": "max.in.flight",
    "message.send.max.retries": "retries",
    "message.timeout.ms": "delivery.timeout.ms",
    "queue.buffering.max.ms": "linger.ms",
    "metadata.broker.list": "bootstrap.servers",
    "request.required.acks": "acks",
    "sasl.mechanism": "sasl.mechanisms",
    # Java's own.
    "max.request.size": "message.max.bytes",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.truststore.certificates": "ssl.ca.pem",
}
_WITHOUT_EFFECT = frozenset(
    (
        *("key.serializer", "value.serializer", "max.block.ms", "metadata.max.idle.ms", "metric.reporters"),
        *("auto.include.jmx.reporter", "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms"),
        *("partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms", "security.providers"),
        *("socket.connection.setup.timeout.max.ms", "ssl.protocol", "ssl.provider", "ssl.enabled.protocols"),
        *("ssl.keymanager.algorithm", "ssl.trustmanager.algorithm", "ssl.secure.random.implementation"),
        *("ssl.keystore.type", "ssl.truststore.type"),
    )
)
_LOGIN = re.compile(
    r"\s*org\.apache\.kafka\.common\.security\.(?:plain\.Plain|scram\.Scram)LoginModule\s+required\s(?P<options>.*);\s*",
    re.DOTALL,
)
_OPTION = re.compile(r"""(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"';]+))""")


def without_effect(name: str) -> bool:
    """Whether only Java needs a property, so that nothing is lost without it."""
    return name in _WITHOUT_EFFECT


def refused(name: str, value: str, given: Mapping[str, str]) -> str:
    """Why a property cannot be obeyed here; empty when it can."""
    if name == "partitioner.class":
        return "" if value.endswith("DefaultPartitioner") else f"{_NO_CLASSES}; see partitioner of librdkafka"
    if name.endswith((".class", ".classes")):
        return _NO_CLASSES
    if name == "sasl.jaas.config" and _login(value) is None:
        return "only PlainLoginModule and ScramLoginModule with username and password are understood"
    if name == "ssl.truststore.location" and _kind(name, given) != "PEM":
        return f"{_NO_KEY_STORES} ssl.ca.location"
    if name == "ssl.truststore.password":
        return "a PEM file of certificates has no password"
    if name == "ssl.keystore.location" and (_kind(name, given) == "JKS" or value.lower().endswith(".jks")):
        return f"{_NO_KEY_STORES} ssl.certificate.location and ssl.key.location, or a store of the type PKCS12"
    if name == "buffer.memory" and not value.strip().isdecimal():
        return "expected a whole number"
    return ""


def translated(name: str, value: str, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A property that is not refused, in the words of librdkafka: mostly itself."""
    if (translate := _TRANSLATIONS.get(name)) is not None:
        yield from translate(value, given)
    else:
        yield _RENAMED.get(name, name), value


def _login(value: str) -> dict[str, str] | None:
    """User name and password of a login module, or nothing."""
    match = _LOGIN.fullmatch(value)
    found = _OPTION.findall(match["options"]) if match else []
    options = {name: re.sub(r"\\(.)", r"\1", double or single) or plain for name, double, single, plain in found}
    return options if {"username", "password"} <= options.keys() else None


def _kind(name: str, given: Mapping[str, str]) -> str:
    return given.get(name.replace("location", "type"), "").upper()


def _jaas(value: str, _: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    options = _login(value) or {}
    yield "sasl.username", options["username"]
    yield "sasl.password", options["password"]


def _key_store(value: str, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if _kind("ssl.keystore.location", given) == "PEM":
        yield "ssl.certificate.location", value
        yield "ssl.key.location", value
    else:
        yield "ssl.keystore.location", value


def _ignore_keys(value: str, _: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if value.lower() == "true":
        yield "partitioner", "random"


_Translate = Callable[[str, Mapping[str, str]], Iterator[tuple[str, str]]]

_TRANSLATIONS: Mapping[str, _Translate] = {
    "buffer.memory": lambda value, _: iter([("queue.buffering.max.kbytes", str(-(-int(value) // 1024)))]),
    "partitioner.class": lambda *_: iter([("partitioner", "murmur2_random")]),
    "partitioner.ignore.keys": _ignore_keys,
    "receive.buffer.bytes": lambda value, _: iter([("socket.receive.buffer.bytes", value.replace("-1", "0"))]),
    "sasl.jaas.config": _jaas,
    "send.buffer.bytes": lambda value, _: iter([("socket.send.buffer.bytes", value.replace("-1", "0"))]),
    "ssl.endpoint.identification.algorithm": lambda value, _: iter(
        [("ssl.endpoint.identification.algorithm", value or "none")]
    ),
    "ssl.keystore.location": _key_store,
    "ssl.truststore.location": lambda value, _: iter([("ssl.ca.location", value)]),
}
