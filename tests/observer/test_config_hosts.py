import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.names import address, host_and_port
from observer.config.hosts import host, is_loopback, is_wildcard, overlap, reachable_host


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Observer-1.Observer.svc", "observer-1.observer.svc"),
        ("my_peer", "my_peer"),
        (" 10.0.0.1 ", "10.0.0.1"),
        ("[::1]", "::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("0.0.0.0", "0.0.0.0"),
    ],
)
def test_a_host_has_one_spelling(written: str, meant: str) -> None:
    assert host(written) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "a:5601", "ws://a", "a/b", "a#b", "-a", "a..b", "a.", "[a]", "1.2.3", "0", "256.0.0.1"),
        *("::1%a#b", "[::1", "ü", "a\nb", "a" * 64, ".".join(["a" * 60] * 5)),
    ],
)
def test_what_names_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected the name or IP address of a host$"):
        host(text)


@pytest.mark.parametrize("text", ["0.0.0.0", "::", "[::]"])
def test_nobody_can_connect_to_all_addresses_of_a_machine(text: str) -> None:
    assert is_wildcard(host(text))
    with pytest.raises(ValueError, match=r"^expected a host that others can connect to$"):
        reachable_host(text)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_is_what_only_its_own_machine_reaches(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "loopback", "::ffff:127.0.0.1"])
def test_a_host_that_may_be_reached_from_elsewhere_is_no_loopback(name: str) -> None:
    assert not is_loopback(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.0.0.0", "10.0.0.1"), ("a", "::"), ("a", "a"), ("localhost", "127.0.0.1"), ("::1", "localhost")],
)
def test_hosts_overlap_where_one_port_cannot_be_had_at_both(one: str, other: str) -> None:
    assert overlap(one, other)


@pytest.mark.parametrize(("one", "other"), [("10.0.0.1", "10.0.0.2"), ("a", "b"), ("::1", "127.0.0.1"), ("a", "::1")])
def test_hosts_that_may_be_apart_do_not_overlap(one: str, other: str) -> None:
    assert not overlap(one, other)


@given(st.text(max_size=30) | st.ip_addresses().map(str), st.integers(min_value=1, max_value=65_535))
def test_any_text_is_a_host_that_makes_an_address_or_is_refused(text: str, port: int) -> None:
    try:
        name = host(text)
    except ValueError:
        return

    assert host_and_port(address(name, port)) == (name, port)
