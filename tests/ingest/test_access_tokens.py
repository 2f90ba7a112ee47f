import base64
import json
from typing import Any

import jwt
import pytest

from ingest import AccessTokens, Algorithm, BadSamples, Refused
from ingest.access_tokens import AccessControl, keep_granted, token_of
from ingest.grants import Grant
from schemas.messages import Samples
from schemas.samples import Reason
from tests.ingest.taking import decode
from tests.ingest.tokens import NOW, OTHER_SECRET, SECRET, ec_key, hs256, pem, rsa_key, token


def granted(
    shown: str | None, settings: AccessTokens | None = None, *, now: float = NOW, service: str = "svc"
) -> Grant:
    return AccessControl(settings or hs256()).grant(shown, service, "unit", int(now * 1000))


def refused(shown: str | None, settings: AccessTokens | None = None, **rest: Any) -> BadSamples:
    with pytest.raises(BadSamples) as raised:
        granted(shown, settings, **rest)
    return raised.value


def test_a_token_of_the_service_is_taken() -> None:
    grant = granted(token())

    assert (grant.room_id, grant.client_id, grant.user_id, grant.expires) == (None, None, None, (NOW + 60) * 1000)


@pytest.mark.parametrize("shown", [None, ""])
def test_without_a_token_one_is_required(shown: str | None) -> None:
    bad = refused(shown)

    assert (bad.close_code, bad.reason) == (4225, "Access token is required to provide")
    assert (bad.status, bad.headers) == (401, (("WWW-Authenticate", "Bearer"),))
    assert bad.refused is Refused.ACCESS_REQUIRED


def test_an_expired_token_is_refused_as_such() -> None:
    bad = refused(token(), now=NOW + 60)

    assert (bad.close_code, bad.reason, bad.status) == (4224, "Access token is expired", 401)
    assert bad.headers == (("WWW-Authenticate", 'Bearer error="invalid_token", error_description="It is expired"'),)
    assert bad.refused is Refused.ACCESS_EXPIRED


def test_clocks_may_differ_by_the_leeway() -> None:
    assert granted(token(), hs256(leeway_in_s=30), now=NOW + 89).expires == (NOW + 90) * 1000
    assert refused(token(), hs256(leeway_in_s=30), now=NOW + 90).close_code == 4224


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_of_the_future_is_invalid(claim: str) -> None:
    times: dict[str, Any] = {claim: NOW + 11}
    early = token(**times)

    assert refused(early, hs256(leeway_in_s=10)).close_code == 4231
    assert granted(early, hs256(leeway_in_s=11))


def test_a_token_without_expiry_is_invalid_unless_that_is_allowed() -> None:
    assert refused(token(exp=...)).close_code == 4231
    assert granted(token(exp=...), hs256(require_expiry=False)).expires is None


@pytest.mark.parametrize("value", ["1000000060", None, True, -1, 2**53, 10**400, float("inf"), float("nan"), [], {}])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_that_is_none_makes_a_token_invalid(claim: str, value: object) -> None:
    payload = json.dumps({"serviceId": "svc", "exp": NOW + 60, claim: value}).encode()
    shown = jwt.PyJWS().encode(payload, SECRET, "HS256")

    assert refused(shown).close_code == 4231


@pytest.mark.parametrize("services", ["other", ["other"], [], None, 7, {"svc": 1}, ..., "sv", ["svc", "other"][1:]])
def test_a_token_of_another_service_is_not_for_this_one(services: object) -> None:
    bad = refused(token(serviceId=services))

    assert (bad.close_code, bad.status, bad.refused) == (4231, 403, Refused.ACCESS_ELSEWHERE)
    assert bad.headers == (("WWW-Authenticate", 'Bearer error="insufficient_scope"'),)


def test_a_token_may_be_of_several_services() -> None:
    assert granted(token(serviceId=["a", "svc"]))


def test_a_token_may_be_of_one_media_unit() -> None:
    assert granted(token(mediaUnitId="unit"))
    assert refused(token(mediaUnitId="other")).reason == "The provided access token is not for this media unit"


@pytest.mark.parametrize("value", [None, 7, "", ["r"], {}, True])
@pytest.mark.parametrize("claim", ["mediaUnitId", "roomId", "clientId", "userId"])
def test_a_claim_that_binds_to_nothing_makes_a_token_invalid(claim: str, value: Any) -> None:
    bound: dict[str, Any] = {claim: value}

    assert refused(token(**bound)).close_code == 4231


