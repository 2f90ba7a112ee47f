"""Certificates: whom they name, which of them TLS takes, how they are renewed, and the command that makes them."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from cluster.certificates import general_name, new_authority, read_authority
from cluster.settings import TlsFiles
from cluster.tls import Tls, covers, names_of
from observer.main import main
from tests.cluster.certificates_for_tests import Certificates, tls
from tests.cluster.linking import link, linked, peers, until


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("node1.example", "node1.example"),
        ("Node1.Example", "nODE1.eXAMPLE"),
        ("*.observer.example", "node1.observer.example"),
        ("*.Observer.example", "node1.observer.EXAMPLE"),
        ("127.0.0.1", "127.0.0.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:db8::a", "2001:DB8:0:0::000a"),
    ],
)
def test_a_certificate_covers(name: str, host: str) -> None:
    assert covers({"another.example", name}, host)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("node1.example", "node2.example"),
        ("node1.example", "node1.example.org"),
        ("example", "node1.example"),
        ("*.observer.example", "observer.example"),
        ("*.observer.example", "a.b.observer.example"),
        ("*.observer.example", ".observer.example"),
        ("*.example", "node1.example"),
        ("*", "node1"),
        ("*.observer.example", "*.observer.example"),
        ("node*.observer.example", "node1.observer.example"),
        ("*.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("::1", "127.0.0.1"),
        ("", ""),
    ],
)
def test_a_certificate_does_not_cover(name: str, host: str) -> None:
    assert not covers({name}, host)


def test_the_names_of_a_certificate_are_its_hosts_and_addresses_only() -> None:
    alternatives = (("DNS", "a.example"), ("IP Address", "0:0:0:0:0:0:0:1\n"), ("URI", "spiffe://x"), ("email", "x@y"))

    assert names_of({"subjectAltName": alternatives, "subject": ((("commonName", "b"),),)}) == {
        "a.example",
        "0:0:0:0:0:0:0:1",
    }


def test_a_certificate_that_was_not_shown_has_no_names() -> None:
    assert names_of(None) == names_of({}) == frozenset()


@pytest.mark.parametrize("host", ["a", "a_b-c.example", "*.b.example", "10.0.0.1", "::1", "x" * 63 + ".example"])
def test_a_host_has_a_name_in_certificates(host: str) -> None:
    assert str(general_name(host).value) == host


@pytest.mark.parametrize(
    "host",
    [
        *("", ".", "a..b", "-a", "a-", "a b", "a/b", "../a", "a:1", "[::1]", "ä.b", "x" * 64, "x." * 127 + "x"),
        *("*", "*.a", "a.*.b", "10.0.0.256", "1.2.3"),
    ],
)
def test_what_is_no_host_has_none(host: str) -> None:
    with pytest.raises(ValueError, match="'"):
        general_name(host)


def test_a_long_host_is_named_all_the_same(tmp_path: Path) -> None:
    host = ".".join(["x" * 60] * 4)

    assert Certificates(tmp_path).tls(host).names == {host}


def test_a_certificate_does_not_outlive_its_authority() -> None:
    now = datetime.now(UTC)
    authority = new_authority(10, now)

    assert authority.issue("a", 100, now).expires_at == authority.pair().expires_at


def test_tls_tells_whom_its_certificate_names_and_when_it_expires(tmp_path: Path) -> None:
    made = Certificates(tmp_path).tls("node1.example")

    assert made.names == {"node1.example"}
    assert timedelta(days=29) < made.expires_at - datetime.now(UTC) <= timedelta(days=30)


def _no_such_file(files: TlsFiles, ours: Certificates) -> None:
    Path(files.cert).unlink()


def _no_such_key(files: TlsFiles, ours: Certificates) -> None:
    Path(files.key).unlink()


def _no_such_authority(files: TlsFiles, ours: Certificates) -> None:
    Path(files.ca).unlink()


def _not_pem(files: TlsFiles, ours: Certificates) -> None:
    Path(files.cert).write_text("nonsense")


def _authority_not_pem(files: TlsFiles, ours: Certificates) -> None:
    Path(files.ca).write_text("")


def _key_not_pem(files: TlsFiles, ours: Certificates) -> None:
    Path(files.key).write_text("nonsense")


def _key_of_another(files: TlsFiles, ours: Certificates) -> None:
    Path(files.key).write_bytes(ours.authority.issue("x", 1, datetime.now(UTC)).key)


def _key_with_passphrase(files: TlsFiles, ours: Certificates) -> None:
    key = load_pem_private_key(Path(files.key).read_bytes(), None)
    secret = BestAvailableEncryption(b"secret")
    Path(files.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))


def _expired(files: TlsFiles, ours: Certificates) -> None:
    ours.files(days=1, ago=2)


def _not_yet_valid(files: TlsFiles, ours: Certificates) -> None:
    ours.files(days=9, ago=-2)


def _of_another_authority(files: TlsFiles, ours: Certificates) -> None:
    ours.files(by=new_authority(1, datetime.now(UTC)))


def _authority_expired(files: TlsFiles, ours: Certificates) -> None:
    former = new_authority(1, datetime.now(UTC) - timedelta(days=2))
    Path(files.ca).write_bytes(former.pair().certificate)


def _authority_itself(files: TlsFiles, ours: Certificates) -> None:
    ours.write(ours.authority.pair(), "127.0.0.1")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_no_such_file, r"127.0.0.1.pem: No such file"),
        (_no_such_key, r"127.0.0.1-key.pem: No such file"),
        (_no_such_authority, r"ca.pem: No such file"),
        (_not_pem, r"127.0.0.1.pem: no certificate in PEM"),
        (_authority_not_pem, r"ca.pem: no certificate in PEM"),
        (_key_not_pem, r"127.0.0.1-key.pem: no private key in PEM"),
        (_key_of_another, r"127.0.0.1-key.pem: the key is not that of the certificate"),
        (_key_with_passphrase, r"127.0.0.1-key.pem: the key has a passphrase"),
        (_expired, r"127.0.0.1.pem: the certificate expired at 2\d\d\d-\d\d-\d\dT"),
        (_not_yet_valid, r"127.0.0.1.pem: the certificate is not valid before 2\d\d\d-"),
        (_of_another_authority, r"127.0.0.1.pem: the certificate was not issued by an authority of .*ca.pem"),
        (_authority_expired, r"ca.pem: the certificate expired at"),
        (_authority_itself, r"127.0.0.1.pem: the certificate has no subject alternative name"),
    ],
)
def test_files_that_cannot_be_used_are_told_of(
    spoil: Callable[[TlsFiles, Certificates], None], told: str, tmp_path: Path
) -> None:
    ours = Certificates(tmp_path)
    files = ours.files()
    spoil(files, ours)

    with pytest.raises(ValueError, match=told):
        tls(files)


def test_a_key_that_everybody_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = Certificates(tmp_path).files()
    Path(files.key).chmod(0o644)
    tls(files)

    assert "can be read by everybody" in caplog.text


def test_a_key_of_its_owner_is_not_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Certificates(tmp_path).tls()

    assert caplog.text == ""


def test_files_that_have_not_changed_are_not_read_again(tmp_path: Path) -> None:
    made = Certificates(tmp_path).tls()

    assert made.accepting() is made.accepting()
    assert made.dialing() is made.dialing()


def test_a_renewed_certificate_is_in_use_at_the_next_connection(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    files = ours.files(days=2)
    made = tls(files)
    former, expires_at = made.accepting(), made.expires_at
    ours.files(days=20)

    assert made.accepting() is not former
    assert made.expires_at - expires_at > timedelta(days=17)


@pytest.mark.parametrize("spoil", [_no_such_file, _not_pem, _key_of_another, _expired])
def test_while_new_files_cannot_be_used_the_former_certificate_is(
    spoil: Callable[[TlsFiles, Certificates], None], tmp_path: Path
) -> None:
    ours = Certificates(tmp_path)
    files = ours.files()
    made = tls(files)
    former = made.dialing()
    spoil(files, ours)

    assert made.dialing() is former
    ours.files()
    assert made.dialing() is not former


async def test_links_come_up_under_a_new_authority_without_a_restart(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    async with linked(ours.tls()) as (a, b):
        renewed = Certificates(tmp_path)
        renewed.files()
        a.transport.keep([])
        a.transport.keep([b.name])
        await until(lambda: len(a.happened) == len(b.happened) == 3)

        assert a.happened[-1] == ("connected", b.name)
        async with peers(1, renewed.tls()) as (c,):
            link(a, c)
            await until(lambda: a.happened[-1] == ("connected", c.name))


def made_tls(folder: Path, host: str) -> Tls:
    """What the command made for a host."""
    return Tls(str(folder / "ca.pem"), str(folder / f"{host}.pem"), str(folder / f"{host}.key"))


def made_by(folder: Path, *arguments: str) -> int:
    return main(["certificates", "--out", str(folder), *arguments])


async def test_what_the_command_makes_links_members(tmp_path: Path) -> None:
    assert made_by(tmp_path / "new", "127.0.0.1") == 0

    async with linked(made_tls(tmp_path / "new", "127.0.0.1")) as (a, b):
        assert a.happened == [("connected", b.name)]


def test_the_lines_for_the_configuration_name_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_by(tmp_path, "node1.example")
    endpoint = yaml.safe_load(capsys.readouterr().out.partition("\n\n")[2])["observer"]["hamok"]["endpoint"]
    files = endpoint["config"]["tls"]

    assert endpoint["config"]["advertisedHost"] == "node1.example"
    assert Tls(files["ca"], files["cert"], files["key"]).names == {"node1.example"}


def test_there_is_a_certificate_for_each_host_once(tmp_path: Path) -> None:
    made_by(tmp_path, "node1.example", "NODE1.example", "::1", "0:0::1", "*.observer.example")

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("_.observer.example.key", "_.observer.example.pem", "__1.key", "__1.pem"),
        *("ca.key", "ca.pem", "node1.example.key", "node1.example.pem"),
    ]


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made_by(tmp_path, "node1.example")
    finally:
        os.umask(before)

    assert {stat.S_IMODE(key.stat().st_mode) for key in tmp_path.glob("*.key")} == {0o600}


def test_the_authority_is_made_once(tmp_path: Path) -> None:
    made_by(tmp_path, "a")
    authority = (tmp_path / "ca.pem").read_bytes()
    made_by(tmp_path, "b")

    assert (tmp_path / "ca.pem").read_bytes() == authority
    for host in ("a", "b"):
        assert made_tls(tmp_path, host).names == {host}


def test_a_certificate_holds_as_long_as_is_asked(tmp_path: Path) -> None:
    made_by(tmp_path, "a", "--days", "7", "--ca-days", "30")
    now = datetime.now(UTC)
    authority = read_authority((tmp_path / "ca.pem").read_bytes(), (tmp_path / "ca.key").read_bytes(), now)

    assert round((made_tls(tmp_path, "a").expires_at - now) / timedelta(days=1)) == 7
    assert round((authority.certificate.not_valid_after_utc - now) / timedelta(days=1)) == 30


def test_nothing_is_replaced_unless_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_by(tmp_path, "a")
    before = (tmp_path / "a.pem").read_bytes()

    assert made_by(tmp_path, "b", "a") == 2
    assert "a.pem is there already" in capsys.readouterr().err
    assert (tmp_path / "a.pem").read_bytes() == before
    assert not (tmp_path / "b.pem").exists()


def test_what_is_asked_for_by_force_is_replaced(tmp_path: Path) -> None:
    made_by(tmp_path, "a")
    before, authority = (tmp_path / "a.pem").read_bytes(), (tmp_path / "ca.pem").read_bytes()

    assert made_by(tmp_path, "--force", "a") == 0
    assert (tmp_path / "a.pem").read_bytes() != before
    assert (tmp_path / "ca.pem").read_bytes() == authority


@pytest.mark.parametrize("host", ["a..b", "../a", "10.0.0.256", "node1:5601", "ca", ""])
def test_a_host_that_is_none_is_told_of_and_nothing_is_made(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made_by(tmp_path / "new", "good.example", host) == 2
    assert repr(host) in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "many", "36501"])
def test_a_number_of_days_that_is_none_is_told_of(days: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        made_by(tmp_path, f"--days={days}", "a")


def test_an_authority_without_its_key_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_by(tmp_path, "a")
    (tmp_path / "ca.key").unlink()

    assert made_by(tmp_path, "b") == 2
    assert "ca.key is missing" in capsys.readouterr().err


def test_an_authority_that_cannot_sign_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_by(tmp_path, "a")
    for end in ("pem", "key"):
        (tmp_path / f"a.{end}").replace(tmp_path / f"ca.{end}")

    assert made_by(tmp_path, "b") == 2
    assert "is not one of an authority" in capsys.readouterr().err


def test_an_authority_that_expired_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    former = new_authority(1, datetime.now(UTC) - timedelta(days=2)).pair()
    (tmp_path / "ca.pem").write_bytes(former.certificate)
    (tmp_path / "ca.key").write_bytes(former.key)

    assert made_by(tmp_path, "b") == 2
    assert "the authority expired at" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert made_by(tmp_path / "file" / "folder", "a") == 1
    assert "file" in capsys.readouterr().err
