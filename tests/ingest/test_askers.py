"""Who asks behind proxies, and who of them is private."""

import pytest

from ingest.askers import PRIVATE_NETWORKS, asker, is_private, networks

TRUSTED = networks(PRIVATE_NETWORKS)


@pytest.mark.parametrize(
    "peer",
    [
        *["127.0.0.1", "127.8.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.7.7", "169.254.1.1"],
        *["::1", "fd00::5", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:10.0.0.5"],
    ],
)
def test_addresses_of_private_networks_are_private(peer: str) -> None:
    assert is_private(asker(peer, None, TRUSTED))


@pytest.mark.parametrize(
    "peer",
    [
        *["203.0.113.5", "172.32.0.1", "172.15.0.1", "11.0.0.1", "192.169.0.1", "0.0.0.0"],
        *["2001:db8::1", "::ffff:203.0.113.5", "::", "nonsense", "", None],
    ],
)
def test_all_others_are_not(peer: str | None) -> None:
    assert not is_private(asker(peer, None, TRUSTED))


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "10.0.0.5", "10.0.0.5"),
        ("127.0.0.1", "10.0.0.5, 203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "203.0.113.5, 10.0.0.5", "203.0.113.5"),
        ("::ffff:127.0.0.1", "203.0.113.5:4711", "203.0.113.5"),
        ("::1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("203.0.113.9", "10.0.0.5", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "unknown", "None"),
        ("127.0.0.1", "10.0.0.5, ", "None"),
        (None, "10.0.0.5", "None"),
    ],
)
def test_who_asks_is_the_right_most_address_of_nobody_who_is_trusted(
    peer: str | None, forwarded: str, who: str
) -> None:
    assert str(asker(peer, forwarded, TRUSTED)) == who


def test_where_nobody_is_trusted_what_is_forwarded_says_nothing() -> None:
    assert str(asker("127.0.0.1", "203.0.113.5", ())) == "127.0.0.1"
