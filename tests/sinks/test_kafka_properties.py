"""What properties of a KafkaSink mean, and what is told of those that are wrong: nothing here needs a broker."""

import pytest

from sinks.kafka import KafkaSink
from sinks.kafka_keys import KeyAssignmentStrategy
from sinks.kafka_properties import ProducerSettings, flattened, producer_settings, without_secrets

SERVERS = {"bootstrap.servers": "localhost:9092"}
JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="me" password="a\\"b;c";'


def settings(**properties: str) -> ProducerSettings:
    return producer_settings(SERVERS | {name.replace("__", "."): value for name, value in properties.items()})


def conf(**properties: str) -> dict[str, str]:
    return dict(settings(**properties).conf)


def refusal(**properties: str) -> str:
    with pytest.raises(ValueError, match=r"^properties") as raised:
        settings(**properties)
    return str(raised.value)


def test_nested_properties_are_joined_with_dots() -> None:
    nested = {"bootstrap": {"servers": ["a:1", "b:2"]}, "linger.ms": 5, "ssl": {"key": {"pem": "x"}}, "acks": None}

    assert flattened(nested) == {"bootstrap.servers": "a:1,b:2", "linger.ms": "5", "ssl.key.pem": "x"}


def test_a_truth_value_is_written_as_kafka_does() -> None:
    assert flattened({"enable": {"idempotence": True}}) == {"enable.idempotence": "true"}


def test_a_property_in_two_spellings_is_refused() -> None:
    with pytest.raises(ValueError, match=r"properties\.linger\.ms is given twice"):
        flattened({"linger.ms": 5, "linger": {"ms": 6}})


def test_two_names_of_one_property_are_refused() -> None:
    assert "delivery.timeout.ms is given twice" in refusal(delivery__timeout__ms="1", message__timeout__ms="2")


def test_by_default_nothing_is_lost_and_keys_are_where_java_puts_them() -> None:
    found = conf()

    assert (found["acks"], found["enable.idempotence"], found["partitioner"]) == ("all", "true", "murmur2_random")


def test_the_queue_of_librdkafka_is_bounded() -> None:
    assert conf()["queue.buffering.max.kbytes"] == "65536"


def test_what_is_given_wins_over_the_defaults() -> None:
    assert conf(client__id="mine", compression__type="zstd") == conf() | {
        "client.id": "mine",
        "compression.type": "zstd",
    }


@pytest.mark.parametrize("name", ["delivery__timeout__ms", "message__timeout__ms"])
def test_the_time_for_a_delivery_is_ours_to_keep(name: str) -> None:
    found = settings(**{name: "1500"})

    assert found.delivery_timeout_s == 1.5
    assert not {"delivery.timeout.ms", "message.timeout.ms"} & found.conf.keys()


def test_without_idempotence_one_request_is_on_its_way_at_a_time() -> None:
    assert conf(enable__idempotence="False")["max.in.flight"] == "1"


def test_what_only_java_needs_is_left_out() -> None:
    assert conf(key__serializer="a.B", value__serializer="c.D", max__block__ms="100") == conf()


