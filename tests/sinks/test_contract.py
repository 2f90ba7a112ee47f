"""What every sink keeps to, with its real service. A new type of sink needs a case (`contract_cases`)."""

import ast
import logging
from dataclasses import fields
from importlib import import_module
from inspect import getsource
from itertools import count, pairwise
from pathlib import Path

import orjson
import pytest
import trio

from sinks import SINKS, sink_class
from sinks.encoding import Written
from sinks.lines import Line, Piece, batch_of
from sinks.statistics import DropReason
from tests.sinks.contract_cases import CASES, Case, World, envelopes
from tests.sinks.sinks_for_tests import AT_ONCE, batch, delivery, line, lines, reports, running

_numbers = count(1)

every_sink = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@pytest.fixture
def world(case: Case, request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO)
    name = f"contract-{next(_numbers)}"
    return World(name, tmp_path, caplog, {need: request.getfixturevalue(need) for need in case.needs})


def test_every_type_of_sink_has_a_case() -> None:
    assert CASES.keys() == SINKS.keys()


@pytest.mark.parametrize("type_name", SINKS)
def test_a_sink_is_one_frozen_dataclass(type_name: str) -> None:
    assert sink_class(type_name).__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("type_name", SINKS)
def test_every_key_of_a_sink_says_what_it_does(type_name: str) -> None:
    tree = ast.parse(getsource(import_module(SINKS[type_name])))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == type_name)
    told = {
        ast.unparse(one.target) for one, text in pairwise(body) if isinstance(one, ast.AnnAssign) and _is_text(text)
    }

    keys = {one.name for one in fields(sink_class(type_name)) if one.metadata.get("yaml", True)}  # type: ignore[arg-type]

    assert keys <= told


@every_sink
async def test_what_was_sent_has_arrived_in_order_when_send_returns(case: Case, world: World) -> None:
    some = batch(100)

    with trio.fail_after(10):
        async with case.sink(world).opened("mySink") as send:
            await send(some)

            assert case.arrived(world) == envelopes(some)


@every_sink
async def test_batches_arrive_one_after_the_other(case: Case, world: World) -> None:
    async with case.sink(world).opened("mySink") as send:
        await send(batch(3))
        await send(batch(2, start=3))

    assert case.arrived(world) == envelopes(batch(5))


@every_sink
async def test_a_sink_that_is_opened_again_goes_on(case: Case, world: World) -> None:
    sink = case.sink(world)
    for start in (0, 3):
        async with sink.opened("mySink") as send:
            await send(batch(3, start))

    assert case.arrived(world) == envelopes(batch(6))


@every_sink
async def test_a_sink_leaves_the_batch_as_it_is(case: Case, world: World) -> None:
    some = batch(3)
    async with case.sink(world).opened("mySink") as send:
        await send(some)

    assert list(some) == list(batch(3))


@every_sink
async def test_any_text_of_a_client_arrives_as_it_was(case: Case, world: World) -> None:
    hostile = [line(text) for text in ("\n", '"}\n{"', "\x00\x1b[2J\x9b", "\u2028", "ひ😀", "%s %d {0}", "x" * 100_000)]

    async with case.sink(world).opened("mySink") as send:
        await send(batch_of(hostile))

    assert case.arrived(world) == envelopes(hostile)


@every_sink
async def test_a_sink_can_be_closed_while_it_is_cancelled(case: Case, world: World) -> None:
    with trio.fail_after(10), trio.CancelScope() as scope:
        async with case.sink(world).opened("mySink") as send:
            await send(batch(1))
            scope.cancel()
            await trio.lowlevel.checkpoint()

    assert case.arrived(world) == envelopes(batch(1))


def not_reports() -> dict[str, Line]:
    """What another version may have left in a spool; what is no JSON is left out there."""
    payload = orjson.loads(line("old"))["payload"]
    older = {key: payload[key] for key in ("marker", "name")}
    return {
        "of an older version": envelope("CALL_EVENT", older),
        "of a newer version": envelope("CALL_EVENT", {"before": 1, **payload, "behind": {"a": [1]}}),
        "of an unknown type": envelope("SONG", payload),
        "without a payload": envelope("CALL_EVENT", None),
        "with a payload that is none": envelope("CALL_EVENT", ["old"]),
        "with ids that are none": envelope(
            "CALL_EVENT", {**payload, "serviceId": 5, "callId": ["x"], "timestamp": "?"}
        ),
    }


def envelope(type_: str, payload: object) -> Line:
    return orjson.dumps({"type": type_, "schemaVersion": "2.1.0", "payload": payload})


@every_sink
@pytest.mark.parametrize("kind", not_reports())
async def test_a_line_that_is_no_report_costs_no_other(case: Case, world: World, kind: str) -> None:
    one = delivery(case.sink(world), collector=AT_ONCE)
    some = [*lines(3), not_reports()[kind], *lines(3, start=3)]

    async with running(one):
        one.offer(1, len(some), Written(Piece(len(some), b"".join(it + b"\n" for it in some))))

    figures = one.statistics()
    assert figures.acknowledged + figures.dropped[DropReason.REJECTED] == len(some)
    assert figures.dropped[DropReason.REJECTED] <= 1


@every_sink
@pytest.mark.parametrize("kind", not_reports())
async def test_a_line_that_is_no_report_is_not_tried_for_ever(case: Case, world: World, kind: str) -> None:
    one = delivery(case.sink(world), collector=AT_ONCE)
    broken = not_reports()[kind]

    async with running(one):
        one.offer(1, 1, Written(Piece(1, broken + b"\n")))

    figures = one.statistics()
    assert (figures.acknowledged + figures.dropped[DropReason.REJECTED], figures.queued) == (1, 0)


@every_sink
async def test_a_delivery_brings_everything_to_it(case: Case, world: World) -> None:
    one = delivery(case.sink(world), collector=AT_ONCE)

    async with running(one) as deliveries:
        for start in range(0, 50, 5):
            deliveries.offer(reports(5, start))

    assert one.statistics().acknowledged == 50
    assert case.arrived(world) == envelopes(batch(50))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
