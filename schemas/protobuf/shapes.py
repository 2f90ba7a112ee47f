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

SAMPLES = ("ClientSample", "SfuSample")

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


PLAIN, DOUBLE, TEXT, ID, ENUM, PART, TEXTS, ITEMS = range(8)
"""What must be done with the value of a field: nothing; or it is looked at, told in words, or read in its turn."""

_KINDS = {"double": DOUBLE, "string": TEXT, "id": ID}


Place = tuple[str, int, tuple[str, ...], "Shape | None"]
"""One field of a message: its name, what must be done with its value, the JSON texts of an enum in the order of their
numbers, and the shape of a part or of the entries of a list. It is a plain tuple, which is the fastest to take apart.
"""


@dataclass(slots=True, eq=False)
class Shape:
    """How the objects of one message are read."""

    name: str
    required: list[str] = field(default_factory=list)
    """The fields without which such an object is refused."""
    places: dict[object, Place] = field(default_factory=dict)
    """The fields by their descriptors."""
    tags: dict[str, int] = field(default_factory=dict)
    """What stands before each field on the wire: its number and its wire type."""
    lists: dict[int, "Shape | None"] = field(default_factory=dict)
    """The tags of the lists, with the shape of their entries; ``None`` for texts."""
    holds_items: bool = False
    """Whether there are lists of objects among its fields."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A wire format that is ready for use: the class and the shape of each message."""

    classes: dict[str, type[Message]]
    shapes: dict[str, Shape]
    timestamps: dict[int, str]
    """The samples that a message may be on its own, by the tags of their timestamps."""


@cache
def codec(form: Format) -> Codec:
    """The classes and shapes of a format."""
    pool = DescriptorPool()
    pool.Add(_file(form.fields))
    classes = {name: GetMessageClass(pool.FindMessageTypeByName(name)) for name in form.fields}
    shapes = {name: Shape(name) for name in form.fields}
    for name, shape in shapes.items():
        descriptors = classes[name].DESCRIPTOR.fields_by_name
        for number, field_name, its in numbered(form.fields[name]):
            shape.places[descriptors[field_name]] = _place(shape, number, field_name, its, shapes)
            if its.label == "required" and form.enforces_required:
                shape.required.append(field_name)
    return Codec(classes, shapes, {shapes[name].tags["timestamp"]: name for name in SAMPLES if name in shapes})


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


def _place(shape: Shape, number: int, name: str, its: Field, shapes: dict[str, Shape]) -> Place:
    part = shapes.get(its.type)
    tag = number << 3 | (LENGTH if part else _WIRE_TYPES.get(its.type, VARINT))
    shape.tags[name] = tag
    if its.label == "repeated":
        shape.lists[tag] = part
        shape.holds_items |= part is not None
        return name, ITEMS if part else TEXTS, (), part
    if part:
        return name, PART, (), part
    if its.type not in SCALARS:
        return name, ENUM, tuple(its.type.split("|")), None
    return name, _KINDS.get(its.type, PLAIN), (), None
