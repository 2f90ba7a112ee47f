"""Every golden vector says what its encoder said."""

import pytest

from schemas.protobuf import Malformed, decode
from schemas.versions import SchemaVersion
from tests.schemas.protobuf.vectors import DATA, REFERENCE, Vector, refused, vectors

OWN = vectors(DATA)
MORE = vectors(REFERENCE / "golden")


@pytest.mark.parametrize("vector", OWN, ids=[vector.name for vector in OWN])
def test_a_vector_says_what_its_encoder_said(vector: Vector) -> None:
    assert decode(vector.data, vector.version, 5_000) == vector.decoded


@pytest.mark.parametrize("vector", OWN, ids=[vector.name for vector in OWN])
def test_kinds_of_values_are_those_of_json(vector: Vector) -> None:
    said = _kinds(decode(vector.data, vector.version, 5_000))

    assert said == _kinds(vector.decoded)


def _kinds(value: object) -> object:
    """The value with each scalar as its kind; numbers are of one kind, but a bool is none."""
    if isinstance(value, dict):
        return {name: _kinds(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_kinds(inner) for inner in value]
    return float if type(value) is int else type(value)


@pytest.mark.skipif(not MORE, reason="the references are not at hand")
def test_all_vectors_of_the_references_say_what_their_encoders_said() -> None:
    wrong = [vector.name for vector in MORE if decode(vector.data, vector.version, 5_000) != vector.decoded]

    assert wrong == []
    assert len(MORE) >= len(OWN)


@pytest.mark.parametrize(("why", "data"), refused(DATA), ids=[why for why, _ in refused(DATA)])
def test_what_must_be_refused_is(why: str, data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data, SchemaVersion(2, 2, 0), 5_000)
