"""What an API server says is read, and the list of pods follows it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.pod_list import (
    ApiFailed,
    Ended,
    Event,
    Failure,
    Opened,
    Page,
    PodList,
    failed_with,
    read_event,
    read_page,
)
from discovery.pods import ApiLimits, Pod, Pods

SETTINGS = Pods(prefix="observer-", namespace="calls")


def known(name: str, uid: str = "u", ip: str = "10.0.0.2", phase: str = "Running") -> Pod:
    return Pod(name, uid, phase, True, (ip,) if ip else ())


def a_list(*pods: Pod, settings: Pods = SETTINGS) -> PodList:
    pod_list = PodList(settings)
    pod_list.heard(Page(list(pods), "7", ""))
    return pod_list


def raw(name: str = "observer-1", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": "u", "resourceVersion": "8", "managedFields": [{"manager": "x"}]},
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running", "podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.2"}], **status},
    }


def page(*pods: dict[str, Any], **meta: str) -> bytes:
    return orjson.dumps({"kind": "PodList", "metadata": {"resourceVersion": "7", **meta}, "items": pods})


def event(kind: str, content: object) -> bytes:
    return orjson.dumps({"type": kind, "object": content})


def failure_of(text: bytes) -> Failure:
    with pytest.raises(ApiFailed) as raised:
        read_event(text, SETTINGS)
    return raised.value.failure


# What is known


def test_nothing_is_known_before_a_list_is_complete() -> None:
    pod_list = PodList(SETTINGS)

    pod_list.heard(Page([known("observer-1")], "7", "further"))

    assert (pod_list.listed, pod_list.pods, pod_list.version) == (False, (), None)


def test_a_list_is_complete_with_its_last_page() -> None:
    pod_list = PodList(SETTINGS)
    pod_list.heard(Page([known("observer-1")], "7", "further"))

    pod_list.heard(Page([known("observer-2")], "7", ""))

    assert (pod_list.listed, pod_list.version) == (True, "7")
    assert pod_list.pods == (known("observer-1"), known("observer-2"))


def test_pods_that_are_not_in_a_new_list_are_no_more() -> None:
    pod_list = a_list(known("observer-1"), known("observer-2"))

    pod_list.heard(Page([known("observer-2")], "9", ""))

    assert pod_list.pods == (known("observer-2"),)


def test_while_a_new_list_is_coming_the_old_one_stays() -> None:
    pod_list = a_list(known("observer-1"))

    pod_list.heard(Page([], "9", "further"))

    assert pod_list.pods == (known("observer-1"),)


def test_half_a_list_is_forgotten_when_the_talk_ends() -> None:
    pod_list = PodList(SETTINGS)
    pod_list.heard(Page([known("observer-1")], "7", "further"))
    pod_list.failed(Failure.TIMEOUT)

    pod_list.heard(Page([known("observer-2")], "9", ""))

    assert pod_list.pods == (known("observer-2"),)


def test_pods_whose_names_begin_otherwise_are_left_out() -> None:
    pod_list = a_list(known("observer-1"), known("other-1"))

    changed = pod_list.heard(Event(known("another-1"), "8"))

    assert not changed
    assert pod_list.pods == (known("observer-1"),)


def test_events_of_other_pods_make_the_version_newer_all_the_same() -> None:
    pod_list = a_list()

    pod_list.heard(Event(known("other-1"), "8"))

    assert pod_list.version == "8"


def test_a_pod_that_is_added_is_known() -> None:
    pod_list = a_list()

    changed = pod_list.heard(Event(known("observer-1"), "8"))

    assert changed
    assert pod_list.pods == (known("observer-1"),)


def test_a_pod_that_changes_is_known_as_it_is_now() -> None:
    pod_list = a_list(known("observer-1", ip="", phase="Pending"))

    pod_list.heard(Event(known("observer-1"), "8"))

    assert pod_list.pods == (known("observer-1"),)


def test_a_pod_that_is_deleted_is_no_more() -> None:
    pod_list = a_list(known("observer-1"))

    pod_list.heard(Event(known("observer-1"), "8", gone=True))

    assert pod_list.pods == ()


def test_a_pod_that_took_the_name_of_a_deleted_one_stays() -> None:
    pod_list = a_list(known("observer-1", uid="old"))
    pod_list.heard(Event(known("observer-1", uid="new"), "8"))

    pod_list.heard(Event(known("observer-1", uid="old"), "9", gone=True))

    assert pod_list.pods == (known("observer-1", uid="new"),)


@pytest.mark.parametrize("word", [Opened(), Ended(), Event(None, "7")])
def test_a_word_that_tells_of_no_pod_changes_none(word: Opened | Ended | Event) -> None:
    pod_list = a_list(known("observer-1"))

    pod_list.heard(word)

    assert (pod_list.pods, pod_list.version) == ((known("observer-1"),), "7")


def test_a_bookmark_makes_the_version_newer() -> None:
    pod_list = a_list()

    pod_list.heard(Event(None, "12"))

    assert pod_list.version == "12"


@pytest.mark.parametrize("failure", Failure)
def test_pods_stay_known_whatever_fails(failure: Failure) -> None:
    pod_list = a_list(known("observer-1"))

    pod_list.failed(failure)

    assert (pod_list.listed, pod_list.pods) == (True, (known("observer-1"),))


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.UNREACHABLE, Failure.CUT, Failure.UNAUTHORIZED])
def test_a_watch_goes_on_where_a_talk_broke_off(failure: Failure) -> None:
    pod_list = a_list()

    pod_list.failed(failure)

    assert pod_list.version == "7"


@pytest.mark.parametrize("failure", [Failure.GONE, Failure.REFUSED, Failure.MALFORMED, Failure.TOO_MUCH, Failure.ERROR])
def test_all_pods_are_listed_anew_where_there_is_no_telling_what_was_missed(failure: Failure) -> None:
    pod_list = a_list()

    pod_list.failed(failure)

    assert pod_list.version is None


def test_a_list_of_more_pods_than_there_may_be_leaves_those_that_were_known() -> None:
    pod_list = a_list(known("observer-1"), settings=Pods(prefix="observer-", limits=ApiLimits(max_pods=1)))

    with pytest.raises(ApiFailed, match=r"more than 1 pods would be peers \(limits.maxPods\)"):
        pod_list.heard(Page([known("observer-2"), known("observer-3")], "8", ""))

    assert pod_list.pods == (known("observer-1"),)


def test_an_event_of_one_pod_too_many_leaves_those_that_were_known() -> None:
    pod_list = a_list(known("observer-1"), settings=Pods(prefix="observer-", limits=ApiLimits(max_pods=1)))

    with pytest.raises(ApiFailed):
        pod_list.heard(Event(known("observer-2"), "8"))

    assert pod_list.pods == (known("observer-1"),)


# What is read


def test_a_page_is_read() -> None:
    assert read_page(page(raw(), **{"continue": "further"})) == Page([known("observer-1")], "7", "further")


@pytest.mark.parametrize("items", [[], None])
def test_a_page_may_be_empty(items: object) -> None:
    body = orjson.dumps({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": items})

    assert read_page(body) == Page([], "7", "")


def test_a_pod_of_both_families_has_both_its_ip_addresses_and_the_first_is_that_of_the_pod() -> None:
    ips = [{"ip": "fd00::2"}, {"ip": "10.0.0.2"}]

    assert read_page(page(raw(podIPs=ips))).pods[0].ips == ("10.0.0.2", "fd00::2")


def test_an_ip_address_that_is_none_is_left_out() -> None:
    assert read_page(page(raw(podIP="here", podIPs=[{"ip": None}, {}]))).pods[0].ips == ()


def test_a_pod_that_was_just_made_has_neither_node_nor_phase_nor_ip_address() -> None:
    new = {"metadata": {"name": "observer-1", "uid": "u"}, "spec": {}}

    assert read_page(page(new)).pods == [Pod("observer-1", "u", "", False, ())]


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_an_event_tells_how_a_pod_is_now(kind: str) -> None:
    assert read_event(event(kind, raw()), SETTINGS) == Event(known("observer-1"), "8")


def test_an_event_tells_that_a_pod_was_deleted() -> None:
    assert read_event(event("DELETED", raw()), SETTINGS) == Event(known("observer-1"), "8", gone=True)


def test_a_bookmark_tells_a_version_only() -> None:
    bookmark = event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "12"}})

    assert read_event(bookmark, SETTINGS) == Event(None, "12")


def test_a_watch_may_say_that_its_version_is_gone() -> None:
    assert failure_of(event("ERROR", {"kind": "Status", "code": 410, "message": "too old"})) is Failure.GONE


@pytest.mark.parametrize("error", [{"kind": "Status", "code": 500}, {"kind": "Status"}, {}])
def test_a_watch_may_say_that_it_cannot_go_on(error: object) -> None:
    assert failure_of(event("ERROR", error)) is Failure.ERROR


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"null",
        b'{"type":"ADDED"}',
        b"\xff\xfe",
        event("NEW", raw()),
        event("ADDED", []),
        event("ADDED", {}),
        event("ADDED", raw() | {"metadata": {"name": "observer-1", "uid": "u"}}),
        event("ADDED", raw() | {"metadata": {"name": 7, "uid": "u", "resourceVersion": "8"}}),
        event("BOOKMARK", {"metadata": {"resourceVersion": ""}}),
    ],
)
def test_an_event_that_is_none_is_malformed(line: bytes) -> None:
    assert failure_of(line) is Failure.MALFORMED


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'"pods"', page()[:-1], page().replace(b"PodList", b"Table"), page(raw(), resourceVersion="")],
)
def test_a_page_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(ApiFailed, match="what it said cannot be understood") as raised:
        read_page(body)

    assert raised.value.failure is Failure.MALFORMED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "status", "name", "uid", "podIP", "podIPs", "ip", "items", "object"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]))
def test_nothing_that_an_api_server_may_say_does_more_harm_than_to_end_the_talk(content: object, kind: str) -> None:
    for read in (
        lambda: read_event(event(kind, content), SETTINGS),
        lambda: read_page(orjson.dumps({"kind": "PodList", "metadata": content, "items": content})),
        lambda: read_page(orjson.dumps({"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": [content]})),
    ):
        try:
            read()
        except ApiFailed as failed:
            assert failed.failure in (Failure.MALFORMED, Failure.ERROR)  # noqa: PT017


# What a refusal says


def status(message: str) -> bytes:
    return orjson.dumps({"kind": "Status", "message": message})


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_refusal_says_which_permission_is_missing(verb: str) -> None:
    failed = failed_with(403, status('pods is forbidden: User "x" cannot list resource "pods"'), verb, SETTINGS)

    assert failed.failure is Failure.REFUSED
    assert str(failed) == (
        f"{verb} pods in namespace calls is not allowed (403): the service account needs a Role with list and watch "
        'on pods, and a RoleBinding, in namespace calls: pods is forbidden: User "x" cannot list resource "pods"'
    )


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (401, Failure.UNAUTHORIZED),
        (410, Failure.GONE),
        (429, Failure.ERROR),
        (500, Failure.ERROR),
        (302, Failure.ERROR),
    ],
)
def test_other_answers_are_failures_of_other_kinds(code: int, failure: Failure) -> None:
    failed = failed_with(code, b"<html>", "list", SETTINGS)

    assert failed.failure is failure
    assert str(code) in str(failed)


def test_what_a_server_says_fits_on_a_line() -> None:
    assert str(failed_with(500, status("a\nb\x1b[2J" + "c" * 1000), "list", SETTINGS)) == (
        "it answered 500: a b [2J" + "c" * 293
    )


def test_the_page_of_a_proxy_is_not_repeated() -> None:
    assert str(failed_with(502, b'{"message": "who knows"}', "list", SETTINGS)) == "it answered 502"
