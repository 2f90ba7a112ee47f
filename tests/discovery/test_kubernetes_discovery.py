"""How the pods of an API server are followed: listed once, watched from there on, and never forgotten in between."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from kubernetes.client import Configuration

from discovery.kubernetes import K8sPodsDiscovery, PodsStatistics, pause
from discovery.kubernetes_api import from_environment
from discovery.pod_list import Failure
from discovery.pods import ApiLimits, Pods
from tests.kubernetes.api_double import OBSERVER, ApiDouble, api_double, event
from tests.kubernetes.api_faults import silence
from tests.kubernetes.following import HASTY, PATIENT, by, following, until, until_found

OWN = "10.0.0.1:5601"
PEER = "10.0.0.2:5601"
LONG = replace(HASTY, read_timeout_in_s=60, watch_in_s=300)
"""A watch that does not end by itself while a test lasts."""


def pod(name: str, ip: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    status = {"phase": "Running", "podIP": ip}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"nodeName": "n"}, "status": status}


def add(api: ApiDouble, name: str, ip: str) -> None:
    with api.changed:
        api.store.create("default", pod(name, ip))
        api.changed.notify_all()


def discovery_of(api: ApiDouble, folder: Path, limits: ApiLimits = LONG, **settings: Any) -> K8sPodsDiscovery:
    return K8sPodsDiscovery(Pods(prefix="o-", limits=limits, **settings), OWN, by(api.kubeconfig(folder / "observer")))


async def came(api: ApiDouble, holds: Callable[[], bool]) -> None:
    """Waits until something holds of the server."""
    await trio.to_thread.run_sync(api.wait, holds)


@pytest.fixture
def api() -> Iterator[ApiDouble]:
    with api_double() as double:
        add(double, "o-0", "10.0.0.1")
        add(double, "o-1", "10.0.0.2")
        yield double


async def test_before_anything_was_listed_looking_for_pods_fails() -> None:
    with pytest.raises(OSError, match="the Kubernetes API was of no help: it has not answered yet"):
        await K8sPodsDiscovery(Pods(prefix="o-"), OWN).found()


async def test_pods_are_listed_as_they_are_now_and_watched_from_there_on(api: ApiDouble, tmp_path: Path) -> None:
    version = api.store.version
    async with following(discovery_of(api, tmp_path)):
        await came(api, lambda: api.count("watch") > 0)

    asked_list, asked_watch = api.asked
    assert "resourceVersion" not in asked_list.query
    assert asked_watch.query["resourceVersion"] == str(version)


async def test_the_server_is_asked_for_the_labels_that_are_wanted(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path, label_selector="app=observer,tier=a/b")):
        await came(api, lambda: api.count("watch") > 0)

    assert {each.query["labelSelector"] for each in api.asked} == {"app=observer,tier=a/b"}


async def test_a_watch_that_ends_is_taken_up_where_it_ended(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)) as discovery:
        await came(api, lambda: len(api.watches) == 1)
        add(api, "o-2", "10.0.0.3")
        await until_found(discovery, lambda found: len(found.addresses) == 3)
        version = api.store.version
        api.ends_watches()
        await came(api, lambda: api.count("watch") == 2)

    assert api.count("list") == 1
    assert api.asked[-1].query["resourceVersion"] == str(version)
    assert discovery.statistics.failures == {}


async def test_what_happened_between_two_watches_is_not_missed(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)) as discovery:
        await came(api, lambda: len(api.watches) == 1)
        with api.changed:
            api.store.create("default", pod("o-2", "10.0.0.3"))
            api.watches[0].ends = True
            api.changed.notify_all()
        await until_found(discovery, lambda found: "10.0.0.3:5601" in found.addresses)

    assert api.count("list") == 1


async def test_pods_stay_known_at_every_moment_between_two_watches(api: ApiDouble, tmp_path: Path) -> None:
    seen = set()
    async with following(discovery_of(api, tmp_path, PATIENT)) as discovery:
        while api.count("watch") < 4:
            seen.add((await discovery.found()).addresses)
            await trio.sleep(0.001)

    assert seen == {frozenset({OWN, PEER})}


async def test_a_watch_that_has_nothing_to_tell_may_be_silent_to_its_end(api: ApiDouble, tmp_path: Path) -> None:
    limits = replace(HASTY, connect_timeout_in_s=0.5, read_timeout_in_s=0.5, watch_in_s=3)
    async with following(discovery_of(api, tmp_path, limits)):
        await came(api, lambda: len(api.watches) == 1)
        with api.changed:
            unseen = api.store.create("other", pod("o-9", "10.0.0.9"))["metadata"]["resourceVersion"]
        # Only the bookmark at the end of a watch tells of it.
        await came(api, lambda: api.asked[-1].query.get("resourceVersion") == unseen)


async def test_lists_and_watches_share_one_connection(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path, replace(PATIENT, page_size=1))):
        add(api, "o-2", "10.0.0.3")
        await came(api, lambda: api.count("watch") == 3)

    assert api.accepted == 1


async def test_a_watch_goes_on_from_a_bookmark(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)) as discovery:
        await came(api, lambda: len(api.watches) == 1)
        api.says(event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "4711"}}))
        await until(lambda: discovery.statistics.events == 1)
        api.cuts_watches()
        await came(api, lambda: api.count("watch") == 2)

    assert api.asked[-1].query["resourceVersion"] == "4711"


async def test_all_pods_are_listed_anew_now_and_then(api: ApiDouble, tmp_path: Path) -> None:
    limits = replace(PATIENT, list_every_in_s=1.0)
    async with following(discovery_of(api, tmp_path, limits)) as discovery:
        await until(lambda: discovery.statistics.lists == 3)

    assert discovery.statistics.failures == {}


async def test_of_thousands_of_pods_only_peers_are_kept(api: ApiDouble, tmp_path: Path) -> None:
    for index in range(3_000):
        api.store.create("default", pod(f"job-{index}", "10.1.0.1"))

    async with following(discovery_of(api, tmp_path)) as discovery:
        assert (await discovery.found()).addresses == {OWN, PEER}

    assert api.count("list") == 7
    assert discovery.statistics.pods == 2


async def test_ip_addresses_of_hosts_are_told_while_the_server_speaks(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path, service="s")) as discovery:
        assert (await discovery.found()).hosts == {
            "o-0.s.default.svc.cluster.local": "10.0.0.1",
            "o-1.s.default.svc.cluster.local": "10.0.0.2",
        }


async def test_ip_addresses_of_hosts_are_no_longer_told_when_it_was_silent_too_long(
    api: ApiDouble, tmp_path: Path
) -> None:
    async with following(discovery_of(api, tmp_path, replace(LONG, hosts_for_in_s=0.2), service="s")) as discovery:
        found = await until_found(discovery, lambda found: not found.hosts)

    assert "o-1.s.default.svc.cluster.local:5601" in found.addresses
    assert found.exact


async def test_what_goes_on_is_counted(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)) as discovery:
        await came(api, lambda: len(api.watches) == 1)
        add(api, "o-2", "10.0.0.3")
        await until(lambda: discovery.statistics.events == 1)
        counted = discovery.statistics

    assert (counted.lists, counted.watches, counted.pods, counted.peers, dict(counted.failures)) == (1, 1, 3, 2, {})
    assert counted.last_word_at is not None


async def test_every_word_of_the_server_ends_its_silence(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)) as discovery:
        await came(api, lambda: len(api.watches) == 1)
        before = trio.current_time()
        add(api, "job-1", "10.0.0.3")
        await until(lambda: discovery.statistics.events == 1)
        silence = discovery.statistics.silence(before)

    assert silence is not None
    assert silence <= 0


def test_silence_is_counted_from_the_last_word() -> None:
    assert PodsStatistics().silence(12.0) is None
    assert PodsStatistics(last_word_at=10.0).silence(12.0) == 2.0


async def test_without_the_own_pod_among_them_pods_are_no_peers(api: ApiDouble, tmp_path: Path) -> None:
    settings = Pods(prefix="o-", namespace="default", label_selector="", limits=LONG)
    stray = K8sPodsDiscovery(settings, "10.0.0.9:5601", by(api.kubeconfig(tmp_path / "observer")))

    async with following(stray):
        with pytest.raises(
            OSError, match=r"is known as 10\.0\.0\.9:5601, .* \(2 pods of namespace default, prefix o-\)"
        ):
            await stray.found()
        add(api, "o-9", "10.0.0.9")
        found = await until_found(stray, lambda found: True)

    assert found.addresses == {"10.0.0.9:5601", OWN, PEER}


# The end


async def test_the_end_does_not_wait_for_a_watch_and_leaves_no_connection(api: ApiDouble, tmp_path: Path) -> None:
    async with following(discovery_of(api, tmp_path)):
        await came(api, lambda: len(api.watches) == 1)
        ending = trio.current_time()

    assert trio.current_time() - ending < 5
    # Who still read would be told of it; who has hung up breaks the watch.
    while api.watches:
        api.says(b"\n")
        await trio.sleep(0.01)


async def test_the_end_does_not_wait_for_a_silent_server(api: ApiDouble, tmp_path: Path) -> None:
    api.fails("list", silence)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(discovery_of(api, tmp_path).run)
            await came(api, lambda: api.count("list") == 1)
            nursery.cancel_scope.cancel()


# How long to wait


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (8, 30.0), (10_000, 30.0)]
)
def test_a_pause_grows_to_its_bound_and_is_never_less_than_half_of_it(failures: int, longest: float) -> None:
    assert pause(failures, ApiLimits(), 0.0) == longest / 2
    assert pause(failures, ApiLimits(), 1.0) == longest


async def test_pauses_grow_while_failures_go_on(api: ApiDouble, tmp_path: Path) -> None:
    asked = list[float]()
    limits = replace(LONG, retry_in_s=0.05, longest_retry_in_s=0.4)

    def configure() -> Configuration:
        asked.append(trio.from_thread.run_sync(trio.current_time))
        raise OSError("no")

    discovery = K8sPodsDiscovery(Pods(prefix="o-", limits=limits), OWN, configure, chance=lambda: 1.0)
    async with following(discovery):
        await until(lambda: len(asked) == 6)

    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert all(each >= least for each, least in zip(pauses, (0.05, 0.1, 0.2, 0.4, 0.4), strict=True))


# How the server is reached


def test_a_kubeconfig_of_the_environment_tells_where_the_server_is(
    api: ApiDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))

    configuration = from_environment()

    assert configuration.host == api.url
    assert configuration.get_api_key_with_prefix("BearerToken") == f"Bearer {OBSERVER}"


async def test_without_kubeconfig_and_service_account_it_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    async with following(K8sPodsDiscovery(Pods(prefix="o-"), OWN)) as discovery:
        with pytest.raises(OSError, match="it is not known how to reach it: Service host/port is not set"):
            await discovery.found()

    assert discovery.statistics.failures == {Failure.ERROR: 1}
