"""Links between members, and questions, over real sockets."""

import random
import threading
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cluster.dialing import Dialer, DialFailed
from cluster.frames import Question
from cluster.links import Closed, Refused
from tests.cluster.certificates_for_tests import Certificates
from tests.cluster.linking import QUICK, Peer, limits, link, linked, member, peers, until

MEMBER = "127.0.0.1:9#ffffffffffffffff"
"""Greater than any peer's name, so that it dials."""


async def test_a_link_comes_up_on_both_sides() -> None:
    async with peers(2) as (a, b):
        link(a, b)
        await until(lambda: len(a.happened) + len(b.happened) == 2)

        assert (a.happened, b.happened) == ([("connected", b.name)], [("connected", a.name)])


async def test_a_link_comes_up_under_tls(tmp_path: Path) -> None:
    async with linked(Certificates(tmp_path).tls()) as (a, b):
        assert (a.happened, b.happened) == ([("connected", b.name)], [("connected", a.name)])


async def test_five_members_have_a_link_for_each_pair() -> None:
    async with peers(5) as all_of:
        link(*all_of)
        await until(lambda: sum(len(peer.happened) for peer in all_of) == 20)

        for peer in all_of:
            assert {*peer.happened} == {("connected", other.name) for other in all_of if other is not peer}


async def test_a_link_that_only_one_side_keeps_is_up_on_neither() -> None:
    async with peers(2) as (a, b):
        b.transport.keep([a.name])
        await until(lambda: a.statistics.refused[Refused.NOT_A_MEMBER] > 1)

        assert (a.happened, b.happened) == ([], [])


async def test_a_link_comes_up_once_the_other_side_keeps_it_too() -> None:
    async with peers(2) as (a, b):
        b.transport.keep([a.name])
        await until(lambda: a.statistics.refused[Refused.NOT_A_MEMBER] > 0)
        a.transport.keep([b.name])
        await until(lambda: bool(a.happened and b.happened))

        assert b.transport.send(a.name, b"x")


async def test_members_may_be_kept_before_the_port_is_open() -> None:
    async with peers(1) as (a,), trio.open_nursery() as nursery:
        b = Peer()
        b.name = MEMBER
        b.transport.keep([a.name])
        a.transport.keep([MEMBER])
        nursery.start_soon(b.transport.run)
        await until(lambda: bool(a.happened and b.happened))

        assert b.happened == [("connected", a.name)]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("secure", [False, True])
async def test_frames_of_any_size_arrive_whole_and_in_order_both_ways_at_once(secure: bool, tmp_path: Path) -> None:
    chance = random.Random(1)
    sizes = (1, 3_000_000, 2, 70_000, 65_536, 65_532, 4, 5_000_000, 1)
    sent = [chance.randbytes(size) for size in sizes * 2]
    async with linked(Certificates(tmp_path).tls() if secure else None) as (a, b):
        for frame in sent:
            assert a.transport.send(b.name, frame)
            assert b.transport.send(a.name, frame)
        await until(lambda: len(a.frames) == len(b.frames) == len(sent))

        assert [frame for _, frame in a.frames] == [frame for _, frame in b.frames] == sent
        assert {member for member, _ in a.frames} == {b.name}


async def test_what_was_sent_is_no_longer_pending() -> None:
    async with linked() as (a, b):
        a.transport.send(b.name, bytes(1_000_000))
        assert a.transport.pending(b.name) == 1_000_004
        await until(lambda: a.transport.pending(b.name) == 0)

        assert a.statistics.bytes_sent >= 1_000_004


async def test_bytes_and_messages_are_counted_without_the_signs_of_life() -> None:
    async with linked() as (a, b):
        a.transport.send(b.name, b"one")
        a.transport.send(b.name, b"three")
        await until(lambda: len(b.frames) == 2)

        assert (a.statistics.messages_sent, b.statistics.messages_received) == (2, 2)
        assert b.statistics.bytes_received >= 16


