"""The judge of the tests of faults sees what it is there to see."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.faults.ledger import Said, Verdict, judge
from tests.faults.node import Life, Node


def _node(folder: Path, name: str, *lines: bytes, silenced: Sequence[float] = (), killed: float | None = None) -> Node:
    node = Node(name, folder, "127.0.0.1", (1, 2, 3), {})
    node.lives.append(Life(name, 0, 0, 0.0, killed, [*silenced, *([killed] if killed else [])]))
    node.reports.write_bytes(b"".join(lines))
    return node


def _event(name: str, client: str | None, room: str = "r") -> bytes:
    names = ("name", "clientId", "roomId", "peerConnectionId", "mediaTrackId")
    payload = dict(zip(names, (name, client, room, None, None), strict=True))
    return json.dumps({"type": "CALL_EVENT", "payload": payload}).encode() + b"\n"


def _joined(client: str) -> bytes:
    return _event("CLIENT_JOINED", client)


def _judge(nodes: Sequence[Node], *said: Said) -> Verdict:
    return judge(said, nodes)


def test_a_client_that_was_taken_and_is_not_told_is_unheard(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", _joined("a"))

    verdict = _judge([node], Said("a", "r", 0, 5.0, node.life), Said("b", "r", 0, 5.0, node.life))

    assert verdict.unheard == ["b by n1/0"]


def test_a_client_that_was_taken_right_before_the_kill_is_lost(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", killed=5.5)

    verdict = _judge([node], Said("a", "r", 0, 5.0, node.life))

    assert (verdict.unheard, verdict.lost) == ([], {"a": 0.5})


def test_a_client_that_was_taken_long_before_the_kill_is_unheard(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", killed=6.5)

    verdict = _judge([node], Said("a", "r", 0, 5.0, node.life))

    assert verdict.unheard == ["a by n1/0 1.50 s before its end"]


def test_a_client_that_was_taken_while_the_pipeline_was_behind_is_lost(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", killed=6.5)
    node.life.behind = 0.6

    verdict = _judge([node], Said("a", "r", 0, 5.0, node.life))

    assert (verdict.unheard, verdict.lost) == ([], {"a": 1.5})


def test_a_sample_without_a_report_is_unreported(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", _joined("a"))

    verdict = _judge([node], Said("a", "r", 7, 5.0, node.life))

    assert len(verdict.unreported) == 1


def test_a_sample_right_before_its_connection_broke_needs_no_report(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", _joined("a"))

    verdict = _judge([node], Said("a", "r", 7, 5.0, node.life, cut=5.5))

    assert verdict.unreported == []


def test_an_event_of_two_nodes_is_told_twice(tmp_path: Path) -> None:
    one, other = (_node(tmp_path, name, _joined("a")) for name in ("n1", "n2"))

    verdict = _judge([one, other], Said("a", "r", 0, 5.0, one.life))

    assert len(verdict.twice) == 1


def test_an_event_that_one_node_tells_twice_is_never_excused(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", _joined("a"), _joined("a"), killed=5.5)

    verdict = _judge([node], Said("a", "r", 0, 5.0, node.life))

    assert len(verdict.twice) == 1


def test_an_event_of_a_node_that_was_silenced_right_after_may_be_told_again(tmp_path: Path) -> None:
    one, other = _node(tmp_path, "n1", _joined("a"), silenced=[5.5]), _node(tmp_path, "n2", _joined("a"))

    verdict = _judge([one, other], Said("a", "r", 0, 5.0, one.life))

    assert (verdict.twice, verdict.again) == ([], {"CLIENT_JOINED": 1})


def test_an_event_of_a_node_that_was_silenced_long_after_may_not_be_told_again(tmp_path: Path) -> None:
    one, other = _node(tmp_path, "n1", _joined("a"), silenced=[9.5]), _node(tmp_path, "n2", _joined("a"))

    verdict = _judge([one, other], Said("a", "r", 0, 5.0, one.life))

    assert len(verdict.twice) == 1


def test_half_a_line_of_a_killed_node_is_no_report_and_the_next_life_begins_behind_it(tmp_path: Path) -> None:
    half, whole = _joined("a")[:20], b"\n" + _joined("a")
    node = _node(tmp_path, "n1", half, whole, killed=5.5)
    node.lives.append(Life("n1", 1, len(half), 6.0))

    verdict = _judge([node], Said("a", "r", 0, 5.4, node.lives[0]))

    assert (verdict.events, verdict.twice, verdict.lost) == (1, [], {})


def test_an_heir_that_was_silenced_in_its_turn_may_be_told_after(tmp_path: Path) -> None:
    holder = _node(tmp_path, "n1", killed=5.5)
    heir, other = _node(tmp_path, "n2", _joined("a"), killed=10.5), _node(tmp_path, "n3", _joined("a"))

    verdict = _judge([holder, heir, other], Said("a", "r", 0, 5.0, holder.life))

    assert (verdict.twice, verdict.again) == ([], {"CLIENT_JOINED": 1})


def _sfu_joined(sfu: str) -> bytes:
    payload = {"name": "SFU_JOINED", "sfuId": sfu, "transportId": None, "rtpPadId": None}
    return json.dumps({"type": "SFU_EVENT", "payload": payload}).encode() + b"\n"


def test_an_sfu_that_was_taken_and_is_not_told_is_unheard(tmp_path: Path) -> None:
    node = _node(tmp_path, "n1", _joined("a"), _joined("b"), _joined("c"), _sfu_joined("c"))

    verdict = _judge([node], *(Said(who, "r", 0, 5.0, node.life, sfu=who != "b") for who in "abc"))

    assert verdict.unheard == ["the SFU of a by n1/0"]


def test_an_sfu_that_two_nodes_tell_of_is_told_twice(tmp_path: Path) -> None:
    nodes = [_node(tmp_path, name, _joined("a") if name == "n1" else b"", _sfu_joined("a")) for name in ("n1", "n2")]

    verdict = _judge(nodes, Said("a", "r", 0, 5.0, nodes[0].life))

    assert verdict.twice == ["SFU_JOINED a by n1/0, n2/0"]
