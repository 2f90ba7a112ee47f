"""Which pods are peers, and by which address."""

import pytest

from discovery import Found
from discovery.pods import Pod, Pods, found_among, is_founder, one_spelling

OWN = "10.0.0.1:5601"
SETTINGS = Pods(prefix="observer-")
NAMED = Pods(prefix="observer-", namespace="calls", service="observers")
OWN_NAME = "observer-0.observers.calls.svc.cluster.local:5601"


def pod(name: str, *ips: str, phase: str = "Running", scheduled: bool = True) -> Pod:
    return Pod(name, f"uid of {name}", phase, scheduled, ips)


def found(*pods: Pod, settings: Pods = SETTINGS, own: str = OWN) -> Found:
    return found_among(pods, settings, own)


def test_a_pod_that_runs_is_found_at_its_ip_address() -> None:
    assert found(pod("observer-1", "10.0.0.2")).addresses == {OWN, "10.0.0.2:5601"}


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert found(pod("observer-1", "fd00::2")).addresses == {OWN, "[fd00::2]:5601"}


def test_of_several_ip_addresses_the_first_is_the_one_that_a_pod_is_known_by() -> None:
    assert found(pod("observer-1", "10.0.0.2", "fd00::2")).addresses == {OWN, "10.0.0.2:5601"}


@pytest.mark.parametrize("phase", ["Pending", "Unknown", "Succeeded", "Failed", ""])
def test_a_pod_that_does_not_run_is_not_found(phase: str) -> None:
    assert found(pod("observer-1", "10.0.0.2", phase=phase)).addresses == {OWN}


def test_a_pod_without_an_ip_address_is_not_found() -> None:
    assert found(pod("observer-1")).addresses == {OWN}


@pytest.mark.parametrize("phase", ["Pending", "Running", "Unknown"])
def test_a_pod_that_has_a_node_and_has_not_ended_is_a_founder(phase: str) -> None:
    assert found(pod("observer-1", "10.0.0.2", phase=phase)).founders == {OWN, "10.0.0.2:5601"}


def test_a_pod_without_a_node_is_no_founder_as_it_has_never_run() -> None:
    assert found(pod("observer-1", phase="Pending", scheduled=False)).founders == {OWN}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_no_founder(phase: str) -> None:
    assert found(pod("observer-1", "10.0.0.2", phase=phase)).founders == {OWN}


def test_a_founder_that_has_no_ip_address_yet_goes_by_its_name() -> None:
    assert found(pod("observer-1", phase="Pending")).founders == {OWN, "observer-1:5601"}


def test_nobody_but_oneself_is_found_among_no_pods() -> None:
    assert found() == Found(frozenset({OWN}), frozenset({OWN}))


def test_the_own_pod_is_not_found_twice() -> None:
    assert found(pod("observer-0", "10.0.0.1")) == Found(frozenset({OWN}), frozenset({OWN}))


def test_the_own_pod_is_known_by_any_of_its_ip_addresses() -> None:
    assert found(pod("observer-0", "10.0.0.1", "fd00::1"), own="[FD00:0::1]:5601").founders == {"[FD00:0::1]:5601"}


def test_the_own_pod_is_known_by_its_name_where_pods_go_by_ip_addresses() -> None:
    assert found(pod("observer-0", "10.0.0.1"), own=OWN_NAME).addresses == {OWN_NAME}


def test_the_own_pod_is_known_before_it_has_an_ip_address() -> None:
    assert found(pod("observer-0", phase="Pending"), own=OWN_NAME).founders == {OWN_NAME}


def test_another_pod_whose_name_begins_like_the_own_one_is_another_pod() -> None:
    assert found(pod("observer-1", "10.0.0.2"), own="observer-11.observers:5601").addresses == {
        "observer-11.observers:5601",
        "10.0.0.2:5601",
    }


def test_a_pod_that_is_called_like_the_beginning_of_the_own_ip_address_is_another_pod() -> None:
    assert found(pod("10", "10.0.0.2")).addresses == {OWN, "10.0.0.2:5601"}


def test_a_pod_of_the_network_of_the_own_host_that_has_ended_does_not_hide_oneself() -> None:
    assert found(pod("observer-9", "10.0.0.1", phase="Failed")).addresses == {OWN}


def test_behind_a_service_a_pod_goes_by_its_name_there() -> None:
    addresses = found(pod("observer-1", "10.0.0.2"), settings=NAMED, own=OWN_NAME).addresses

    assert addresses == {OWN_NAME, "observer-1.observers.calls.svc.cluster.local:5601"}