@pytest.mark.parametrize("size", [0, 300_001])
async def test_a_frame_that_is_empty_or_too_large_is_a_fault_of_ours(size: int) -> None:
    async with linked(limits=limits(max_frame_size=300_000)) as (a, b):
        with pytest.raises(ValueError, match=f"{size} bytes"):
            a.transport.send(b.name, bytes(size))


async def test_nothing_is_taken_for_a_member_without_a_link() -> None:
    async with peers(1) as (a,):
        a.transport.keep([MEMBER])

        assert not a.transport.send(MEMBER, b"x")


async def test_a_member_that_does_not_read_fills_its_outbox_and_no_other() -> None:
    bounds = limits(max_outbox_size=1_000_000, max_frame_size=100_000, link_timeout_in_s=60)
    async with peers(2, limits=bounds) as (a, b):
        a.transport.keep([b.name, MEMBER])
        b.transport.keep([a.name])
        async with member(a, MEMBER):
            await until(lambda: len(a.happened) == 2)
            taken = 0
            with trio.fail_after(10):
                while a.transport.send(MEMBER, bytes(50_000)):
                    taken += 1
                    await trio.lowlevel.checkpoint()
            assert a.transport.send(b.name, b"x")
            await until(lambda: len(b.frames) == 1)

            assert 0 < a.transport.pending(MEMBER) <= 1_000_000
            assert taken >= 19


async def test_a_member_that_takes_nothing_loses_its_link(mock_clock: MockClock) -> None:
    async with peers(1) as (a,):
        a.transport.keep([MEMBER])
        async with member(a, MEMBER) as other:
            while a.transport.send(MEMBER, bytes(500_000)):
                await trio.lowlevel.checkpoint()
            await wait_all_tasks_blocked()
            mock_clock.jump(2.0)
            await other.ping()
            await wait_all_tasks_blocked()
            mock_clock.jump(1.1)
            await other.ended()

        assert a.statistics.closed == {Closed.STUCK: 1}


async def test_a_silent_member_loses_its_link_in_time(mock_clock: MockClock) -> None:
    async with peers(1) as (a,):
        a.transport.keep([MEMBER])
        async with member(a, MEMBER) as other:
            await wait_all_tasks_blocked()
            mock_clock.jump(2.9)
            await wait_all_tasks_blocked()
            assert a.happened == [("connected", MEMBER)]
            mock_clock.jump(0.2)
            await other.ended()

        assert a.statistics.closed == {Closed.SILENT: 1}
        assert a.happened == [("connected", MEMBER), ("disconnected", MEMBER)]


async def test_signs_of_life_keep_a_link_that_has_nothing_to_say(mock_clock: MockClock) -> None:
    async with peers(1) as (a,):
        a.transport.keep([MEMBER])
        async with member(a, MEMBER) as other:
            for _ in range(8):
                await wait_all_tasks_blocked()
                mock_clock.jump(1.0)
                assert await other.hear() == b""
                await other.ping()

            assert a.happened == [("connected", MEMBER)]
            assert a.frames == []


async def test_what_has_arrived_while_the_process_stood_still_keeps_its_link(mock_clock: MockClock) -> None:
    async with peers(1) as (a,):
        a.transport.keep([MEMBER])
        async with member(a, MEMBER) as other:
            await wait_all_tasks_blocked()
            other.say_at_once(b"in time")
            mock_clock.jump(60)
            await wait_all_tasks_blocked()

            assert a.frames == [(MEMBER, b"in time")]
            assert a.happened == [("connected", MEMBER)]


async def test_a_frame_of_a_member_beyond_the_limit_closes_its_link() -> None:
    async with peers(1, limits=limits(max_frame_size=300_000)) as (a,):
        a.transport.keep([MEMBER])
        async with member(a, MEMBER) as other:
            await other.say(bytes(300_000))
            await until(lambda: bool(a.frames))
            await other.stream.send_all((300_001).to_bytes(4, "little"))
            await other.ended()

        assert [len(frame) for _, frame in a.frames] == [300_000]
        assert a.statistics.closed == {Closed.FRAME_TOO_LARGE: 1}


