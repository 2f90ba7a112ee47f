"""Pods are found through an API server: the real one where it is at hand, and the double, which is held to the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

import pytest
from kubernetes import client

from discovery.kubernetes import K8sPodsDiscovery
from discovery.pod_list import Failure
from discovery.pods import ApiLimits, Pods
from tests.kubernetes.api_double import ADMIN, ApiDouble, api_double
from tests.kubernetes.control_plane import ControlPlane, api_of
from tests.kubernetes.following import by, following, until, until_found

OWN = "10.0.0.1:5601"
LABELS = {"app": "observer"}
_NUMBER = count()
_PATIENCE_S = 20.0
_POLL_S = 0.02


class Server(Protocol):
    """What differs between the double and the real one."""

    def grant(self) -> None: ...
    def revoke(self) -> None: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...


@dataclass
class Api:
    """An API server with a namespace for one test, and the pods there: first of all the own one."""

    server: Server
    namespace: str
    kubeconfig: Path
    core: Any

    def discovery(self, **settings: Any) -> K8sPodsDiscovery:
        chosen = {"prefix": "observer-", "namespace": self.namespace, **settings}
        return K8sPodsDiscovery(Pods(**chosen), OWN, by(self.kubeconfig))

    def create(self, name: str, node: str | None = "n1", labels: dict[str, str] = LABELS) -> None:
        spec = {"containers": [{"name": "c", "image": "i"}], **({"nodeName": node} if node else {})}
        self.core.create_namespaced_pod(self.namespace, {"metadata": {"name": name, "labels": labels}, "spec": spec})

    def runs(self, name: str, ip: str, phase: str = "Running") -> None:
        status = {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}]}
        self.core.patch_namespaced_pod_status(name, self.namespace, {"status": status})

    def create_running(self, name: str, ip: str, labels: dict[str, str] = LABELS) -> None:
        self.create(name, labels=labels)
        self.runs(name, ip)

    def ends(self, name: str, phase: str) -> None:
        self.core.patch_namespaced_pod_status(name, self.namespace, {"status": {"phase": phase}})

    def delete(self, name: str, grace: int = 0) -> None:
        self.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=grace)


@pytest.fixture(params=["double", "real"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    if request.param == "double":
        with double(tmp_path) as made:
            yield made
    else:
        with real(request.getfixturevalue("control_plane"), tmp_path) as made:
            yield made


@dataclass
class Double:
    api: ApiDouble

    def grant(self) -> None:
        self.api.may = {"list", "watch"}

    def revoke(self) -> None:
        self.api.may = set()
        self.api.ends_watches()

    def stop(self) -> None:
        self.api.stop()

    def start(self) -> None:
        self.api.start()


@contextmanager
def double(folder: Path) -> Iterator[Api]:
    with api_double() as server:
        admin = api_of(server.kubeconfig(folder / "admin", ADMIN))
        with admin:
            made = Api(Double(server), "calls", server.kubeconfig(folder / "observer"), client.CoreV1Api(admin))
            made.create_running("observer-0", "10.0.0.1")
            yield made


@dataclass
class Real:
    plane: ControlPlane
    namespace: str
    rights: Any
    observer: Any

    def grant(self) -> None:
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
        about = {"metadata": {"name": "observer"}}
        self.rights.create_namespaced_role(self.namespace, about | {"rules": rules})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "observer"}
        subjects = [{"kind": "ServiceAccount", "name": "observer", "namespace": self.namespace}]
        self.rights.create_namespaced_role_binding(self.namespace, about | {"roleRef": role, "subjects": subjects})
        self._wait_allowed(True)

    def revoke(self) -> None:
        self.rights.delete_namespaced_role_binding("observer", self.namespace)
        self.rights.delete_namespaced_role("observer", self.namespace)
        self._wait_allowed(False)

    def _wait_allowed(self, allowed: bool) -> None:
        """The server learns of changed rights a little later."""
        until = monotonic() + _PATIENCE_S
        while self._allowed() is not allowed:
            assert monotonic() < until
            sleep(_POLL_S)

    def _allowed(self) -> bool:
        try:
            self.observer.list_namespaced_pod(self.namespace)
        except client.ApiException as error:
            if error.status != 403:
                raise
            return False
        return True

    def stop(self) -> None:
        self.plane.kill_api()

    def start(self) -> None:
        self.plane.start_api()


@contextmanager
def real(plane: ControlPlane, folder: Path) -> Iterator[Api]:
    namespace = f"discovery-{next(_NUMBER)}"
    with plane.api() as admin:
        core: Any = client.CoreV1Api(admin)
        core.create_namespace({"metadata": {"name": namespace}})
        core.create_namespaced_service_account(namespace, {"metadata": {"name": "observer"}})
        kubeconfig = plane.kubeconfig_of(namespace, "observer", folder)
        with api_of(kubeconfig) as observer:
            server = Real(plane, namespace, client.RbacAuthorizationV1Api(admin), client.CoreV1Api(observer))
            server.grant()
            made = Api(server, namespace, kubeconfig, core)
            made.create_running("observer-0", "10.0.0.1")
            yield made


# Who is found


async def test_pods_that_run_already_are_found(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")

    async with following(api.discovery()) as discovery:
        found = await until_found(discovery, lambda found: len(found.addresses) > 1)

    assert found.addresses == found.founders == {OWN, "10.0.0.2:5601"}


async def test_a_pod_is_a_founder_as_soon_as_it_has_a_node_and_found_when_it_runs(api: Api) -> None:
    async with following(api.discovery()) as discovery:
        api.create("observer-1")
        before = await until_found(discovery, lambda found: "observer-1:5601" in found.founders)
        api.runs("observer-1", "10.0.0.2")
        after = await until_found(discovery, lambda found: "10.0.0.2:5601" in found.founders)

    assert before.addresses == {OWN}
    assert after.addresses == {OWN, "10.0.0.2:5601"}


async def test_a_pod_without_a_node_is_no_founder(api: Api) -> None:
    async with following(api.discovery()) as discovery:
        api.create("observer-1", node=None)
        await until(lambda: discovery.statistics.pods == 2)
        found = await discovery.found()

    assert found.founders == {OWN}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_that_ends_is_neither(api: Api, phase: str) -> None:
    api.create_running("observer-1", "10.0.0.2")
    async with following(api.discovery()) as discovery:
        api.ends("observer-1", phase)
        found = await until_found(discovery, lambda found: found.founders == {OWN})

    assert found.addresses == {OWN}


async def test_a_pod_that_is_being_deleted_stays_until_it_is_gone(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")
    async with following(api.discovery()) as discovery:
        events = discovery.statistics.events
        api.delete("observer-1", grace=30)
        await until(lambda: discovery.statistics.events > events)
        meanwhile = await discovery.found()
        api.delete("observer-1")
        await until_found(discovery, lambda found: found.founders == {OWN})

    assert meanwhile.addresses == meanwhile.founders == {OWN, "10.0.0.2:5601"}


async def test_a_pod_that_is_replaced_under_its_name_is_found_at_its_new_address(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")
    async with following(api.discovery()) as discovery:
        api.delete("observer-1")
        api.create_running("observer-1", "10.0.0.7")
        found = await until_found(discovery, lambda found: "10.0.0.7:5601" in found.addresses)

    assert found.addresses == found.founders == {OWN, "10.0.0.7:5601"}


async def test_pods_come_and_go(api: Api) -> None:
    many = {f"observer-{index + 1}": f"10.0.0.{index + 10}" for index in range(5)}
    async with following(api.discovery()) as discovery:
        for name, ip in many.items():
            api.create_running(name, ip)
        await until_found(discovery, lambda found: found.addresses == {OWN, *(f"{ip}:5601" for ip in many.values())})
        for name in [*many][2:]:
            api.delete(name)
        found = await until_found(discovery, lambda found: len(found.addresses) <= 3)

    assert found.addresses == {OWN, "10.0.0.10:5601", "10.0.0.11:5601"}


async def test_the_own_pod_is_not_found_twice(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")

    async with following(api.discovery()) as discovery:
        found = await discovery.found()

    assert found.addresses == {OWN, "10.0.0.2:5601"}
    assert discovery.statistics.peers == 1


async def test_pods_of_ipv6_are_found(api: Api) -> None:
    api.create_running("observer-1", "fd00::2")

    async with following(api.discovery()) as discovery:
        assert (await discovery.found()).addresses == {OWN, "[fd00::2]:5601"}


async def test_pods_behind_a_service_go_by_name_and_their_ip_addresses_are_told(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")
    name = f"observer-1.observers.{api.namespace}.svc.cluster.local"

    async with following(api.discovery(service="observers")) as discovery:
        found = await discovery.found()

    assert found.addresses == {OWN, f"{name}:5601"}
    assert found.hosts[name] == "10.0.0.2"


async def test_without_the_own_pod_nothing_is_found(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")
    async with following(api.discovery()) as discovery:
        api.delete("observer-0")
        await until(lambda: discovery.statistics.pods == 1)

        with pytest.raises(OSError, match=rf"is known as {OWN}, .* \(1 pods of namespace {api.namespace}, prefix obs"):
            await discovery.found()


async def test_pods_of_other_names_are_not_found(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")
    api.create_running("other-1", "10.0.0.3")

    async with following(api.discovery()) as discovery:
        api.create_running("other-2", "10.0.0.4")
        api.create_running("observer-2", "10.0.0.5")
        found = await until_found(discovery, lambda found: len(found.addresses) > 2)

    assert found.addresses == {OWN, "10.0.0.2:5601", "10.0.0.5:5601"}


async def test_pods_of_other_labels_are_not_found(api: Api) -> None:
    api.create_running("a", "10.0.0.2")
    api.create_running("b", "10.0.0.3", labels={"app": "other"})

    async with following(api.discovery(prefix="", label_selector="app=observer")) as discovery:
        api.create_running("c", "10.0.0.4", labels={"app": "other"})
        api.create_running("d", "10.0.0.5")
        found = await until_found(discovery, lambda found: len(found.addresses) > 2)

    assert found.addresses == {OWN, "10.0.0.2:5601", "10.0.0.5:5601"}


async def test_a_pod_that_loses_its_label_is_no_longer_found(api: Api) -> None:
    api.create_running("a", "10.0.0.2")

    async with following(api.discovery(prefix="", label_selector="app=observer")) as discovery:
        api.core.patch_namespaced_pod("a", api.namespace, {"metadata": {"labels": {"app": "other"}}})
        await until_found(discovery, lambda found: found.founders == {OWN})


async def test_pods_of_other_namespaces_are_not_found(api: Api) -> None:
    api.core.create_namespaced_pod(
        "default",
        {"metadata": {"name": "observer-9"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}},
    )
    try:
        async with following(api.discovery()) as discovery:
            assert (await discovery.found()).founders == {OWN}
    finally:
        api.core.delete_namespaced_pod("observer-9", "default", grace_period_seconds=0)


async def test_a_list_is_followed_page_by_page(api: Api) -> None:
    for index in range(2, 7):
        api.create_running(f"observer-{index}", f"10.0.0.{index}")

    async with following(api.discovery(limits=ApiLimits(page_size=2))) as discovery:
        found = await discovery.found()

    assert len(found.addresses) == 6
    assert discovery.statistics.lists == 1


# Whom the server refuses, and what goes on when it is away


async def test_a_refusal_is_told_with_the_permission_that_is_missing(api: Api) -> None:
    api.server.revoke()

    async with following(api.discovery()) as discovery:
        with pytest.raises(OSError, match=rf"list pods in namespace {api.namespace} is not allowed .* needs a Role"):
            await discovery.found()


async def test_who_gets_the_permission_finds_pods_without_a_new_start(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")
    api.server.revoke()

    async with following(api.discovery(limits=ApiLimits(longest_retry_in_s=0.5))) as discovery:
        api.server.grant()
        await until_found(discovery, lambda found: "10.0.0.2:5601" in found.addresses)

    assert discovery.statistics.failures[Failure.REFUSED] >= 1


async def test_who_loses_the_permission_keeps_the_pods_that_were_known(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")

    async with following(api.discovery(limits=ApiLimits(watch_in_s=1))) as discovery:
        api.server.revoke()
        await until(lambda: discovery.statistics.failures[Failure.REFUSED] >= 2)
        found = await discovery.found()

    assert found.addresses == {OWN, "10.0.0.2:5601"}


async def test_a_token_that_is_none_is_told_as_such(api: Api, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text(api.kubeconfig.read_text().replace('"token": "', '"token": "un'))
    discovery = K8sPodsDiscovery(Pods(prefix="observer-", namespace=api.namespace), OWN, by(wrong))

    async with following(discovery):
        with pytest.raises(OSError, match=r"it does not know whose token it is given \(401\)"):
            await discovery.found()


async def test_while_the_server_is_away_pods_stay_known_and_then_they_are_followed_again(api: Api) -> None:
    api.create_running("observer-1", "10.0.0.2")

    async with following(api.discovery(limits=ApiLimits(longest_retry_in_s=0.5))) as discovery:
        await until(lambda: discovery.statistics.watches > 0)
        api.server.stop()
        try:
            await until(lambda: discovery.statistics.failures[Failure.UNREACHABLE] >= 2)
            meanwhile = await discovery.found()
        finally:
            api.server.start()
        api.create_running("observer-2", "10.0.0.3")
        found = await until_found(discovery, lambda found: "10.0.0.3:5601" in found.addresses)

    assert meanwhile.addresses == {OWN, "10.0.0.2:5601"}
    assert found.addresses == {OWN, "10.0.0.2:5601", "10.0.0.3:5601"}
