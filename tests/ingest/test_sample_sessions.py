import gc

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.events import BytesMessage

from ingest import Refused, Sources, Transport, Websocket
from schemas.client_samples import ClientSample
from schemas.messages import Samples
from tests.ingest.taking import samples_of, taking
from tests.web.serving import RawSession

PATH = "/samples/svc/unit"


async def closed_with(websocket: WebSocketConnection) -> tuple[int, str | None]:
    with pytest.raises(ConnectionClosed) as raised:
        await websocket.get_message()
    reason = raised.value.reason
    assert reason is not None
    return reason.code, reason.reason


async def test_messages_are_put_whether_text_or_binary() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await websocket.send_message(samples_of("bob").decode())
        await wait_all_tasks_blocked()

    assert pipeline.client_ids == ["alice", "bob"]
    assert pipeline.sizes == [len(samples_of("alice")), len(samples_of("bob"))]
    assert (pipeline.taken[0].service_id, pipeline.taken[0].media_unit_id) == ("svc", "unit")
    assert pipeline.statistics.messages == {Transport.WEBSOCKET: 2}


async def test_a_session_that_waits_holds_nothing_of_its_last_message() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()
        assert pipeline.client_ids == ["alice"]
        pipeline.taken.clear()
        gc.collect()

        assert [held for held in gc.get_objects() if isinstance(held, ClientSample | Samples)] == []


@pytest.mark.parametrize("message", ["no json", b"[]", b"\x0a\x03abc", ""])
async def test_a_bad_message_closes_only_its_session(message: str | bytes) -> None:
    async with taking() as (served, pipeline):
        bad, good = await served.websocket(PATH), await served.websocket(PATH)
        await bad.send_message(message)

        assert await closed_with(bad) == (4230, "Failed to decode Samples")
        await good.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()
        assert pipeline.client_ids == ["alice"]
        assert pipeline.statistics.refused == {Refused.UNDECODABLE: 1}


@pytest.mark.parametrize(
    ("path", "begins", "refused"),
    [
        (f"{PATH}?schemaVersion=9.9", "Not valid or not supported schema version: 9.9", Refused.VERSION),
        (f"{PATH}?schemaVersion={'9' * 5000}", "Not valid", Refused.VERSION),
        (f"{PATH}?format=avro", "The format avro is not taken", Refused.FORMAT),
        (f"{PATH}?format=protobuf&schemaVersion=2.3.0", "Not valid or not supported", Refused.VERSION),
        (f"{PATH}?clientId={'c' * 300}", "The clientId is too long", Refused.ID_TOO_LONG),
        (f"/samples/{'s' * 513}/unit", "The serviceId is too long", Refused.ID_TOO_LONG),
        (f"/samples/svc/{'u' * 513}", "The mediaUnitId is too long", Refused.ID_TOO_LONG),
    ],
)
async def test_a_session_that_cannot_be_understood_is_closed_at_once(path: str, begins: str, refused: Refused) -> None:
    async with taking() as (served, pipeline):
        code, reason = await closed_with(await served.websocket(path))

    assert code == 4230
    assert reason is not None
    assert reason.startswith(begins)
    assert pipeline.statistics.refused == {refused: 1}


@pytest.mark.parametrize("version", ["2.0.4", "2.1.7", "2.2.0", "3.3.0"])
async def test_versions_that_are_taken(version: str) -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(f"{PATH}?schemaVersion={version}&format=json")
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()

    assert pipeline.client_ids == ["alice"]


async def test_disabled_websockets_are_closed() -> None:
    async with taking(Sources(websocket=Websocket(enabled=False))) as (served, pipeline):
        assert await closed_with(await served.websocket(PATH)) == (4229, "The websocket is disabled")
        assert pipeline.statistics.refused == {Refused.DISABLED: 1}


async def test_sessions_that_are_not_admitted_are_closed() -> None:
    async with taking() as (served, pipeline):
        admitted = await served.websocket(PATH)
        await wait_all_tasks_blocked()
        pipeline.not_admitted = "The service is not ready"

        assert await closed_with(await served.websocket(PATH)) == (4226, "The service is not ready")
        await admitted.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()
        assert pipeline.client_ids == ["alice"]
        assert pipeline.statistics.refused == {Refused.NOT_READY: 1}


async def test_a_failure_of_ours_closes_only_its_session(caplog: pytest.LogCaptureFixture) -> None:
    async with taking() as (served, pipeline):
        failing, other = await served.websocket("/samples/svc/broken"), await served.websocket(PATH)
        await failing.send_message(samples_of("alice"))

        assert await closed_with(failing) == (4227, "Internal error")
        await other.send_message(samples_of("bob"))
        await wait_all_tasks_blocked()
        assert pipeline.client_ids == ["bob"]
        assert "a secret" in caplog.text


async def test_a_message_too_large_closes_its_session() -> None:
    async with taking(Sources(websocket=Websocket(max_message_size=100))) as (served, _):
        websocket = await served.websocket(PATH)
        await websocket.send_message(" " * 101)

        assert (await closed_with(websocket))[0] == 1009