async def test_a_member_is_dialed_again_when_its_link_broke() -> None:
    async with linked() as (a, b):
        a.transport.keep([])
        a.transport.keep([b.name])
        await until(lambda: len(a.happened) == len(b.happened) == 3)

        assert [what for what, _ in a.happened] == ["connected", "disconnected", "connected"]
        assert [what for what, _ in b.happened] == ["connected", "disconnected", "connected"]


async def test_a_peer_that_starts_again_under_a_new_name_is_linked_again() -> None:
    async with linked() as (a, b), trio.open_nursery() as nursery:
        former = a.name
        a.scope.cancel()
        await until(lambda: len(a.happened) == 2)
        again = Peer(port=int(former.rpartition(":")[2].partition("#")[0]))
        await nursery.start(again.run)
        link(again, b)
        await until(lambda: bool(again.happened) and len(b.happened) == 3)

        assert b.happened == [("connected", former), ("disconnected", former), ("connected", again.name)]
        nursery.cancel_scope.cancel()


async def test_under_a_new_name_of_its_own_a_peer_makes_all_links_anew() -> None:
    async with linked() as (a, b):
        former = a.name
        a.reborn(int(a.address.rpartition(":")[2]))
        a.transport.keep([b.name])
        b.transport.keep([a.name])
        await until(lambda: len(a.happened) == len(b.happened) == 3)

        assert b.happened == [("connected", former), ("disconnected", former), ("connected", a.name)]
        assert [what for what, _ in a.happened] == ["connected", "disconnected", "connected"]


async def test_a_dialer_under_a_new_name_of_its_own_makes_all_links_anew() -> None:
    async with linked() as (a, b):
        former = b.name
        b.reborn(int(b.address.rpartition(":")[2]))
        b.transport.keep([a.name])
        a.transport.keep([b.name])
        await until(lambda: len(a.happened) == len(b.happened) == 3)

        assert a.happened == [("connected", former), ("disconnected", former), ("connected", b.name)]


@pytest.mark.parametrize("dials", [False, True])
async def test_links_under_a_former_name_end_at_once(dials: bool) -> None:
    async with linked() as both:
        peer, other = both[dials], both[not dials]
        peer.reborn(int(peer.address.rpartition(":")[2]))
        peer.transport.keep([other.name])

        assert peer.happened == [("connected", other.name), ("disconnected", other.name)]


async def test_a_member_that_is_not_kept_any_more_is_told_of_at_once_and_once() -> None:
    async with linked() as (a, b):
        b.transport.keep([])
        at_once = list(b.happened)
        await until(lambda: len(a.happened) == 2)

        assert at_once == [("connected", a.name), ("disconnected", a.name)]
        assert b.happened == at_once
        assert b.statistics.closed == {Closed.DROPPED: 1}


async def test_the_newest_link_of_a_member_replaces_the_former() -> None:
    async with peers(1) as (a,):
        a.transport.keep([MEMBER])
        async with member(a, MEMBER) as former, member(a, MEMBER) as newest:
            await former.ended()
            a.transport.send(MEMBER, b"to the newest")

            assert await newest.hear() == b"to the newest"
            assert a.happened == [("connected", MEMBER), ("disconnected", MEMBER), ("connected", MEMBER)]
            assert a.statistics.closed == {Closed.REPLACED: 1}


async def test_no_frame_is_handed_over_behind_the_end_of_its_link() -> None:
    async with linked() as (a, b):
        a.on_frame = lambda: a.transport.keep([])
        for _ in range(3):
            b.transport.send(a.name, b"x")
        await until(lambda: len(b.happened) == 2)

        assert len(a.frames) == 1
        assert a.happened == [("connected", b.name), ("disconnected", b.name)]


async def test_when_it_stops_every_link_has_ended_once() -> None:
    async with linked() as (a, b):
        a.scope.cancel()
        await until(lambda: len(b.happened) == 2)

    assert a.happened == [("connected", b.name), ("disconnected", b.name)]
    assert b.happened == [("connected", a.name), ("disconnected", a.name)]


