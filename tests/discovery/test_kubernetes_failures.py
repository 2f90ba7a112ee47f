"""Whatever fails between a node and the API server: pods that were known stay known, and the failure is counted."""

import datetime
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from kubernetes.client import Configuration
from kubernetes.config.incluster_config import InClusterConfigLoader

from cluster.certificates import new_authority
from discovery.kubernetes import K8sPodsDiscovery
from discovery.pod_list import Failure
from discovery.pods import ApiLimits, Pods
from tests.discovery.test_kubernetes_discovery import OWN, PEER, add
from tests.kubernetes.api_double import OBSERVER, Answering, ApiDouble, Fault, api_double, event
from tests.kubernetes.api_faults import (
    dribble,
    half_a_line,
    hang_up,
    line,
    page_of,
    refusal,
    short_line,
    silence,
    silent_stream,
)
from tests.kubernetes.following import HASTY, PATIENT, by, following, until, until_found

SMALL = replace(PATIENT, max_answer_size=65_536)
BOOKMARK = {"kind": "Pod", "metadata": {"resourceVersion": "4711"}}
ANYWHERE: list[tuple[Fault, Failure]] = [
    (refusal(500, "etcdserver: no leader"), Failure.ERROR),
    (refusal(429, "too many requests"), Failure.ERROR),
    (refusal(403, "forbidden"), Failure.REFUSED),
    (refusal(401, "Unauthorized"), Failure.UNAUTHORIZED),
    (refusal(410, "too old resource version"), Failure.GONE),
    (page_of(200, b"<html>\n"), Failure.MALFORMED),
    (page_of(200, b" " * 70_000), Failure.TOO_MUCH),
    (page_of(307, b""), Failure.ERROR),
    (silence, Failure.TIMEOUT),
    (silent_stream, Failure.TIMEOUT),
    (dribble, Failure.TIMEOUT),
    (hang_up, Failure.CUT),
]
IN_A_WATCH: list[tuple[Fault, Failure]] = [
    *ANYWHERE,
    (half_a_line, Failure.CUT),
    (short_line, Failure.CUT),
    (page_of(200, b""), Failure.CUT),
    (line(b'{"type":"ADDED","object":{}}'), Failure.MALFORMED),
    (line(event("ERROR", {"kind": "Status", "code": 410})), Failure.GONE),
    (line(event("ERROR", {"kind": "Status", "code": 500})), Failure.ERROR),
]


def limits_for(failure: Failure) -> ApiLimits:
    return HASTY if failure is Failure.TIMEOUT else SMALL


def names(faults: list[tuple[Fault, Failure]]) -> list[str]:
    return [f"{index}-{failure}" for index, (_, failure) in enumerate(faults)]


def discovery_of(api: ApiDouble, folder: Path, limits: ApiLimits = SMALL) -> K8sPodsDiscovery:
    return K8sPodsDiscovery(Pods(prefix="o-", limits=limits), OWN, by(api.kubeconfig(folder / "observer")))


@pytest.fixture
def api() -> Iterator[ApiDouble]:
    with api_double() as double:
        add(double, "o-0", "10.0.0.1")
        add(double, "o-1", "10.0.0.2")
        yield double


@pytest.mark.parametrize(("fault", "failure"), ANYWHERE, ids=names(ANYWHERE))
async def test_a_list_that_fails_is_counted_and_tried_again(
    api: ApiDouble, tmp_path: Path, fault: Fault, failure: Failure
) -> None:
    api.fails("list", fault)

    async with following(discovery_of(api, tmp_path, limits_for(failure))) as discovery:
        with pytest.raises(OSError, match=r"the Kubernetes API was of no help: [a-z]"):
            await discovery.found()
        await until(lambda: discovery.statistics.failures[failure] >= 2)
        api.works()
        found = await until_found(discovery, lambda found: True)

    assert found.addresses == {OWN, PEER}
    assert set(discovery.statistics.failures) == {failure}


@pytest.mark.parametrize(("fault", "failure"), IN_A_WATCH, ids=names(IN_A_WATCH))
async def test_a_watch_that_fails_is_counted_and_pods_stay_known(
    api: ApiDouble, tmp_path: Path, fault: Fault, failure: Failure
) -> None:
    api.fails("watch", fault)
    seen = set()

    async with following(discovery_of(api, tmp_path, limits_for(failure))) as discovery:
        while discovery.statistics.failures[failure] < 2:
            seen.add((await discovery.found()).addresses)
            await trio.sleep(0.01)
        api.works()
        add(api, "o-2", "10.0.0.3")
        await until_found(discovery, lambda found: "10.0.0.3:5601" in found.addresses)

    assert seen == {frozenset({OWN, PEER})}
    assert set(discovery.statistics.failures) == {failure}