@pytest.mark.parametrize(
    ("java", "librdkafka"),
    [
        ({"buffer.memory": "33554433"}, {"queue.buffering.max.kbytes": "32769"}),
        ({"max.request.size": "5000"}, {"message.max.bytes": "5000"}),
        ({"send.buffer.bytes": "-1"}, {"socket.send.buffer.bytes": "0"}),
        ({"ssl.endpoint.identification.algorithm": ""}, {"ssl.endpoint.identification.algorithm": "none"}),
        ({"partitioner.class": "org.apache.kafka.clients.producer.internals.DefaultPartitioner"}, {}),
        ({"partitioner.ignore.keys": "true"}, {"partitioner": "random"}),
        ({"sasl.jaas.config": JAAS}, {"sasl.username": "me", "sasl.password": 'a"b;c'}),
        ({"ssl.truststore.location": "ca.pem", "ssl.truststore.type": "PEM"}, {"ssl.ca.location": "ca.pem"}),
        (
            {"ssl.keystore.location": "k.pem", "ssl.keystore.type": "PEM"},
            {"ssl.certificate.location": "k.pem", "ssl.key.location": "k.pem"},
        ),
    ],
)
def test_properties_of_java_are_translated(java: dict[str, str], librdkafka: dict[str, str]) -> None:
    assert producer_settings(SERVERS | java).conf == conf() | librdkafka


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"linger": "5"}, 'properties.linger: No such configuration property: "linger"'),
        ({"linger__ms": "soon"}, "properties.linger.ms: Invalid value"),
        ({"batch__size": "0"}, "properties.batch.size: "),
        ({"compression__type": "brotli"}, 'properties.compression.type: Invalid value "brotli"'),
        ({"acks": "1"}, "properties: `acks` must be set to `all` when `enable.idempotence` is true"),
        ({"group__id": "me"}, "properties.group.id: Configuration property group.id is a consumer property"),
        ({"security__protocol": "sasl_ssl", "sasl__mechanism": "PLAIN"}, "properties: sasl.username and sasl.password"),
        ({"sasl__mechanism": "GSSAPI", "security__protocol": "SASL_SSL"}, "No provider for SASL mechanism GSSAPI"),
        ({"interceptor__classes": "a.B"}, "properties.interceptor.classes: a Java class cannot be loaded here"),
        ({"partitioner__class": "a.MyPartitioner"}, "properties.partitioner.class: a Java class"),
        ({"ssl__truststore__location": "a.jks"}, "give PEM files as ssl.ca.location"),
        ({"ssl__keystore__location": "a.jks"}, "ssl.certificate.location and ssl.key.location"),
        ({"sasl__jaas__config": "com.sun.Krb5LoginModule required;"}, "only PlainLoginModule and ScramLoginModule"),
        ({"error_cb": "x"}, "properties.error_cb is for the observer to set"),
        ({"transactional__id": "x"}, "properties.transactional.id is for the observer to set"),
        ({"delivery__timeout__ms": "0"}, "properties.delivery.timeout.ms: expected a whole number above 0"),
        ({"buffer__memory": "1000", "max__request__size": "2000"}, "has no room"),
    ],
)
def test_what_is_wrong_with_a_property_is_told(properties: dict[str, str], told: str) -> None:
    assert told in refusal(**properties)


@pytest.mark.parametrize("servers", ["", " , ", "localhost:port", "localhost:0", "localhost:70000", ":9092", "a b:1"])
def test_servers_that_cannot_be_are_told(servers: str) -> None:
    assert refusal(bootstrap__servers=servers).startswith("properties.bootstrap.servers")


@pytest.mark.parametrize("servers", ["a", "a:1,b:2", "[::1]:9092", "PLAINTEXT://a.b-c_d:1", " a:1 , b:1"])
def test_servers_in_every_usual_form_are_understood(servers: str) -> None:
    assert conf(bootstrap__servers=servers)["bootstrap.servers"] == servers


def test_files_need_not_be_where_a_configuration_is_checked() -> None:
    assert conf(security__protocol="ssl", ssl__ca__location="/not/here.pem")["ssl.ca.location"] == "/not/here.pem"


def test_a_key_that_is_no_key_is_told_without_quoting_it() -> None:
    told = refusal(security__protocol="ssl", ssl__key__pem="hunter2")

    assert "ssl.key.pem" in told
    assert "hunter2" not in told


def test_secrets_are_masked_wherever_they_stand() -> None:
    assert without_secrets("as me with hunter2", {"sasl.password": "hunter2"}) == "as me with ***"


@pytest.mark.parametrize("topic", ["", ".", "..", "a b", "é", "a/b", "x" * 250])
def test_a_topic_that_kafka_does_not_allow_is_told(topic: str) -> None:
    with pytest.raises(ValueError, match="topic may have letters"):
        KafkaSink(SERVERS, topic=topic)


def test_secrets_do_not_show_when_the_sink_is_printed() -> None:
    assert "hunter2" not in repr(KafkaSink(SERVERS | {"sasl.password": "hunter2"}))


def test_the_strategy_is_understood_in_both_spellings() -> None:
    assert KeyAssignmentStrategy("OBJECT_HIERACHY_BASED") is KeyAssignmentStrategy["OBJECT_HIERARCHY_BASED"]