def test_behind_a_service_the_own_pod_is_not_found_twice() -> None:
    assert found(pod("observer-0", "10.0.0.1"), settings=NAMED, own=OWN_NAME).founders == {OWN_NAME}


def test_behind_a_service_a_founder_goes_by_the_same_name_before_it_has_an_ip_address() -> None:
    founders = found(pod("observer-1", phase="Pending"), settings=NAMED, own=OWN_NAME).founders

    assert founders == {OWN_NAME, "observer-1.observers.calls.svc.cluster.local:5601"}


def test_behind_a_service_hosts_tell_the_ip_address_of_a_name() -> None:
    hosts = found(pod("observer-1", "10.0.0.2", "fd00::2"), settings=NAMED, own=OWN_NAME).hosts

    assert hosts == {"observer-1.observers.calls.svc.cluster.local": "10.0.0.2"}


def test_hosts_do_not_tell_the_ip_address_of_a_pod_that_has_ended() -> None:
    assert found(pod("observer-1", "10.0.0.2", phase="Failed"), settings=NAMED, own=OWN_NAME).hosts == {}


def test_the_domain_of_the_cluster_may_be_another() -> None:
    settings = Pods(prefix="o", service="s", namespace="n", cluster_domain="example.org", port=7000)

    assert "o-1.s.n.svc.example.org:7000" in found(pod("o-1", "10.0.0.2"), settings=settings).addresses


def test_names_behind_a_service_are_exact_and_ip_addresses_need_not_be() -> None:
    assert [found(settings=settings, own=OWN_NAME).exact for settings in (NAMED, SETTINGS)] == [True, False]


def test_behind_a_service_a_pod_whose_name_the_own_one_goes_on_from_is_another_pod() -> None:
    assert len(found(pod("o.v2", "10.0.0.2"), settings=NAMED, own="o.v2.observers:5601").founders) == 2


def test_behind_a_service_the_name_of_the_machine_is_that_of_the_pod() -> None:
    assert found(pod("observer-0", "10.0.0.1"), settings=NAMED, own="observer-0:5601").founders == {"observer-0:5601"}


def test_a_pod_whose_name_is_too_long_to_be_called_by_is_nobody() -> None:
    assert found(pod("observer-" + 240 * "x", "10.0.0.2"), settings=NAMED, own=OWN_NAME) == found(
        settings=NAMED, own=OWN_NAME
    )


def test_behind_a_service_the_own_pod_is_known_in_any_spelling_of_the_domain() -> None:
    settings = Pods(prefix="o", service="s", cluster_domain="Cluster.Example")
    assert is_founder([pod("o-0", "10.0.0.1")], settings, "o-0.s.default.svc.Cluster.Example:5601")


# Whether one is among them


def test_who_is_listed_and_has_a_node_is_a_founder() -> None:
    assert is_founder([pod("observer-0", phase="Pending")], NAMED, OWN_NAME)


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [pod("observer-1", "10.0.0.2")],
        [pod("observer-0", scheduled=False)],
        [pod("observer-0", "10.0.0.1", phase="Failed")],
    ],
)
def test_who_is_not_listed_or_has_no_node_or_has_ended_is_none(listed: list[Pod]) -> None:
    assert not is_founder(listed, NAMED, OWN_NAME)


def test_the_name_of_a_pod_of_another_namespace_is_not_ones_own() -> None:
    assert not is_founder([pod("observer-0", "10.0.0.1")], NAMED, "observer-0.observers.other.svc.cluster.local:5601")


def test_who_goes_by_its_ip_address_is_none_before_that_is_known() -> None:
    assert not is_founder([pod("observer-0")], SETTINGS, OWN)


def test_who_says_neither_how_pods_are_called_nor_labelled_would_find_everybody() -> None:
    with pytest.raises(ValueError, match="prefix or labelSelector must say which pods are peers"):
        Pods(namespace="calls")


@pytest.mark.parametrize(
    ("written", "spelled"),
    [("10.0.0.1", "10.0.0.1"), ("FD00:0:0::1", "fd00::1"), ("", None), ("10.0.0", None), (None, None), (7, None)],
)
def test_an_ip_address_has_one_spelling_and_nothing_else_has_any(written: object, spelled: str | None) -> None:
    assert one_spelling(written) == spelled
