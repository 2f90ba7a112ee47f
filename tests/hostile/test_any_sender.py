"""Whatever a sender of 3.x, of deltas or of protobuf says, and whatever token is shown: it is taken or refused."""

import base64
import hashlib
import hmac
import json
import os
import string
import tracemalloc
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ingest import Algorithm, BadSamples
from ingest.access_tokens import AccessControl, token_of
from ingest.decoder import Decoder
from ingest.incoming import Format, Incoming, incoming
from schemas.deltas import Deltas, Flavour
from schemas.reports import to_json
from schemas.samples import Budget, Reason
from schemas.versions import SchemaVersion
from tests.hostile.json_strategies import ANYTHING, written
from tests.ingest.tokens import NOW, SECRET, ec_key, hs256, pem, rsa_key, token
from tests.schemas.any_json import CLIENT_SAMPLES
from tests.schemas.protobuf.vectors import DATA, vectors
from tests.world import World
from web.websocket import LONGEST_REASON

pytestmark = pytest.mark.hostile

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "300"))
thoroughly = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

GOOD = token()
DELTAS = Incoming("svc", "mu", format=Format.DELTA_JSON, room_id="lobby", client_id="alice")
CLAIMS = ("serviceId", "mediaUnitId", "roomId", "clientId", "userId", "exp", "nbf", "iat", "aud", "iss", "jti", "sub")
_URL_SAFE = string.ascii_letters + string.digits + "-_"
_SEGMENTS = st.text(_URL_SAFE, max_size=40)


