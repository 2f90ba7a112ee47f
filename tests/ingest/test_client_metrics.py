"""Jitsi's client metrics: the answers of the service that pages know, and what it did wrong done right."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.client_metrics import ClientMetrics, PushRefused
from tests.ingest.metrics_served import CLIENT, Held, collecting, pushed, rtt
from tests.web_client import request

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "reference" / "examples" / "jcmc"
ALICE = f'client_id="{CLIENT}",participant_id="a1b2",roomname="standup"'
DEVICE = 'browser_name="Chrome",browser_version="140.0.0.0",os_name="Linux",os_version="undefined"'


def golden(name: str, nth: int = 0) -> tuple[int, bytes]:
    """Status and body of an answer of the original."""
    cases = (EXAMPLES / "responses.txt").read_text().split("### ")
    case = [text for text in cases if text.partition("\n")[0] == name][nth]
    head, _, body = case.partition("\n\n")
    length = int(head.partition("Content-Length: ")[2].split()[0])
    return int(head.split()[2]), body.encode()[:length]


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples of the reference are not at hand")
async def test_answers_are_those_of_the_original() -> None:
    ok = json.loads((EXAMPLES / "push-ok.json").read_text())
    ids = ok["default_labels"]
    transport = {"labels": {"src_ip": "300.1.1.1", "protocol": "sctp"}, "value": "abc"}
    wrong = {"connectionquality": {"value": 101}, "transport_rtt": [transport], "foo": {"value": 1}}
    wrong_ids = {"client_id": "x", "participant_id": "", "roomname": "r"}
    far, near = ("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-For", "10.0.0.5")

    async with collecting() as it:
        answers = {
            "push-ok": await it.push(ok),
            "scrape": await it.get("/metrics"),
            "scrape-public": await it.get("/metrics", far),
            "push-empty": await it.push({}),
            "push-badguid": await it.push({"default_labels": wrong_ids, "metrics": wrong}),
            "push-emptymetrics": await it.push({"default_labels": ids, "metrics": {}}),
        }
        spoof = await it.get("/metrics", near)

    assert (spoof.status, spoof.body) == golden("scrape")
    for name, answer in answers.items():
        assert (name, answer.status, answer.body) == (name, *golden(name, -1))


async def test_a_push_without_metrics_is_refused_and_the_next_is_taken() -> None:
    async with collecting() as it:
        refused = await it.push({"default_labels": pushed()["default_labels"]})
        taken = await it.push(pushed())

    (problem,) = json.loads(refused.body)
    assert (refused.status, problem["path"], problem["type"]) == (400, ["metrics"], "any.required")
    assert taken.status == 200


async def test_a_number_as_text_is_a_number() -> None:
    async with collecting() as it:
        answer = await it.push(pushed(metrics={"bitrate_upload": {"value": " 12.50 "}}))

        assert answer.status == 200
        assert await it.series() == {f"bitrate_upload{{{ALICE}}}": "12.5"}


@pytest.mark.parametrize("body", [b"{", b"\xff", b"nonsense", b"[" * 5000])
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with collecting() as it:
        assert (await it.push(body)).status == 400
        assert it.statistics.refused == {PushRefused.NO_JSON: 1}


async def test_what_is_sent_as_something_else_than_json_says_nothing() -> None:
    async with collecting() as it:
        answer = await it.push(pushed(), ("Content-Type", "text/plain"))

    assert answer.status == 400


async def test_problems_are_no_page() -> None:
    async with collecting() as it:
        answer = await it.push(pushed(client="<script>"))

    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_push_that_is_too_long_is_refused() -> None:
    async with collecting(ClientMetrics(max_body_size=100)) as it:
        assert (await it.push(pushed())).status == 413


async def test_a_value_that_is_null_takes_the_former_one_away() -> None:
    async with collecting() as it:
        await it.push(pushed(metrics={"bitrate_upload": {"value": 1}}))
        await it.push(pushed(metrics={"bitrate_upload": {"value": None}}))

        assert await it.series() == {}


async def test_a_metric_that_a_push_leaves_out_stays() -> None:
    async with collecting() as it:
        await it.push(pushed(metrics={"bitrate_upload": {"value": 1}}))
        await it.push(pushed(metrics={"bitrate_download": {"value": 2}}))

        assert len(await it.series()) == 2


async def test_a_label_that_changes_leaves_no_series_behind() -> None:
    async with collecting() as it:
        await it.push(pushed(room="one", metrics={"transport_rtt": [rtt(1, "192.0.2.1")]}))
        await it.push(pushed(room="two", metrics={"transport_rtt": [rtt(2, "192.0.2.2")]}))

        (name,) = await it.series()
        assert 'roomname="two",src_ip="192.0.2.2"' in name


async def test_labels_that_are_null_say_so() -> None:
    async with collecting() as it:
        await it.push(pushed(metrics={"connectionquality": {"labels": {"username": None}, "value": 5}}))

        assert await it.series() == {f'connectionquality{{{ALICE},username="null",{DEVICE}}}': "5"}


async def test_of_transports_with_the_same_labels_the_last_counts() -> None:
    async with collecting() as it:
        await it.push(pushed(metrics={"transport_rtt": [rtt(1), rtt(2)]}))

        assert [*(await it.series()).values()] == ["2"]


async def test_so_many_transports_of_a_participant_are_told() -> None:
    async with collecting(ClientMetrics(max_transports_per_participant=2)) as it:
        await it.push(pushed(metrics={"transport_rtt": [rtt(n, f"192.0.2.{n}") for n in range(5)]}))

        assert [*(await it.series()).values()] == ["0", "1"]


async def test_labels_that_are_not_allowed_are_not_kept() -> None:
    values = Held()
    quality = {"labels": {"username": "Ann", "serverregion": "eu"}, "value": 5}
    async with collecting(ClientMetrics(labels=["serverregion", "protocol"]), values) as it:
        transports = [rtt(1, "192.0.2.77", protocol="udp")]
        await it.push(pushed(room="secret", metrics={"connectionquality": quality, "transport_rtt": transports}))

        who = f'client_id="{CLIENT}",participant_id="a1b2"'
        assert [*await it.series()] == [
            f'connectionquality{{{who},serverregion="eu"}}',
            f'transport_rtt{{{who},protocol="udp"}}',
        ]
    (held,) = values.values.values()
    assert not any(secret in held for secret in (b"Ann", b"secret", b"192.0.2.77", b"Chrome"))


async def test_labels_are_cut_and_written_so_that_they_end_no_line() -> None:
    async with collecting(ClientMetrics(max_label_length=9)) as it:
        await it.push(pushed(room='a"b\\c\nd} 1 and more', metrics={"bitrate_upload": {"value": 1}}))

        (name,) = await it.series()
    assert name.endswith('roomname="a\\"b\\\\c\\nd} "}')


async def test_so_many_participants_are_told_and_those_go_on() -> None:
    async with collecting(ClientMetrics(max_participants=2)) as it:
        statuses = [(await it.push(pushed(participant=name))).status for name in ("a", "b", "c", "a")]

        assert statuses == [200, 200, 503, 200]
        assert it.statistics.refused == {PushRefused.TOO_MANY_PARTICIPANTS: 1}


async def test_a_push_for_which_there_is_no_room_is_refused() -> None:
    values = Held()
    values.has_room = False
    async with collecting(values=values) as it:
        assert (await it.push(pushed())).status == 503


async def test_values_stay_for_their_time() -> None:
    values = Held()
    async with collecting(ClientMetrics(metrics_expiration_in_s=2.5), values) as it:
        await it.push(pushed())

    assert values.ttls == {2500}


async def test_without_a_majority_nothing_is_taken_and_nothing_old_is_told() -> None:
    async with collecting() as it:
        it.not_taken = "no majority"

        assert [(await it.push(pushed())).status, (await it.get("/metrics")).status] == [503, 503]


@pytest.mark.parametrize(
    ("shown", "status"), [((), 401), (("Bearer wrong",), 401), (("Basic s3cret",), 401), (("Bearer s3cret",), 200)]
)
async def test_a_token_is_asked_for_where_one_is_set(shown: tuple[str, ...], status: int) -> None:
    async with collecting(ClientMetrics(push_token="s3cret")) as it:
        answer = await it.push(pushed(), *(("Authorization", text) for text in shown))

    assert answer.status == status


def test_the_token_is_not_written_anywhere() -> None:
    assert "s3cret" not in repr(ClientMetrics(push_token="s3cret"))


async def test_who_comes_over_a_public_proxy_may_scrape_only_if_everybody_may() -> None:
    public = ("X-Forwarded-For", "203.0.113.5")
    async with collecting() as private, collecting(ClientMetrics(private_scrape_only=False)) as open_to_all:
        assert (await private.get("/metrics", public)).status == 403
        assert private.statistics.refused == {PushRefused.SCRAPE_DENIED: 1}
        assert (await open_to_all.get("/metrics", public)).status == 200


async def test_pages_of_other_hosts_may_push_and_load_the_script() -> None:
    page = ("Origin", "https://meet.example.org")
    asked = [page, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")]
    async with collecting() as it:
        preflight = await request(it.port, "OPTIONS", "/metrics/push", asked)
        push = await it.push(pushed(), page)
        script = await it.get("/client-file")

    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert {"content-type", "authorization"} <= {*preflight.headers["access-control-allow-headers"].split(", ")}
    assert push.headers["access-control-allow-origin"] == "*"
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_a_scrape_says_which_format_it_has() -> None:
    async with collecting() as it:
        answer = await it.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.count("# TYPE") == 13


async def test_many_participants_are_scraped() -> None:
    async with collecting() as it:
        for number in range(250):
            await it.push(pushed(participant=f"p{number}"))

        assert len(await it.series()) == 250


@pytest.mark.parametrize(
    "fields",
    [
        {"push_path": "metrics"},
        {"scrape_path": "/{x}"},
        {"script_path": "/metrics"},
        {"metrics_prefix": "1-"},
        {"labels": ["client_id"]},
        {"trusted_proxies": ["10.0.0.1/8"]},
    ],
)
def test_settings_that_cannot_serve_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]+[A-Z]|labels"):
        ClientMetrics(**fields)