def test_what_a_token_binds_is_granted() -> None:
    grant = granted(token(roomId="r", clientId="c", userId="u"))

    assert (grant.room_id, grant.client_id, grant.user_id) == ("r", "c", "u")


def test_a_token_that_another_signed_is_invalid() -> None:
    bad = refused(token(OTHER_SECRET))

    assert (bad.close_code, bad.reason, bad.status) == (4231, "The provided access token is invalid", 401)
    assert bad.headers == (("WWW-Authenticate", 'Bearer error="invalid_token"'),)
    assert bad.refused is Refused.ACCESS_INVALID


def test_a_former_secret_is_good_as_well() -> None:
    both = hs256(former_secret=OTHER_SECRET)

    assert granted(token(SECRET), both)
    assert granted(token(OTHER_SECRET), both)


def test_a_token_may_be_signed_with_rs256() -> None:
    settings = AccessTokens(Algorithm.RS256, public_key=pem(rsa_key()))

    assert granted(token(rsa_key(), "RS256"), settings)
    assert refused(token(rsa_key(2048, 1), "RS256"), settings).close_code == 4231


def test_a_token_may_be_signed_with_es256() -> None:
    settings = AccessTokens(Algorithm.ES256, public_key=pem(ec_key()))

    assert granted(token(ec_key(), "ES256"), settings)
    assert refused(token(ec_key(1), "ES256"), settings).close_code == 4231


def test_of_several_public_keys_each_is_good() -> None:
    settings = AccessTokens(Algorithm.ES256, public_key=pem(ec_key()) + pem(ec_key(1)))

    assert granted(token(ec_key(), "ES256"), settings)
    assert granted(token(ec_key(1), "ES256"), settings)
    assert refused(token(ec_key(2), "ES256"), settings).close_code == 4231


def test_a_token_that_is_not_signed_is_invalid() -> None:
    assert refused(token(None, "none")).close_code == 4231


def test_a_token_that_says_it_is_not_signed_is_invalid_whatever_it_bears() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    _, payload, signature = token().split(".")

    assert refused(f"{header}.{payload}.{signature}").close_code == 4231
    assert refused(f"{header}.{payload}.").close_code == 4231


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_that_is_signed_in_another_way_is_invalid(algorithm: str) -> None:
    long = SECRET * 4

    assert refused(token(long, algorithm), hs256(secret=long)).close_code == 4231


def test_who_knows_the_public_key_cannot_sign_with_it() -> None:
    public = pem(rsa_key())
    settings = AccessTokens(Algorithm.RS256, public_key=public)
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    header, payload, _ = token().split(".")
    forged = base64.urlsafe_b64encode(algorithm.sign(f"{header}.{payload}".encode(), public.encode()))

    assert refused(f"{header}.{payload}.{forged.rstrip(b'=').decode()}", settings).close_code == 4231


def test_a_header_that_demands_what_we_do_not_know_makes_a_token_invalid() -> None:
    assert refused(token(headers={"crit": ["unheard-of"], "unheard-of": True})).close_code == 4231


def test_a_key_in_the_header_is_not_trusted() -> None:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(2048, 1).public_key()))
    shown = token(rsa_key(2048, 1), "RS256", headers={"jwk": jwk, "kid": "/dev/null", "jku": "https://evil.example"})

    assert refused(shown, AccessTokens(Algorithm.RS256, public_key=pem(rsa_key()))).close_code == 4231


def test_the_audience_must_be_the_one_that_is_asked_for() -> None:
    settings = hs256(audience="observer")

    assert granted(token(aud="observer"), settings)
    assert granted(token(aud=["other", "observer"]), settings)
    assert refused(token(aud="other"), settings).close_code == 4231
    assert refused(token(), settings).close_code == 4231


def test_a_token_for_an_audience_is_not_for_whom_knows_of_none() -> None:
    assert refused(token(aud="other")).close_code == 4231


def test_the_issuer_must_be_the_one_that_is_asked_for() -> None:
    settings = hs256(issuer="app")

    assert granted(token(iss="app"), settings)
    assert refused(token(iss="other"), settings).close_code == 4231
    assert refused(token(), settings).close_code == 4231


def test_a_token_that_is_too_long_is_invalid() -> None:
    shown = token(more="x" * 100)

    assert granted(shown, hs256(max_length=len(shown)))
    assert refused(shown, hs256(max_length=len(shown) - 1)).close_code == 4231


