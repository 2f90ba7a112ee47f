"""The tables give the numbers and types that the schemas have, and each version of them is written in one format."""

import hashlib
import json
from collections.abc import Callable, Iterator

import pytest

from schemas.protobuf import is_delta, takes
from schemas.protobuf.fields import changed, fields_of, numbered
from schemas.protobuf.formats import (
    Format,
    format_2_0_0,
    format_2_0_4,
    format_2_1_0,
    format_2_1_3,
    format_2_1_4,
    format_2_1_8,
    format_2_2_0,
    format_2_2_12,
    format_3_0,
    format_3_2,
    format_3_3,
    format_3_4,
    format_of,
)
from tests.schemas.protobuf.vectors import REFERENCE, version_of

FACTS: list[tuple[str, Callable[[], Format], int, str]] = [
    ("2.0", format_2_0_4, 585, "ae0c3336d4e9a3bc8b5d18bb506a78f236f20d2e5c17c78aae853a170082aa36"),
    ("2.1", format_2_1_8, 482, "dd9d4c84d17a04d65cb0d99b0c93391583ad8e313ba34ede1771ecf0ea3830a2"),
    ("2.2", format_2_2_0, 505, "bc816231a80a3603da207db80f60d7e944d3094533843ce25ec72d02f2c0aaf8"),
    ("2.2.12", format_2_2_12, 505, "827e93711842857e6e494eeb0c983780f412aa2009cf0439d4f203d89bcc9df0"),
    ("3.0", format_3_0, 310, "17f379d7afa86b1bc2dd2bf1de94d20ffaf549c67160fecdb06bea97c4efebe5"),
    ("3.3", format_3_3, 329, "abd913d1d6c6ba2d8d74217187eff52e705b1364f4947d2fe9658373f1e2718c"),
    ("3.5", format_3_4, 329, "7bf4be2dd1cf9315f6dd0f9bc329e0618fc3e75773069037c918e0bf414af361"),
]
"""Of each schema how many fields it has, and the SHA-256 of their messages, numbers, names and types."""


def described(form: Format) -> Iterator[str]:
    """A line for each field of each message that the format can hold."""
    met, waiting = {form.root}, [form.root]
    while waiting:
        message = waiting.pop()
        for number, name, its in numbered(form.fields[message]):
            kind = {"id": "string" if form.enforces_required else "bytes"}.get(its.type, its.type)
            yield f"{message} {number} {name} {'enum' if '|' in kind else kind}{'*' if its.label == 'repeated' else ''}"
            if its.type in form.fields and its.type not in met:
                met.add(its.type)
                waiting.append(its.type)


def number(form: Format, message: str, field: str) -> int:
    return next(number for number, name, _ in numbered(form.fields[message]) if name == field)


@pytest.mark.parametrize(("schema", "form", "fields", "digest"), FACTS, ids=[fact[0] for fact in FACTS])
def test_every_field_has_the_number_and_the_type_of_its_schema(
    schema: str, form: Callable[[], Format], fields: int, digest: str
) -> None:
    lines = sorted(described(form()))

    assert (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()) == (fields, digest)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the references are not at hand")
@pytest.mark.parametrize(("schema", "form"), [fact[:2] for fact in FACTS], ids=[fact[0] for fact in FACTS])
def test_every_field_is_one_of_the_references(schema: str, form: Callable[[], Format]) -> None:
    facts = json.loads((REFERENCE / f"samples-{schema}.proto-facts.json").read_text())
    lines = set()
    for message, fields in facts["messages"].items():
        for field in fields:
            kind = field.get("message", "").rpartition(".")[2] or field["type"]
            mark = "*" if field["label"] == "repeated" else ""
            lines.add(f"{message.rpartition('.')[2]} {field['number']} {field['name']} {kind}{mark}")

    assert set(described(form())) == lines


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the references are not at hand")
@pytest.mark.parametrize(("schema", "form"), [fact[:2] for fact in FACTS[:3]], ids=["2.0", "2.1", "2.2"])
def test_what_is_required_is_what_the_references_require(schema: str, form: Callable[[], Format]) -> None:
    facts = json.loads((REFERENCE / f"samples-{schema}.proto-facts.json").read_text())
    required = {
        (message.rpartition(".")[2], field["name"])
        for message, fields in facts["messages"].items()
        for field in fields
        if field["label"] == "required"
    }

    messages = {message.rpartition(".")[2] for message in facts["messages"]}
    assert {
        (message, name)
        for message, fields in form().fields.items()
        for name, its in fields.items()
        if its.label == "required" and message in messages
    } == required


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the references are not at hand")
@pytest.mark.parametrize(("schema", "form"), [FACTS[3][:2], FACTS[4][:2], FACTS[5][:2], FACTS[6][:2]])
def test_enums_have_the_numbers_of_the_references(schema: str, form: Callable[[], Format]) -> None:
    facts = json.loads((REFERENCE / f"samples-{schema}.proto-facts.json").read_text())
    wrong = []
    for message, fields in facts["messages"].items():
        for field in fields:
            if field["type"] == "enum":
                texts = form().fields[message.rpartition(".")[2]][field["name"]].type.split("|")
                if facts["enums"][field["enum"]] != {
                    text.replace("-", "").upper(): number for number, text in enumerate(texts)
                }:
                    wrong.append((message, field["name"]))

    assert wrong == []


