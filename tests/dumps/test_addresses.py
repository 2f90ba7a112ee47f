"""Addresses in texts: what is left of them."""

import pytest

from dumps.addresses import masked, masked_candidate, masked_sdp, masked_text, rewritten_candidate


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("1.2.3.4", "1.2.3.x"),
        (" 10.1.2.3", " 10.1.2.x"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1x:x:x:x:x:x"),
        ("2001:DB8::8:800:200C:417A", "2001:DB8:x:x:x:x:x:x"),
    ],
)
def test_an_address_is_masked_as_the_original_does(address: str, left: str) -> None:
    assert masked(address) == left


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("fe80::1", "fe80::x:x:x:x:x:x"),
        ("fe80::1%eth0", "fe80::x:x:x:x:x:x"),
        ("::2", "::x:x:x:x:x:x"),
        ("::2:3", "::x:x:x:x:x:x"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.x"),
        ("[2001:db8::1]", "[2001:db8:x:x:x:x:x:x]"),
        ("[2001:db8::1]:99", "[2001:db8:x:x:x:x:x:x]:99"),
        ("1.2.3.4:99", "1.2.3.x:99"),
    ],
)
def test_less_is_left_where_the_original_lets_an_address_through(address: str, left: str) -> None:
    assert masked(address) == left


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "::1", "", "host.local", "x.x.x.x", "x:x:x:x:x:x:x:x"])
def test_what_is_no_address_of_anybody_stays(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize("address", ["1.2.3.4", "fe80::1", "2001:db8:1:2:3:4:5:6", "1.2.3.4:5", "[::2]:1"])
def test_masking_twice_is_masking_once(address: str) -> None:
    assert masked(masked(address)) == masked(address)


@pytest.mark.parametrize(
    ("candidate", "rewritten"),
    [
        (
            "candidate:1 1 udp 2122260223 192.168.7.44 50001 typ host generation 0 ufrag v1 network-id 1",
            "candidate:1 1 UDP 2122260223 192.168.7.x 50001 typ host ufrag v1",
        ),
        (
            "candidate:4 1 udp 41885439 203.0.113.5 60000 typ relay raddr 198.51.100.99 rport 50001 generation 0",
            "candidate:4 1 UDP 41885439 203.0.113.5 60000 typ relay raddr 198.51.100.x rport 50001",
        ),
        (
            "candidate:2 1 tcp 1 10.0.0.1 9 typ host tcptype active",
            "candidate:2 1 TCP 1 10.0.0.x 9 typ host tcptype active",
        ),
        (
            "candidate:3 1 udp 1 2001:db8:1:2::3 5 typ prflx raddr fe80::1 rport 9",
            "candidate:3 1 UDP 1 2001:db8:1x:x:x:x:x:x 5 typ prflx raddr fe80::x:x:x:x:x:x rport 9",
        ),
        ("candidate:bad", "candidate:bad"),
        ("", ""),
    ],
)
def test_a_candidate_is_written_as_the_original_writes_it(candidate: str, rewritten: str) -> None:
    assert rewritten_candidate(candidate) == rewritten


def test_a_candidate_that_cannot_be_read_is_masked_as_text() -> None:
    assert (
        rewritten_candidate("candidate:1 1 udp 10.0.0.1 fe80::1 9") == "candidate:1 1 udp 10.0.0.x fe80::x:x:x:x:x:x 9"
    )


def test_a_candidate_of_jitsi_keeps_all_but_its_addresses() -> None:
    text = "candidate:1 1 udp 21 10.0.0.1 5 typ srflx raddr 10.0.0.2 rport 6 generation 0 network-cost 10"

    assert masked_candidate(text) == text.replace("10.0.0.1", "10.0.0.x").replace("10.0.0.2", "10.0.0.x")


def test_a_relay_of_jitsi_keeps_its_address() -> None:
    text = "candidate:1 1 udp 21 10.0.0.1 5 typ relay raddr 10.0.0.2 rport 6"

    assert masked_candidate(text) == "candidate:1 1 udp 21 10.0.0.1 5 typ relay raddr 10.0.0.x rport 6"


def test_a_description_loses_the_addresses_of_its_lines() -> None:
    sdp = (
        "v=0\no=- 1 1 IN IP4 9.9.9.9\nc=IN IP6 ::1\na=rtcp:5 IN IP4 1.2.3.4\n"
        "a=candidate:1 1 udp 1 1.2.3.4 5 typ srflx raddr 10.0.0.1 rport 6 generation 0\n"
        "a=remote-candidates:1 10.0.0.1 5"
    )

    assert masked_sdp(sdp, rewritten=True).split("\r\n") == [
        "v=0",
        "o=- 1 1 IN IP4 9.9.9.x",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 UDP 1 1.2.3.x 5 typ srflx raddr 10.0.0.x rport 6",
        "a=remote-candidates:1 10.0.0.x 5",
        "",
    ]


def test_a_fingerprint_is_no_address() -> None:
    line = "a=fingerprint:sha-256 AB:CD:EF:01:23:45:67:89\r\n"

    assert masked_sdp(line, rewritten=True) == line


def test_an_address_at_the_end_of_a_sentence_is_one() -> None:
    assert masked_text("no answer from 10.0.0.1.") == "no answer from 10.0.0.x."


def test_times_and_versions_in_a_text_are_no_addresses() -> None:
    assert masked_text("at 10:15 with 1.2.3") == "at 10:15 with 1.2.3"


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "piece", [".", ":", "1.", "a:", "[", "]", "[:", " ", "a=candidate:", "\n", "1.2.3.4 ", "raddr "]
)
def test_what_somebody_made_up_takes_no_time(piece: str) -> None:
    text = piece * (300_000 // len(piece))

    for function in (masked, masked_text, masked_candidate, rewritten_candidate):
        function(text)
        function(f"candidate:{text}")
    masked_sdp(text, rewritten=True)
    masked_sdp(text, rewritten=False)