@pytest.mark.parametrize("fault", [hang_up, half_a_line, refusal(401)])
async def test_a_watch_that_breaks_off_goes_on_where_it_was(api: ApiDouble, tmp_path: Path, fault: Fault) -> None:
    api.fails("watch", fault)

    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.failures.total() >= 2)

    assert api.count("list") == 1


@pytest.mark.parametrize(
    "fault", [refusal(410), line(event("ERROR", {"kind": "Status", "code": 410})), refusal(500), refusal(403)]
)
async def test_after_a_watch_that_cannot_go_on_all_pods_are_listed_anew(
    api: ApiDouble, tmp_path: Path, fault: Fault
) -> None:
    api.fails("watch", fault)

    async with following(discovery_of(api, tmp_path)) as discovery:
        add(api, "o-2", "10.0.0.3")
        await until_found(discovery, lambda found: len(found.addresses) == 3)
        await until(lambda: discovery.statistics.lists >= 3)


async def test_what_happened_before_the_server_forgot_is_not_missed(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)) as discovery:
        api.fails("watch", hang_up)
        api.cuts_watches()
        await until(lambda: discovery.statistics.failures[Failure.CUT] >= 2)
        add(api, "o-2", "10.0.0.3")
        api.compact()
        api.works()
        await until_found(discovery, lambda found: "10.0.0.3:5601" in found.addresses)

    assert discovery.statistics.failures[Failure.GONE] == 1


async def test_a_list_whose_next_page_is_forgotten_begins_anew(api: ApiDouble, tmp_path: Path) -> None:
    add(api, "o-2", "10.0.0.3")
    first, gone = (lambda answering: answering.json(200, api.store.page("default", "", 1, ""))), refusal(410)
    api.fails("list", first, gone, lambda answering: answering.json(200, api.store.page("default", "", 0, "")))

    async with following(discovery_of(api, tmp_path, replace(PATIENT, page_size=1))) as discovery:
        found = await until_found(discovery, lambda found: True)

    assert found.addresses == {OWN, PEER, "10.0.0.3:5601"}
    assert discovery.statistics.failures == {Failure.GONE: 1}


async def test_more_pods_than_there_may_be_are_not_taken(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path, replace(PATIENT, max_pods=2))) as discovery:
        add(api, "o-2", "10.0.0.3")
        await until(lambda: discovery.statistics.failures[Failure.TOO_MUCH] >= 2)
        found = await discovery.found()

    assert found.addresses == {OWN, PEER}


async def test_a_server_that_cannot_be_trusted_is_not_asked(tmp_path: Path) -> None:
    with api_double(_identity(tmp_path)) as api:
        async with following(discovery_of(api, tmp_path)) as discovery:
            with pytest.raises(OSError, match=r"TLS: .*CERTIFICATE_VERIFY_FAILED"):
                await discovery.found()

        assert discovery.statistics.failures[Failure.UNREACHABLE] >= 1
        assert api.asked == []


async def test_whatever_the_client_raises_ends_no_node(api: ApiDouble, tmp_path: Path) -> None:
    configured = by(api.kubeconfig(tmp_path / "observer"))

    def fail(configuration: object) -> None:
        raise KeyError(OBSERVER)

    def configure() -> Any:
        configuration: Any = configured()
        configuration.refresh_api_key_hook = fail
        return configuration

    async with following(K8sPodsDiscovery(Pods(prefix="o-", limits=PATIENT), OWN, configure)) as discovery:
        with pytest.raises(OSError, match="it cannot be asked: KeyError in the client") as raised:
            await discovery.found()

    assert OBSERVER not in str(raised.value)


async def test_watches_that_end_soon_follow_each_other_at_leisure(api: ApiDouble, tmp_path: Path) -> None:
    begun = list[float]()

    def short(answering: Answering) -> None:
        begun.append(time.monotonic())
        line(event("BOOKMARK", BOOKMARK))(answering)

    api.fails("watch", short)
    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.watches >= 3)

    assert all(later - earlier > 0.9 for earlier, later in pairwise(begun))
    assert discovery.statistics.failures == {}


async def test_a_node_does_not_wait_long_for_a_silent_server_to_start(api: ApiDouble, tmp_path: Path) -> None:
    api.fails("list", silence)

    with trio.fail_after(10):
        async with following(discovery_of(api, tmp_path)) as discovery:
            with pytest.raises(OSError, match="it has not answered yet"):
                await discovery.found()


async def test_a_thread_that_hangs_is_the_only_one(api: ApiDouble, tmp_path: Path) -> None:
    released, hanging = threading.Event(), list[int]()
    configured = by(api.kubeconfig(tmp_path / "observer"))

    def configure() -> Configuration:
        hanging.append(threading.get_ident())
        released.wait(60)
        return configured()

    limits = replace(HASTY, connect_timeout_in_s=0.1, read_timeout_in_s=0.1)
    discovery = K8sPodsDiscovery(Pods(prefix="o-", limits=limits), OWN, configure)
    try:
        async with following(discovery):
            await until(lambda: discovery.statistics.failures[Failure.TIMEOUT] >= 3)
            hung = len(hanging)
            released.set()
            await until_found(discovery, lambda found: PEER in found.addresses)
    finally:
        released.set()

    assert hung == 1


