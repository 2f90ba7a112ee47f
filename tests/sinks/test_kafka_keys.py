"""The keys of Kafka's records, read from lines as they are written."""

from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reports import ReportType
from sinks.kafka_keys import KeyAssignmentStrategy, key_of_id, keys
from tests.sinks.sinks_for_tests import line, lines

CALL = "6f1f4d3a-5a0c-4f0e-9d56-3f0b6f0e7a11"
SFU = "0b3c8e0e-3f43-4f70-8f0e-52a1cbb2b4c9"
CLIENT = "c2f7b0de-3a05-45f0-a3a9-d5b4c83e1d2f"
INSTANCE = b"11111111-2222-4333-8444-555555555555"

of_objects = keys(KeyAssignmentStrategy.OBJECT_HIERARCHY_BASED, INSTANCE)


def test_all_reports_of_an_instance_have_one_key() -> None:
    key_of = keys(KeyAssignmentStrategy.INSTANCE_BASED, INSTANCE)

    assert {key_of(one) for one in lines(3)} == {INSTANCE}


def test_random_keys_are_different_uuids_of_version_4() -> None:
    key_of = keys(KeyAssignmentStrategy.RANDOM, INSTANCE)

    found = {UUID(key_of(one).decode()) for one in lines(600)}

    assert len(found) == 600
    assert {(uuid.version, uuid.variant) for uuid in found} == {(4, "specified in RFC 4122")}


def test_a_random_key_is_written_as_every_uuid_is() -> None:
    key = keys(KeyAssignmentStrategy.RANDOM, INSTANCE)(b"").decode()

    assert str(UUID(key)) == key


@pytest.mark.parametrize("type_", [one for one in ReportType if one != ReportType.SFU_EXTENSION_DATA])
def test_reports_of_a_call_have_its_id_as_their_key(type_: ReportType) -> None:
    report = line("", type_, callId=CALL, clientId=CLIENT, sfuId=SFU, roomId="room")

    assert of_objects(report) == CALL.encode()


@pytest.mark.parametrize("type_", [one for one in ReportType if one.startswith("SFU_")])
def test_reports_of_an_sfu_without_a_call_have_its_id(type_: ReportType) -> None:
    assert of_objects(line("", type_, sfuId=SFU, clientId=CLIENT, transportId=CALL)) == SFU.encode()


@pytest.mark.parametrize("type_", [ReportType.INBOUND_AUDIO_TRACK, ReportType.CLIENT_EXTENSION_DATA])
def test_reports_of_a_client_without_a_call_have_its_id(type_: ReportType) -> None:
    assert of_objects(line("", type_, clientId=CLIENT, peerConnectionId=SFU)) == CLIENT.encode()


def test_a_report_of_nothing_at_all_has_the_key_of_the_instance() -> None:
    assert of_objects(line("")) == INSTANCE


def test_an_id_that_is_no_uuid_stands_for_a_uuid_made_of_it() -> None:
    assert of_objects(line("", callId="room 7")) == str(uuid5(NAMESPACE_OID, "room 7")).encode()


def test_a_uuid_in_capitals_is_the_same_key() -> None:
    assert of_objects(line("", callId=CALL.upper())) == CALL.encode()


@pytest.mark.parametrize("odd", [CALL.replace("-", ""), f"{{{CALL}}}", "urn:uuid:" + CALL, CALL.replace("-", "_"), ""])
def test_what_only_resembles_a_uuid_is_an_id_like_any_other(odd: str) -> None:
    assert key_of_id(odd.encode()) == str(uuid5(NAMESPACE_OID, odd)).encode()


@pytest.mark.parametrize("forged", [f',"callId":"{SFU}"', f'","callId":"{SFU}","', f'\\",\\"callId\\":\\"{SFU}', ","])
def test_no_text_of_a_client_passes_for_a_field(forged: str) -> None:
    report = line(forged, serviceId=forged, mediaUnitId=forged, callId=CALL)

    assert of_objects(report) == CALL.encode()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text('\\",callId:{}', max_size=30))
def test_the_key_is_that_of_the_id_as_json_means_it(call_id: str, marker: str) -> None:
    report = line(marker, serviceId=marker, callId=call_id)
    meant = orjson.loads(report)["payload"]["callId"]

    assert of_objects(report) == str(uuid5(NAMESPACE_OID, meant)).encode()
