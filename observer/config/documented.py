"""What a configuration dataclass says about its fields: those that YAML has, and the docstring below each."""

import ast
import inspect
import sys
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin


def yaml_fields(cls: type) -> list[Field[Any]]:
    """The fields of a dataclass that have a key in YAML."""
    return [f for f in fields(cls) if f.metadata.get("yaml", True)]


def attribute_docstrings(cls: type) -> Mapping[str, str]:
    """For each field that has one, the string that stands below it in the source, as one line."""
    module = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    body = next(node.body for node in ast.walk(module) if isinstance(node, ast.ClassDef) and node.name == cls.__name__)
    return {
        node.target.id: " ".join(below.value.value.split()).replace("``", "`")
        for node, below in pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }


def without_none(kind: Any) -> Any:
    """The type ``T`` of ``T | None``; any other type as it is."""
    if get_origin(kind) in (Union, UnionType):
        return next(arg for arg in get_args(kind) if arg is not NoneType)
    return kind


def blocks(kind: Any) -> tuple[type, ...]:
    """The dataclasses that a type is, or is one of."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return tuple(each for each in kinds if isinstance(each, type) and is_dataclass(each))


def block_by_name(kind: Any) -> type | None:
    """The dataclass of a mapping of names to dataclasses; None of any other type."""
    if get_origin(kind) not in (dict, Mapping):
        return None
    inner = get_args(kind)[1]
    return inner if isinstance(inner, type) and is_dataclass(inner) else None
