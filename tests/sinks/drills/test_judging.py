"""The judge of drills sees what is lost, made up, or out of order, and lets pass what may be."""

from typing import Any

from tests.sinks.drills.judging import Made, judge


def made(number: int, call: str = "call") -> Made:
    payload: dict[str, Any] = {"callId": call, "sampleSeq": number, "timestamp": 1000 + number}
    return {"type": "PEER_CONNECTION_TRANSPORT", "payload": payload}


THREE = [made(1), made(2), made(3)]


def test_all_of_it_in_its_order_is_clean() -> None:
    assert judge(THREE, {"all": THREE}).clean


def test_a_report_that_did_not_arrive_is_lost() -> None:
    assert len(judge(THREE, {"all": THREE[:2]}).lost) == 1


def test_a_report_that_nobody_made_is_strange() -> None:
    assert len(judge(THREE[:2], {"all": THREE}).strange) == 1


def test_a_report_before_another_of_its_call_is_out_of_order() -> None:
    assert len(judge(THREE, {"all": [THREE[1], THREE[0], THREE[2]]}).disordered) == 1


def test_calls_may_overtake_each_other() -> None:
    assert judge([made(1), made(2, "other")], {"all": [made(2, "other"), made(1)]}).clean


def test_parts_have_orders_of_their_own() -> None:
    assert judge(THREE, {"one": [THREE[2]], "other": THREE[:2]}).clean


def test_a_batch_that_comes_again_is_counted_and_not_out_of_order() -> None:
    verdict = judge(THREE, {"all": [*THREE[:2], *THREE]})

    assert verdict.clean
    assert verdict.repeated == 2


def test_what_is_unsure_may_have_arrived_or_not() -> None:
    assert judge(THREE, {"all": [THREE[0], made(4)]}, unsure=range(1002, 1005)).clean