def test_nothing_of_a_token_stands_in_its_refusal() -> None:
    shown = token(OTHER_SECRET, clientId="alice")
    bad = refused(shown)

    told = f"{bad!r} {bad} {bad.reason} {bad.headers} {bad.__cause__} {bad.refused}"
    assert not any(part in told for part in (*shown.split("."), "alice", SECRET))


@pytest.mark.parametrize(
    ("query", "headers", "shown"),
    [
        ({}, {}, None),
        ({"accessToken": "a"}, {}, "a"),
        ({}, {"authorization": "Bearer b"}, "b"),
        ({}, {"authorization": "bearer  b "}, "b"),
        ({"accessToken": "a"}, {"authorization": "Bearer b"}, "b"),
        ({"accessToken": "a"}, {"authorization": "Basic b"}, "a"),
        ({}, {"authorization": "Basic b"}, None),
    ],
)
def test_a_token_is_shown_in_the_header_or_in_the_query(
    query: dict[str, str], headers: dict[str, str], shown: str | None
) -> None:
    assert token_of(query, headers) == shown


def test_a_token_has_as_many_sessions_as_are_allowed() -> None:
    access = AccessControl(hs256(max_sessions_per_token=2))
    grant, other = (access.grant(token(n=n), "svc", "unit", NOW * 1000) for n in (1, 2))

    with (
        access.session(grant),
        access.session(grant),
        access.session(other),
        pytest.raises(BadSamples) as raised,
        access.session(grant),
    ):
        pass
    with access.session(grant):
        pass

    assert (raised.value.close_code, raised.value.refused) == (4228, Refused.ACCESS_OVERUSED)


def test_a_token_whose_sessions_are_over_is_forgotten() -> None:
    access = AccessControl(hs256())
    with access.session(granted(token())):
        assert access.tokens_in_use == 1

    assert access.tokens_in_use == 0


def test_a_token_that_was_signed_twice_is_the_same() -> None:
    """A signature can be written in several ways; what it signs cannot."""
    settings = AccessTokens(Algorithm.ES256, public_key=pem(ec_key()))
    once, again = token(ec_key(), "ES256"), token(ec_key(), "ES256")

    assert once != again
    assert granted(once, settings).fingerprint == granted(again, settings).fingerprint


def sent(*clients: dict[str, Any], heard: tuple[str, ...] = (), **envelope: Any) -> Samples:
    return decode(json.dumps({"clientSamples": clients, **envelope}).encode(), heard=heard)


def client(client_id: str, room: str = "r", user: str | None = None) -> dict[str, Any]:
    return {"clientId": client_id, "roomId": room, "userId": user, "timestamp": 1000}


@pytest.mark.parametrize(
    ("bound", "kept"),
    [
        ({}, ["a", "b", "c"]),
        ({"room_id": "r"}, ["a", "c"]),
        ({"client_id": "a"}, ["a"]),
        ({"user_id": "u"}, ["c"]),
        ({"room_id": "other", "client_id": "a"}, []),
    ],
)
def test_samples_of_others_are_dropped_and_tallied(bound: dict[str, Any], kept: list[str]) -> None:
    samples = sent(client("a"), client("b", "other"), client("c", user="u"))

    keep_granted(samples, Grant(b"", **bound))

    assert [sample.client_id for sample in samples.clients] == kept
    assert samples.rejected[Reason.NOT_AUTHORIZED] == 3 - len(kept)


@pytest.mark.parametrize("bound", [{"room_id": "r"}, {"client_id": "a"}, {"user_id": "u"}])
def test_a_token_of_some_clients_brings_nothing_of_servers(bound: dict[str, Any]) -> None:
    samples = sent(
        sfuSamples=[{"sfuId": "s", "timestamp": 1}], turnSamples=[{"serverId": "t"}], controls={"close": True}
    )

    keep_granted(samples, Grant(b"", **bound))

    assert (samples.sfus, samples.turns, list(samples.leaving_sfus)) == ([], [], [])
    assert samples.rejected == {Reason.NOT_AUTHORIZED: 2}


def test_nobody_else_is_made_to_leave() -> None:
    samples = sent(client("a"), client("b", "other"), controls={"close": True})

    keep_granted(samples, Grant(b"", room_id="r"))

    assert samples.leaving == {"a"}


def test_the_own_clients_can_leave() -> None:
    samples = sent(heard=("a",), controls={"close": True})

    keep_granted(samples, Grant(b"", room_id="r"))

    assert samples.leaving == {"a"}
