from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ingest import AccessTokens, Algorithm, Security, Sources
from tests.ingest.tokens import OTHER_SECRET, SECRET, ec_key, pem, private_pem, rsa_key


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"algorithm": Algorithm.HS256}, "HS256 needs secret"),
        ({"algorithm": Algorithm.HS256, "secret": ""}, "HS256 needs secret"),
        ({"algorithm": Algorithm.RS256}, "RS256 needs publicKey or publicKeyFile"),
        ({"algorithm": Algorithm.HS256, "public_key": "x"}, "HS256 needs secret, not publicKey"),
        ({"algorithm": Algorithm.ES256, "secret": SECRET}, "ES256 needs publicKey or publicKeyFile, not secret"),
        (
            {"algorithm": Algorithm.ES256, "public_key": "x", "public_key_file": "y"},
            "ES256 needs publicKey or publicKeyFile, not publicKey and publicKeyFile",
        ),
        ({"algorithm": Algorithm.HS256, "secret": "s" * 31}, "secret is too short: it needs at least 32 bytes"),
        (
            {"algorithm": Algorithm.HS256, "secret": SECRET, "former_secret": "s"},
            "formerSecret is too short: it needs at least 32 bytes",
        ),
        (
            {"algorithm": Algorithm.ES256, "public_key": pem(ec_key()), "former_secret": OTHER_SECRET},
            "formerSecret is of no use with ES256",
        ),
        ({"algorithm": Algorithm.HS256, "secret": pem(rsa_key())}, "secret is a key in PEM"),
        ({"algorithm": Algorithm.RS256, "public_key": "no key"}, "publicKey holds no key in PEM"),
        ({"algorithm": Algorithm.RS256, "public_key": private_pem(rsa_key())}, "publicKey holds a private key"),
        ({"algorithm": Algorithm.RS256, "public_key": pem(ec_key())}, "publicKey does not fit: RS256 needs an RSA key"),
        ({"algorithm": Algorithm.ES256, "public_key": pem(rsa_key())}, "publicKey does not fit: ES256 needs a key of"),
        ({"algorithm": Algorithm.RS256, "public_key": pem(rsa_key(1024))}, "publicKey is too small for RS256"),
        ({"algorithm": Algorithm.ES256, "public_key": pem(ec_key()) * 17}, "publicKey holds more than 16 keys"),
        (
            {"algorithm": Algorithm.ES256, "public_key": pem(ec.generate_private_key(ec.SECP384R1()))},
            "publicKey does not fit: ES256 needs a key of the curve P-256",
        ),
        (
            {
                "algorithm": Algorithm.RS256,
                "public_key": "-----BEGIN PUBLIC KEY-----\nbm8ga2V5\n-----END PUBLIC KEY-----",
            },
            "publicKey holds something that is no public key in PEM: PUBLIC KEY",
        ),
        (
            {"algorithm": Algorithm.RS256, "public_key_file": "/nowhere/key.pem"},
            "publicKeyFile /nowhere/key.pem cannot",
        ),
    ],
)
def test_keys_that_cannot_serve_are_named(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        AccessTokens(**settings)


def test_public_keys_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.pem"
    file.write_text(f"The first\n{pem(ec_key())}\nThe second\n{pem(ec_key(1))}")

    assert len(AccessTokens(Algorithm.ES256, public_key_file=str(file)).keys()) == 2


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ValueError, match=r"publicKeyFile .* cannot be read: it is no text in ASCII"):
        AccessTokens(Algorithm.ES256, public_key_file=str(file))


def test_secrets_do_not_show_where_settings_are_printed() -> None:
    settings = AccessTokens(Algorithm.HS256, secret=SECRET, former_secret=OTHER_SECRET)

    assert SECRET not in repr(Sources(security=Security(settings)))
    assert OTHER_SECRET not in repr(settings)


def test_no_tokens_are_asked_for_by_default() -> None:
    assert Sources().security.access_tokens is None