async def test_a_fault_of_ours_is_not_taken_for_a_broken_link() -> None:
    def fail() -> None:
        raise OSError("a fault")

    async def receive_one() -> None:
        async with linked() as (a, b):
            a.on_frame = fail
            b.transport.send(a.name, b"x")
            await trio.sleep(10)

    with pytest.raises(ExceptionGroup) as raised:
        await receive_one()

    assert raised.group_contains(OSError, match="a fault")


async def test_a_port_that_is_taken_is_named() -> None:
    async with peers(1) as (a,):
        taken = Peer(port=int(a.address.rpartition(":")[2]))

        with pytest.raises(OSError, match=a.address):
            await taken.transport.run()


async def test_a_question_is_answered() -> None:
    async with peers(2) as (a, b), trio.open_nursery() as nursery:
        answers = []

        async def ask() -> None:
            answers.append(await b.transport.ask(a.address, b"who?", 10))

        nursery.start_soon(ask)
        await until(lambda: bool(a.replies))
        a.replies[0](b"me")
        a.replies[0](b"a second answer does nothing")
        await until(lambda: bool(answers))

        assert answers == [b"me"]
        assert a.questions == [(b"who?", None)]
        assert a.happened == []


async def test_a_question_comes_with_the_names_of_the_askers_certificate(tmp_path: Path) -> None:
    async with peers(2, Certificates(tmp_path).tls()) as (a, b), trio.open_nursery() as nursery:
        nursery.start_soon(b.transport.ask, a.address, b"who?", 10)
        await until(lambda: bool(a.questions))

        assert a.questions == [(b"who?", frozenset({"127.0.0.1"}))]
        nursery.cancel_scope.cancel()


async def test_where_nobody_listens_there_is_no_answer_and_it_is_told_why() -> None:
    async with peers(1) as (a,):
        answer = await a.transport.ask("127.0.0.1:1", b"who?", 10)

        assert answer is None
        assert "127.0.0.1" in (a.transport.trouble("127.0.0.1:1") or "")


async def test_an_address_that_is_none_has_no_answer() -> None:
    async with peers(1) as (a,):
        assert await a.transport.ask("nonsense", b"who?", 10) is None
        assert await a.transport.ask(f"{'a' * 70}.example:1", b"who?", 10) is None


async def test_an_answer_that_does_not_come_in_time_is_none_and_harms_nobody_later() -> None:
    async with peers(2, limits=limits(answer_timeout_in_s=60)) as (a, b):
        answer = await b.transport.ask(a.address, b"who?", 0.2)
        await until(lambda: a.statistics.refused[Refused.NOT_ANSWERED] == 1)
        a.replies[0](b"too late")

        assert answer is None
        assert b.transport.trouble(a.address) == "it gave no answer in time"


async def test_a_question_that_we_do_not_answer_is_given_up() -> None:
    async with peers(2, limits=limits(answer_timeout_in_s=0.1)) as (a, b):
        answer = await b.transport.ask(a.address, b"who?", 10)

        assert answer is None
        assert a.statistics.refused == {Refused.NOT_ANSWERED: 1}


async def test_only_so_many_questions_wait_for_answers() -> None:
    async with peers(2, limits=limits(max_questions=2)) as (a, b), trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(b.transport.ask, a.address, b"who?", 10)
        await until(lambda: len(a.replies) == 2)
        answer = await b.transport.ask(a.address, b"one too many", 10)

        assert answer is None
        assert a.statistics.refused == {Refused.TOO_MANY_QUESTIONS: 1}
        nursery.cancel_scope.cancel()


async def test_questions_and_answers_beyond_the_limit_are_faults_of_ours() -> None:
    async with peers(2) as (a, b), trio.open_nursery() as nursery:
        with pytest.raises(ValueError, match="65536 bytes"):
            await b.transport.ask(a.address, bytes(65_536), 10)
        nursery.start_soon(b.transport.ask, a.address, b"who?", 10)
        await until(lambda: bool(a.replies))

        for size in (0, 65_537):
            with pytest.raises(ValueError, match=f"{size} bytes"):
                a.replies[0](bytes(size))
        nursery.cancel_scope.cancel()


