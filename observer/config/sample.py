"""Makes ``observer.yaml``: every key with its default, commented with the docstring of its field."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from textwrap import wrap
from typing import get_type_hints

import yaml

from observer.config.configuration import PORT_VARIABLES, Configuration
from observer.config.documented import attribute_docstrings, without_none, yaml_fields
from observer.config.effective import plain
from observer.config.reference_keys import row_at
from schemas.names import camel_case

_WIDTH = 116
_HEAD = """\
# A whole configuration of the observer: every key with its default. Keep what you change, delete the rest.
# docs/configuration.md tells more about each key. `webrtc-observer check --config observer.yaml` proves a file.
"""
_EXAMPLES = {
    "observer.hamok.discovery.config.peers": """\
        #   observer-0: {host: observer-0.observer, port: 5601}
        #   observer-1: {host: observer-1.observer, port: 5601}
        #   observer-2: {host: observer-2.observer, port: 5601}
      # With `type: K8sPodsDiscovery` it says which pods they are:
      #   namespace: default
      #   prefix: observer-
      #   port: 5601
      #   service: observer-cluster
""",
    "observer.hamok.endpoint": """\
    #   config:
    #     serverPort: 5601
    #     advertisedHost: ${HOSTNAME}.observer
    #     tls:
    #       ca: /etc/observer/tls/ca.crt
    #       cert: /etc/observer/tls/tls.crt
    #       key: /etc/observer/tls/tls.key
""",
    "observer.sinks": """\
  #   everything:
  #     type: FileSink
  #     config:
  #       path: reports.jsonl
  #   callsOnly:
  #     type: LoggerSink
  #     reports: {sendCallEvents: true}
  #     config: {printReports: true}
""",
}
"""What may stand in place of a default that holds nothing."""


def sample() -> str:
    """The text of the file; it loads, and comes to the defaults. Keys that are not yet obeyed are left out."""
    return _HEAD + "\n".join(_lines(Configuration, Configuration(), "", "")) + "\n"


def _lines(cls: type, instance: object, path: str, indent: str) -> Iterator[str]:
    hints, meanings = get_type_hints(cls), attribute_docstrings(cls)
    for f in yaml_fields(cls):
        key, value, kind = camel_case(f.name), getattr(instance, f.name), without_none(hints[f.name])
        if row_at(path + key) is not None:
            continue
        if not path:
            yield ""
        yield from (f"{indent}# {line}" for line in wrap(meanings.get(f.name, ""), _WIDTH - len(indent)))
        if is_dataclass(kind) and isinstance(kind, type) and value is not None:
            yield f"{indent}{key}:"
            yield from _lines(kind, value, f"{path}{key}.", indent + "  ")
        else:
            yield f"{indent}{key}: {_value(value, f'{path}{key}')}"
            yield from _EXAMPLES.get(f"{path}{key}", "").splitlines()


def _value(value: object, path: str) -> str:
    variable = next((name for name, target in PORT_VARIABLES.items() if target == path), None)
    text = yaml.safe_dump(plain(value), default_flow_style=True).removesuffix("\n").removesuffix("\n...")
    return f"${{{variable}:{text}}}" if variable else text