# What operators are told


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


async def test_a_refusal_is_logged_once(api: ApiDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    api.may = set()

    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.failures[Failure.REFUSED] >= 5)

    (said,) = warnings(caplog)
    assert said.startswith(
        "The Kubernetes API is of no help, pods that were known stay known: list pods in namespace default is not "
        "allowed (403): the service account needs a Role with list and watch on pods"
    )


async def test_a_missing_permission_to_watch_is_logged_once_though_pods_can_be_listed(
    api: ApiDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.may = {"list"}

    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.failures[Failure.REFUSED] >= 5)

    (said,) = warnings(caplog)
    assert "watch pods in namespace default is not allowed" in said


async def test_a_refusal_is_logged_again_when_all_went_well_in_between(
    api: ApiDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.fails("watch", refusal(403), refusal(403), line(event("BOOKMARK", BOOKMARK)), refusal(403))

    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.failures[Failure.REFUSED] >= 4)

    assert ["403" in each for each in warnings(caplog)] == [True, True]


async def test_what_goes_wrong_differently_is_logged_too(
    api: ApiDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.fails("watch", refusal(403), refusal(500), refusal(500))

    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.failures[Failure.ERROR] >= 2)

    assert ["403" in each for each in warnings(caplog)] == [True, False]


async def test_that_a_version_is_gone_is_no_warning(
    api: ApiDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.fails("watch", refusal(410))

    async with following(discovery_of(api, tmp_path)) as discovery:
        await until(lambda: discovery.statistics.failures[Failure.GONE] >= 2)

    assert warnings(caplog) == []


async def test_a_token_is_never_told(api: ApiDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    api.fails("list", refusal(401, f"Authorization: Bearer {OBSERVER} is wrong"))
    caplog.set_level(logging.DEBUG)

    async with following(discovery_of(api, tmp_path)) as discovery:
        with pytest.raises(OSError, match=r"Authorization: Bearer \*\*\* is wrong") as raised:
            await discovery.found()

    assert OBSERVER not in str(raised.value)
    assert OBSERVER not in caplog.text


async def test_a_kubeconfig_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text(f"users: [{{token: {OBSERVER}\n:")
    discovery = K8sPodsDiscovery(Pods(prefix="o-", limits=PATIENT), OWN, by(broken))

    async with following(discovery):
        with pytest.raises(OSError, match="it is not known how to reach it") as raised:
            await discovery.found()

    assert OBSERVER not in str(raised.value)


async def test_a_token_that_cannot_be_sent_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{OBSERVER}\nand more")
    with api_double(_identity(tmp_path)) as api:
        async with following(
            K8sPodsDiscovery(Pods(prefix="o-", limits=PATIENT), OWN, _service_account(api, tmp_path))
        ) as discovery:
            with pytest.raises(OSError, match="it cannot be asked: ValueError in the client"):
                await discovery.found()


# Tokens are renewed


async def test_a_token_that_was_renewed_is_used(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("token-before")
    with api_double(_identity(tmp_path)) as api:
        api.tokens = {"token-before"}
        add(api, "o-1", "10.0.0.2")
        async with following(
            K8sPodsDiscovery(Pods(prefix="o-", limits=PATIENT), OWN, _service_account(api, tmp_path))
        ) as discovery:
            await until(lambda: discovery.statistics.watches > 0)
            token.write_text("token-after")
            api.tokens = {"token-after"}
            add(api, "o-2", "10.0.0.3")
            await until(lambda: api.asked[-1].token == "token-after")
            watches = discovery.statistics.watches
            await until(lambda: discovery.statistics.watches > watches)

        assert api.count("list") == 1


def _service_account(api: ApiDouble, folder: Path) -> Callable[[], Configuration]:
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}

    def configure() -> Configuration:
        configuration = Configuration()
        loader = InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"), environ=environment)  # type: ignore[no-untyped-call]
        loader.load_and_set(configuration)  # type: ignore[no-untyped-call]
        return configuration

    return configure


def _identity(folder: Path) -> ssl.SSLContext:
    """A certificate for the server, whose authority is written to `ca.crt`."""
    now = datetime.datetime.now(datetime.UTC)
    authority = new_authority(2, now)
    own = authority.issue("127.0.0.1", 1, now)
    (folder / "ca.crt").write_bytes(authority.pair().certificate)
    (folder / "server.pem").write_bytes(own.certificate + own.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