async def test_a_dialer_takes_no_link_from_who_is_no_cluster_port() -> None:
    async def speak(stream: trio.SocketStream) -> None:
        await stream.send_all(b"SSH-2.0-OpenSSH_9.2\r\n")
        await stream.receive_some()

    async with peers(1) as (a,), trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, speak, 0)
        port = listeners[0].socket.getsockname()[1]
        a.name = MEMBER
        a.transport.keep([f"127.0.0.1:{port}#0"])
        await until(lambda: a.statistics.failed_dials > 0)

        assert a.happened == []
        assert a.transport.trouble(f"127.0.0.1:{port}") == "it speaks another language"
        nursery.cancel_scope.cancel()


async def test_a_host_whose_look_up_hangs_takes_one_thread_however_often_it_is_dialed() -> None:
    asked, may_end = [], threading.Event()

    def hang(host: str, port: int) -> list[str]:
        asked.append(host)
        may_end.wait(10)
        return []

    dialer = Dialer(None, limits(dial_timeout_in_s=0.02), hang)
    async with peers(1) as (a,):
        try:
            for _ in range(3):
                with pytest.raises(DialFailed, match="in time"):
                    await dialer.dial("hanging.example:1", Question(b"x"))
            stream, _ = await dialer.dial(a.address, Question(b"x"))
            await stream.aclose()
        finally:
            may_end.set()

    assert asked == ["hanging.example"]


async def test_a_host_with_several_addresses_is_reached_at_the_one_that_answers() -> None:
    async with peers(1) as (a,):
        dialer = Dialer(None, QUICK, lambda host, port: ["127.0.0.1", "::1"])
        dead_first = Dialer(None, QUICK, lambda host, port: ["::1", "127.0.0.1"])
        for each in (dialer, dead_first):
            stream, _ = await each.dial(a.address.replace("127.0.0.1", "node.example"), Question(b"x"))
            await stream.aclose()
        await until(lambda: len(a.questions) == 2)


async def test_a_host_that_cannot_be_found_is_told_of() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(DialFailed, match=r"node\.example cannot be found: no such host"):
        await Dialer(None, QUICK, fail).dial("node.example:1", Question(b"x"))


async def test_a_host_whose_address_is_known_is_not_looked_up() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    async with peers(1) as (a,):
        dialer = Dialer(None, QUICK, fail, known={"node.example": "127.0.0.1"}.get)
        stream, _ = await dialer.dial(a.address.replace("127.0.0.1", "node.example"), Question(b"x"))
        await stream.aclose()
        await until(lambda: len(a.questions) == 1)


@pytest.mark.parametrize("elsewhere", ["192.0.2.1", "2001:db8::1"])
async def test_plain_text_is_not_spoken_to_other_machines(elsewhere: str) -> None:
    with pytest.raises(DialFailed, match="plain text is spoken on loopback only"):
        await Dialer(None, QUICK, lambda host, port: [elsewhere]).dial("node.example:1", Question(b"x"))


async def test_plain_text_is_not_spoken_beyond_loopback_where_a_host_is_known_either() -> None:
    dialer = Dialer(None, QUICK, known={"node.example": "192.0.2.1"}.get)
    with pytest.raises(DialFailed, match="plain text is spoken on loopback only"):
        await dialer.dial("node.example:1", Question(b"x"))


async def test_who_is_at_the_known_address_of_a_host_must_have_a_certificate_for_its_name(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    async with peers(1, certificates.tls("127.0.0.1")) as (peer,):
        dialer = Dialer(certificates.tls("a.example"), QUICK, known={"node.example": "127.0.0.1"}.get)
        with pytest.raises(DialFailed, match="TLS: Hostname mismatch"):
            await dialer.dial(peer.address.replace("127.0.0.1", "node.example"), Question(b"x"))
