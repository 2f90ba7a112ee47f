"""The configuration that is in force, as YAML, with every secret masked.

Masked is a value whose key, or a key above it, sounds like a secret, the password inside a URI, and a parameter of a
URI that sounds like a secret. Rather too much is masked than too little. An empty value has nothing to hide.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING

import yaml

from schemas.names import camel_case
from sinks import ConfiguredSink

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MASK = "***"

_SECRET_KEY = re.compile(
    r"passw|passphrase|secret|token|salt|apikey|privatekey|keypem|keystorekey|^sasl|^headers$|authorization|cookie|accesskey$",
    re.IGNORECASE,
)
_NO_SECRET_KEY = re.compile(r"(file|path|tagname|accesstokens|pertoken)$", re.IGNORECASE)
_USER_INFO = re.compile(r"(://[^/\s:@]*):[^\s]*@")
_PARAMETER = re.compile(r"([?&;][^=&;\s]*(?:passw|secret|token|key)[^=&;\s]*=)[^&;\s]+", re.IGNORECASE)


def effective(configuration: object) -> str:
    """The whole dataclass as YAML text that can be loaded again, but for its secrets."""
    return yaml.safe_dump(masked(plain(configuration)), sort_keys=False, width=120)


def plain(value: object) -> object:
    """Dataclasses as mappings with camelCase keys, enums as their values; fields that YAML does not have left out."""
    if isinstance(value, ConfiguredSink):
        return {**_mapping(value.settings), "config": plain(value.sink)}
    if is_dataclass(value) and not isinstance(value, type):
        return _mapping(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def masked(value: object, secret: bool = False) -> object:
    """The plain value with what is secret in it masked; `secret` when a key above it says that all of it is."""
    if isinstance(value, dict):
        return {key: masked(item, secret or is_secret(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, secret) for item in value]
    if secret:
        return MASK if value not in (None, "") and not isinstance(value, bool) else value
    if isinstance(value, str):
        return _PARAMETER.sub(rf"\1{MASK}", _USER_INFO.sub(rf"\1:{MASK}@", value))
    return value


def _mapping(instance: "DataclassInstance") -> dict[str, object]:
    known = (f for f in fields(instance) if f.metadata.get("yaml", True))
    return {camel_case(f.name): plain(getattr(instance, f.name)) for f in known}


def is_secret(key: str) -> bool:
    """Whether a key sounds as if its value were a secret, in any spelling of its words."""
    words = re.sub(r"[-_. ]", "", key)
    return bool(_SECRET_KEY.search(words)) and not _NO_SECRET_KEY.search(words)
