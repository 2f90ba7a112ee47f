"""The services that stand in for production: each takes what is sent, and keeps it when it is killed, if it can.

That SeaweedFS does, which takes its time, the drills show.
"""

import socket
from pathlib import Path

from confluent_kafka import Producer

from tests.sinks.services.http_server import HttpServer
from tests.sinks.services.kafka import MockKafka, Tansu
from tests.sinks.services.mongod import Mongod
from tests.sinks.services.moto import Moto
from tests.sinks.services.process import Service
from tests.sinks.services.tcp_server import TcpServer


def again(service: Service) -> None:
    service.kill()
    service.start()


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for value in values:
        producer.produce(topic, value, key=b"k", partition=0)
    assert producer.flush(30) == 0


def test_mongod_keeps_what_it_took(tmp_path: Path) -> None:
    with Mongod(tmp_path) as mongod:
        mongod.client.test.reports.insert_many([{"n": n} for n in range(100)])

        again(mongod)

        assert mongod.arrived("test", "reports") == [{"n": n} for n in range(100)]


def test_a_stream_of_moto_delivers_into_its_bucket(tmp_path: Path) -> None:
    with Moto(tmp_path) as moto:
        moto.create_stream("reports")
        moto.client("firehose").put_record_batch(
            DeliveryStreamName="reports", Records=[{"Data": b"1\n"}, {"Data": b"2\n"}]
        )

        assert list(moto.arrived("reports/").values()) == [b"1\n2\n"]


def test_tansu_takes_records(tmp_path: Path) -> None:
    with Tansu(tmp_path) as tansu:
        tansu.create_topic("reports")
        produce(tansu.bootstrap, "reports", b"1", b"2")

        assert [record.value for record in tansu.arrived("reports")] == [b"1", b"2"]


def test_the_mock_of_kafka_keeps_what_it_took(tmp_path: Path) -> None:
    with MockKafka(tmp_path) as kafka:
        kafka.create_topic("reports")
        produce(kafka.bootstrap, "reports", b"1", b"2")

        again(kafka)

        assert [record.value for record in kafka.arrived("reports")] == [b"1", b"2"]


def test_a_receiver_keeps_what_it_took(tmp_path: Path) -> None:
    with TcpServer(tmp_path) as server:
        with socket.create_connection((server.host, server.port)) as stream:
            stream.sendall(b"1\n2\n3")
            stream.shutdown(socket.SHUT_WR)
            assert stream.recv(1) == b""

        again(server)

        assert server.arrived() == [b"1", b"2"]


def test_a_stream_of_moto_delivers_in_order_to_an_address(tmp_path: Path) -> None:
    with Moto(tmp_path) as moto, HttpServer(tmp_path) as server:
        moto.create_stream("reports", server.url)
        for n in range(3):
            records = [{"Data": b"%d\n" % n}, {"Data": b"and\n"}]
            moto.client("firehose").put_record_batch(DeliveryStreamName="reports", Records=records)

        assert server.arrived() == [b"0", b"and", b"1", b"and", b"2", b"and"]