async def test_a_session_is_not_read_while_there_is_no_room() -> None:
    async with taking() as (served, pipeline):
        pipeline.room = trio.Event()
        websocket = await served.websocket(PATH)
        for _ in range(20):
            await websocket.send_message(samples_of("alice"))
            await wait_all_tasks_blocked()
        waiting = pipeline.statistics.messages[Transport.WEBSOCKET]
        pipeline.room.set()
        await wait_all_tasks_blocked()

    assert waiting == 1
    assert pipeline.client_ids == ["alice"] * 20


async def test_the_clients_of_a_session_that_closes_have_departed() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice", "bob"))
        await websocket.send_message(samples_of("carol"))
        await wait_all_tasks_blocked()
        await websocket.aclose()
        await wait_all_tasks_blocked()

        assert pipeline.departures == [("svc", {"alice", "bob", "carol"})]


async def test_the_clients_of_a_session_that_is_closed_for_bad_samples_have_departed() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await websocket.send_message("bad")
        await closed_with(websocket)

        assert pipeline.departures == [("svc", {"alice"})]


async def test_the_clients_of_a_frozen_peer_have_departed(autojump_clock: MockClock) -> None:
    async with taking() as (served, pipeline):
        frozen = await RawSession(served.client()).open(PATH)
        await frozen.send(BytesMessage(samples_of("alice")))
        await trio.sleep(60)

        assert pipeline.departures == [("svc", {"alice"})]


async def test_nobody_departs_because_the_node_stops() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()
        served.nursery.start_soon(served.server.close, 5)

        assert (await closed_with(websocket))[0] == 1001
        await websocket.aclose()
    assert pipeline.departures == []
    assert pipeline.client_ids == ["alice"]


async def test_nobody_departs_because_the_node_is_cut() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()

    assert pipeline.departures == []


async def test_who_said_close_does_not_depart_again() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice", "bob"))
        await websocket.send_message(samples_of("alice", controls={"close": True}))
        await wait_all_tasks_blocked()
        await websocket.aclose()
        await wait_all_tasks_blocked()

        assert pipeline.taken[1].leaving == {"alice"}
        assert pipeline.departures == [("svc", {"bob"})]


async def test_a_close_without_samples_means_the_whole_session() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice", "bob"))
        await websocket.send_message('{"controls": {"close": true}}')
        await wait_all_tasks_blocked()

        assert pipeline.taken[1].leaving == {"alice", "bob"}


async def test_clients_of_services_that_are_not_allowed_do_not_depart() -> None:
    async with taking(Sources(allowed_service_ids=[])) as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()
        await websocket.aclose()
        await wait_all_tasks_blocked()

        assert pipeline.departures == []


async def test_the_sfus_of_a_session_that_closes_have_departed() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message('{"sfuSamples": [{"sfuId": "s", "timestamp": 1}, {"sfuId": "t", "timestamp": 1}]}')
        await websocket.send_message('{"controls": {"close": true}, "sfuSamples": [{"sfuId": "t", "timestamp": 2}]}')
        await wait_all_tasks_blocked()
        await websocket.aclose()
        await wait_all_tasks_blocked()

        assert pipeline.taken[1].leaving_sfus == {"t"}
        assert (pipeline.departures, pipeline.departed_sfus) == ([("svc", set())], {"s"})


async def test_a_session_of_protobuf_takes_no_text() -> None:
    async with taking() as (served, pipeline):
        websocket = await served.websocket(f"{PATH}?format=protobuf&schemaVersion=2.2.0")
        await websocket.send_message("")

        assert await closed_with(websocket) == (4230, "Failed to decode Samples: protobuf comes in binary frames")
        assert pipeline.statistics.refused == {Refused.UNDECODABLE: 1}


async def test_samples_are_obscured_before_they_are_put() -> None:
    def obscure(samples: Samples) -> None:
        for client in samples.clients:
            client.room_id = "hidden"

    async with taking(obscure=obscure) as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice"))
        await wait_all_tasks_blocked()

    assert [client.room_id for client in pipeline.taken[0].clients] == ["hidden"]


async def test_only_so_many_clients_of_a_session_are_remembered() -> None:
    async with taking(Sources(websocket=Websocket(max_clients_per_session=2))) as (served, pipeline):
        websocket = await served.websocket(PATH)
        await websocket.send_message(samples_of("alice", "bob", "carol", "alice"))
        await wait_all_tasks_blocked()
        await websocket.aclose()
        await wait_all_tasks_blocked()

        assert pipeline.departures == [("svc", {"alice", "bob"})]
        assert pipeline.statistics.forgotten_clients == 1


async def test_a_sender_hears_from_us_once_a_minute(autojump_clock: MockClock) -> None:
    heard_at = []
    async with taking() as (served, _):
        websocket = await served.websocket(PATH)
        began = trio.current_time()

        async def listen() -> None:
            while True:
                assert await websocket.get_message() == "message"
                heard_at.append(round(trio.current_time() - began))

        served.nursery.start_soon(listen)
        for _ in range(16):
            await trio.sleep(10)
            await websocket.send_message(samples_of("alice"))

    assert heard_at == [70, 140]