def _encoded(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def _granted(shown: str) -> bool:
    try:
        AccessControl(hs256()).grant(shown, "svc", "unit", NOW * 1000)
    except BadSamples:
        return False
    return True


@thoroughly
@given(
    st.text() | st.builds(".".join, st.lists(_SEGMENTS, max_size=5)) | st.binary().map(lambda b: b.decode("latin-1"))
)
def test_no_garbage_is_a_token(shown: str) -> None:
    assert not _granted(shown)


@thoroughly
@given(st.integers(0, len(GOOD)), st.integers(0, 5), st.text(_URL_SAFE + ".=+ ", max_size=5))
def test_no_wounded_token_is_one(at: int, length: int, instead: str) -> None:
    wounded = GOOD[:at] + instead + GOOD[at + length :]
    assume(wounded != GOOD)

    # How the last bits of a signature are written is no matter of what it signs.
    assert not _granted(wounded) or wounded.rpartition(".")[0] == GOOD.rpartition(".")[0]


@thoroughly
@given(ANYTHING, ANYTHING, _SEGMENTS)
def test_whatever_stands_in_a_token_that_is_not_signed_it_is_none(header: Any, payload: Any, signature: str) -> None:
    assert not _granted(f"{_encoded(written(header))}.{_encoded(written(payload))}.{signature}")


@thoroughly
@given(
    st.sampled_from(["none", "None", "NONE", "HS256", "HS384", "RS256", "ES256", "EdDSA", "", "dir"]),
    st.dictionaries(st.sampled_from(["kid", "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "cty", "typ"]), ANYTHING),
    st.sampled_from(["", "AA", GOOD.rpartition(".")[2]]),
)
def test_no_header_talks_us_out_of_the_signature(algorithm: str, more: dict[str, Any], signature: str) -> None:
    header = _encoded(written({**more, "alg": algorithm}))
    assume(header != GOOD.partition(".")[0])

    assert not _granted(f"{header}.{GOOD.split('.')[1]}.{signature}")


@thoroughly
@given(
    st.dictionaries(st.sampled_from(CLAIMS), ANYTHING | st.sampled_from(["svc", "unit", NOW + 60, NOW, [], ["svc"]]))
)
def test_whatever_a_signed_token_claims_it_is_granted_or_refused(claims: dict[str, Any]) -> None:
    shown = jwt.PyJWS().encode(written(claims).encode("utf-8", "surrogatepass"), SECRET, "HS256")

    if _granted(shown):
        assert "svc" in claims["serviceId"]
        assert claims["exp"] > NOW


@pytest.mark.parametrize("deep", ["[" * 3000, '{"a":' * 600, "1" * 3000, '"' + "\\ud800" * 500 + '"'])
def test_a_token_that_is_hard_to_read_is_none(deep: str) -> None:
    signed = jwt.PyJWS().encode(deep.encode(), SECRET, "HS256")

    assert not _granted(signed)
    assert not _granted(f"{_encoded(deep)}.{GOOD.split('.')[1]}.AA")


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_huge_token_is_none(size: int) -> None:
    assert not _granted(token(more="x" * size))


@pytest.mark.parametrize("asked", ["RS256", "ES256"])
@pytest.mark.parametrize("used", ["none", "HS256", "HS384", "RS256", "ES256"])
def test_no_key_is_good_for_another_algorithm(asked: str, used: str) -> None:
    """Whoever knows the public key signs with what they can."""
    public = pem(rsa_key() if asked == "RS256" else ec_key())
    access = AccessControl(hs256(algorithm=Algorithm(asked), secret=None, public_key=public))
    keys: dict[str, Any] = {"none": None, "RS256": rsa_key(2048, 1), "ES256": ec_key(1)}
    shown = token(keys[used], used) if used in keys else _signed_with(public, used)

    with pytest.raises(BadSamples):
        access.grant(shown, "svc", "unit", NOW * 1000)


def _signed_with(public: str, algorithm: str) -> str:
    """A token whose secret is a public key, which PyJWT would not make."""
    hashed = {"HS256": hashlib.sha256, "HS384": hashlib.sha384}[algorithm]
    signed = f"{_encoded(json.dumps({'alg': algorithm}))}.{GOOD.split('.')[1]}"
    signature = hmac.new(public.encode(), signed.encode(), hashed).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@thoroughly
@given(st.dictionaries(st.sampled_from(["authorization", "cookie"]), st.text(max_size=30) | st.just("Bearer")))
def test_any_header_shows_a_token_or_none(headers: dict[str, str]) -> None:
    assert isinstance(token_of({}, headers), str | None)


@thoroughly
@given(
    st.dictionaries(
        st.sampled_from(["schemaVersion", "format", "encoding", "roomId", "userId", "clientId", "accessToken"]),
        st.text(max_size=20)
        | st.sampled_from(["3.5.0", "2.2.0", "2.0.4", "3.999999.0", "protobuf", "json", "delta", "NULL", "x" * 256]),
    ),
    st.sampled_from(["", "application/json", "application/protobuf"]),
)
def test_any_query_is_understood_or_refused_in_short(query: dict[str, str], content_type: str) -> None:
    try:
        of = incoming({"serviceId": "svc", "mediaUnitId": "unit"}, query, 255, content_type=content_type)
        told = Decoder(of, 10).of.service_id
    except BadSamples as bad:
        told = bad.reason

    assert 0 < len(told.encode()) <= LONGEST_REASON


def _tell(decoder: Decoder, *messages: bytes) -> None:
    """Tells a world what is taken of the messages; it gives reports, and nothing fails."""
    world = World()
    for message in messages:
        try:
            samples = decoder.decode(message, Budget())
        except BadSamples:
            continue
        for report in world.tell(samples):
            to_json(report)
    assert world.rejected[Reason.FAILED] == 0


@thoroughly
@given(st.lists(CLIENT_SAMPLES | ANYTHING, min_size=1, max_size=3), st.sampled_from([None, (3, 0, 0), (2, 2, 0)]))
def test_any_sample_of_3_is_refused_or_reported(values: list[Any], version: tuple[int, int, int] | None) -> None:
    of = Incoming("svc", "mu", version and SchemaVersion(*version), room_id="lobby", client_id="alice")

    _tell(Decoder(of, 10), written(values).encode("utf-8", "surrogatepass"))


@thoroughly
@given(st.lists(CLIENT_SAMPLES | ANYTHING, min_size=1, max_size=4))
def test_any_deltas_are_refused_or_reported(values: list[Any]) -> None:
    _tell(Decoder(DELTAS, 2), *(written(value).encode("utf-8", "surrogatepass") for value in values))


@thoroughly
@given(
    st.sampled_from(vectors(DATA)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4)), max_size=3),
    st.sampled_from([None, "2.0.4", "2.1.0", "2.2.0", "2.2.12", "3.0.0", "3.3.0", "3.5.0"]),
)
def test_any_wounded_protobuf_is_refused_or_reported(
    vector: Any, cuts: list[tuple[float, int, bytes]], version: str | None
) -> None:
    data = vector.data
    for place, length, instead in cuts:
        at = int(place * len(data))
        data = data[:at] + instead + data[at + length :]
    own = vector.version if version is None else SchemaVersion(*map(int, version.split(".")))

    _tell(Decoder(Incoming("svc", "mu", own, Format.PROTOBUF, "lobby", None, "alice"), 10), data, data)


def test_a_message_holds_few_deltas() -> None:
    decoder = Decoder(DELTAS, 10)

    samples = decoder.decode(_json([{"clientId": "a", "timestamp": 2}] * 30_000), Budget(100_000))

    assert samples.rejected[Reason.TOO_MANY_ITEMS] == 29_900


LARGE = {"x": [1] * 8000}


def test_a_short_delta_stands_for_little_more_than_it_is() -> None:
    deltas = Deltas(Flavour.CODEC, 10)
    deltas.fill({"clientId": "a", "timestamp": 1, **{f"k{number}": LARGE for number in range(50)}})

    assert len(_json(deltas.fill({"clientId": "a", "timestamp": 2}))) < 20_000


def test_entries_of_one_id_stand_for_one() -> None:
    decoder = Decoder(DELTAS, 10)
    decoder.decode(_json(_with_tracks({"id": 1, "k": LARGE})), Budget())
    tracemalloc.start()
    try:
        decoder.decode(_json(_with_tracks(*[{"id": 1}] * 4000)), Budget())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000


def _with_tracks(*tracks: Any) -> Any:
    return {"clientId": "a", "peerConnections": [{"peerConnectionId": "p", "inboundTracks": tracks}]}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
