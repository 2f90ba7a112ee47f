"""Protobuf classes of a wire format, and how their objects are read: made when the format is first met.

The descriptors are laxer than the schemas, so that reading can be lenient and say what is wrong: all fields are
optional, enums are their numbers, and ids are texts. In this syntax a text that is not UTF-8 is given as bytes.
"""

from dataclasses import dataclass, field
from functools import cache

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from schemas.protobuf.fields import SCALARS, Field, Fields, numbered
from schemas.protobuf.formats import Format

Type = FieldDescriptorProto

VARINT, FIXED_64, LENGTH = 0, 1, 2
"""The wire types that samples use."""

_WIRE_TYPES = {"double": FIXED_64, "string": LENGTH, "id": LENGTH}
_TYPES = {
    "string": Type.TYPE_STRING,
    "id": Type.TYPE_STRING,
    "bool": Type.TYPE_BOOL,
    "int32": Type.TYPE_INT32,
    "int64": Type.TYPE_INT64,
    "double": Type.TYPE_DOUBLE,
}


@dataclass(slots=True)
class Shape:
    """How the objects of one message are read: the names of its fields by what must be done with their values."""

    name: str
    required: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    enums: list[tuple[str, list[str]]] = field(default_factory=list)
    parts: list[tuple[str, "Shape"]] = field(default_factory=list)
    text_lists: list[str] = field(default_factory=list)
    lists: list[tuple[str, "Shape"]] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)
    """What stands before each field on the wire."""
    within: dict[int, "Shape | None"] = field(default_factory=dict)
    """The tags of the lists, with the shape of their entries; ``None`` for texts."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A wire format that is ready for use: the class and the shape of each message."""

    classes: dict[str, type[Message]]
    shapes: dict[str, Shape]


@cache
def codec(form: Format) -> Codec:
    """The classes and shapes of a format."""
    pool = DescriptorPool()
    pool.Add(_file(form.fields))
    classes = {name: GetMessageClass(pool.FindMessageTypeByName(name)) for name in form.fields}
    shapes = {name: Shape(name) for name in form.fields}
    for name, shape in shapes.items():
        for number, field_name, its in numbered(form.fields[name]):
            _place(shape, number, field_name, its, shapes, form.enforces_required)
    return Codec(classes, shapes)


def _file(fields: Fields) -> FileDescriptorProto:
    return FileDescriptorProto(
        name="samples.proto",
        syntax="proto2",
        message_type=[
            DescriptorProto(name=name, field=[_descriptor(*its, fields) for its in numbered(fields[name])])
            for name in fields
        ],
    )


def _descriptor(number: int, name: str, its: Field, fields: Fields) -> FieldDescriptorProto:
    label = Type.LABEL_REPEATED if its.label == "repeated" else Type.LABEL_OPTIONAL
    if its.type in fields:
        return Type(name=name, number=number, label=label, type=Type.TYPE_MESSAGE, type_name=f".{its.type}")
    return Type(name=name, number=number, label=label, type=_TYPES.get(its.type, Type.TYPE_INT32))


def _place(shape: Shape, number: int, name: str, its: Field, shapes: dict[str, Shape], enforces_required: bool) -> None:
    wire_type = LENGTH if its.type in shapes else _WIRE_TYPES.get(its.type, VARINT)
    tag = shape.tags[name] = number << 3 | wire_type
    if its.label == "required" and enforces_required:
        shape.required.append(name)
    if its.label == "repeated":
        shape.within[tag] = shapes.get(its.type)
        if its.type in shapes:
            shape.lists.append((name, shapes[its.type]))
        else:
            shape.text_lists.append(name)
    elif its.type in shapes:
        shape.parts.append((name, shapes[its.type]))
    elif its.type not in SCALARS:
        shape.enums.append((name, its.type.split("|")))
    else:
        {"double": shape.doubles, "string": shape.texts, "id": shape.ids}.get(its.type, shape.plain).append(name)