def test_fields_are_numbered_by_label_and_alphabet() -> None:
    fields = fields_of("Message\n    optional bool b a\n    required int64 z\n    repeated string c")

    assert [name for _, name, _ in numbered(fields["Message"])] == ["c", "z", "a", "b"]


def test_a_difference_adds_retypes_and_takes_away() -> None:
    fields = fields_of("Message\n    optional bool a b\n    optional int32 c")

    after = changed(fields, "Message\n    optional double b\n    without a\n    optional int32 d")

    assert {name: its.type for name, its in after["Message"].items()} == {"b": "double", "c": "int32", "d": "int32"}
    assert "a" in fields["Message"]


def test_candidate_pairs_had_no_label_before_2_1_8() -> None:
    old, new = (number(form(), "IceCandidatePair", "lastPacketSentTimestamp") for form in (format_2_1_4, format_2_1_8))

    assert (number(format_2_1_8(), "IceCandidatePair", "label"), old) == (10, new - 1)


def test_transports_had_no_label_before_2_1_4() -> None:
    old, new = (
        number(form(), "PeerConnectionTransport", "localCertificateId") for form in (format_2_1_3, format_2_1_4)
    )

    assert (number(format_2_1_4(), "PeerConnectionTransport", "label"), old) == (11, new - 1)


def test_dropped_frames_were_fractions_before_2_1_3() -> None:
    old, new = (form().fields["InboundVideoTrack"]["framesDropped"].type for form in (format_2_1_0, format_2_1_3))

    assert (old, new, number(format_2_1_0(), "InboundVideoTrack", "framesDropped")) == ("double", "int32", 12)


def test_channels_of_sfus_were_not_internal_in_2_0_0() -> None:
    old, new = (number(form(), "SfuSctpChannel", "label") for form in (format_2_0_0, format_2_0_4))

    assert (number(format_2_0_4(), "SfuSctpChannel", "internal"), old, new) == (6, 6, 7)


def test_issues_had_no_key_before_3_3() -> None:
    assert set(format_3_3().fields["ClientIssue"]) - set(format_3_2().fields["ClientIssue"]) == {"key"}


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2.0.0", "2.0.0"),
        ("2.0.1", "2.0.4"),
        ("2.0.9", "2.0.4"),
        ("2.1.0", "2.1.0"),
        ("2.1.2", "2.1.0"),
        ("2.1.3", "2.1.3"),
        ("2.1.4", "2.1.4"),
        ("2.1.7", "2.1.4"),
        ("2.1.8", "2.1.8"),
        ("2.1.10", "2.1.8"),
        ("2.2.0", "2.2.0"),
        ("2.2.1", "2.2.12"),
        ("2.2.99", "2.2.12"),
        ("3.0.0", "3.0"),
        ("3.1.0", "3.0"),
        ("3.2.1", "3.2"),
        ("3.3.0", "3.3"),
        ("3.4.0", "3.4"),
        ("3.5.0", "3.4"),
        ("3.17.0", "3.4"),
    ],
)
def test_a_version_is_written_in_one_format(version: str, name: str) -> None:
    assert format_of(version_of(version)).name == name


def test_families_that_nobody_knows_are_not_taken() -> None:
    versions = ("1.9.9", "2.0.0", "2.1.9", "2.2.0", "2.3.0", "3.0.0", "3.9.0", "4.0.0")

    assert [text for text in versions if takes(version_of(text))] == ["2.0.0", "2.1.9", "2.2.0", "3.0.0", "3.9.0"]


def test_encoders_leave_out_what_did_not_change_from_2_2_1() -> None:
    versions = ("2.0.4", "2.1.9", "2.2.0", "2.2.1", "3.0.0", "3.5.0")

    assert [text for text in versions if is_delta(version_of(text))] == ["2.2.1", "3.0.0", "3.5.0"]
