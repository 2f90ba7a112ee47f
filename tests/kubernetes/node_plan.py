"""What a node does with a pod, as data: its environment, its arguments, its files, its probes. Nothing is done here.

A container becomes a process of this machine: what it mounts lies in a folder of its own, so the paths at which it
mounts are replaced, in arguments, environment and ConfigMaps alike, by those of the folder.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

Object = Mapping[str, Any]

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)")


class Unmet(Exception):
    """A pod asks for what is not there, such as a Secret; it starts once that is."""


@dataclass(frozen=True)
class Image:
    """What an image would hold: what its entry point is here, its environment, and where it works."""

    entrypoint: Sequence[str]
    name: str = "webrtc-observer"
    environment: Mapping[str, str] = field(default_factory=dict)
    works_in: str = "/var/lib/webrtc-observer"


@dataclass(frozen=True)
class Store:
    """The ConfigMaps (texts) and Secrets (base64) of the namespace, by name and key."""

    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def config_map(self, asked: Object) -> dict[str, bytes]:
        """The values of a ConfigMap that is asked for."""
        return {key: text.encode() for key, text in _found(self.config_maps, asked, "ConfigMap").items()}

    def secret(self, asked: Object) -> dict[str, bytes]:
        """The values of a Secret that is asked for."""
        return {key: b64decode(text) for key, text in _found(self.secrets, asked, "Secret").items()}


@dataclass(frozen=True)
class Probe:
    """A question by HTTP, each `period` (s): so many failures in a row mean no, so many successes yes."""

    port: int
    path: str
    period: float
    timeout: float
    failures: int
    successes: int


@dataclass(frozen=True)
class Plan:
    """How a container is run: `files` and `links` (to folders of this machine) have absolute paths.

    `grace` is how long it may take to end (s).
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    works_in: str
    folders: Sequence[str]
    files: Mapping[str, bytes]
    links: Mapping[str, str]
    startup: Probe | None
    readiness: Probe | None
    liveness: Probe | None
    before_stop: Sequence[str]
    grace: float


def plan(pod: Object, store: Store, image: Image, ip: str, root: str) -> Plan:
    """How the one container of a pod is run that has this address, with its files below `root`.

    Raises `Unmet` for what is not there, and `ValueError` for what this node cannot do.
    """
    spec = pod["spec"]
    if spec.get("initContainers") or len(spec["containers"]) != 1:
        raise ValueError(f"{pod['metadata']['name']}: this node runs pods of one container")
    (container,) = spec["containers"]
    mounts = container.get("volumeMounts", [])
    moved = _mover([mount["mountPath"] for mount in mounts], root)
    own = _environment(container, pod, store, ip)
    environment = dict(image.environment) | {name: moved(value) for name, value in own.items()}
    volumes = spec.get("volumes", [])
    linked = {volume["name"]: volume["hostPath"]["path"] for volume in volumes if "hostPath" in volume}
    command = [*container.get("command", [image.name]), *container.get("args", [])]
    probes = {name: _probe(container, f"{name}Probe") for name in ("startup", "readiness", "liveness")}
    stopping = container.get("lifecycle", {}).get("preStop", {})
    return Plan(
        command=_run([_expanded(moved(word), environment) for word in command], image),
        environment=environment,
        works_in=moved(image.works_in) if moved(image.works_in) != image.works_in else root,
        folders=[
            moved(mount["mountPath"]) for mount in mounts if "subPath" not in mount and mount["name"] not in linked
        ],
        files=dict(_files(mounts, volumes, store, moved)),
        links={moved(mount["mountPath"]): linked[mount["name"]] for mount in mounts if mount["name"] in linked},
        **probes,
        before_stop=_run(stopping.get("exec", {}).get("command", []), image),
        grace=float(spec.get("terminationGracePeriodSeconds", 30)),
    )


def _run(command: Sequence[str], image: Image) -> list[str]:
    if command and command[0] == image.name:
        return [*image.entrypoint, *command[1:]]
    return list(command)


def _mover(paths: Sequence[str], root: str) -> Callable[[str], str]:
    """Puts `root` before each of these paths in a text, where a whole path stands."""
    if not paths:
        return lambda text: text
    longest_first = sorted(map(re.escape, paths), key=len, reverse=True)
    known = re.compile(rf"(?<![\w.-])(?:{'|'.join(longest_first)})(?![\w.-])")
    return lambda text: known.sub(lambda found: root + found[0], text)


def _environment(container: Object, pod: Object, store: Store, ip: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for source in container.get("envFrom", []):
        values = store.config_map(source["configMapRef"]) if "configMapRef" in source else {}
        values |= store.secret(source["secretRef"]) if "secretRef" in source else {}
        known |= {source.get("prefix", "") + key: value.decode() for key, value in values.items()}
    for variable in container.get("env", []):
        value = _value(variable, container, pod, store, ip)
        if value is not None:
            known[variable["name"]] = _expanded(value, known)
    return known


def _value(variable: Object, container: Object, pod: Object, store: Store, ip: str) -> str | None:
    match variable.get("valueFrom"):
        case None:
            return str(variable.get("value", ""))
        case {"fieldRef": {"fieldPath": path}}:
            return field_of(pod, path, ip)
        case {"resourceFieldRef": {"resource": path}}:
            kind, _, resource = path.partition(".")
            return str(container.get("resources", {}).get(kind, {}).get(resource, ""))
        case {"configMapKeyRef": asked}:
            return _key(store.config_map(asked), asked)
        case {"secretKeyRef": asked}:
            return _key(store.secret(asked), asked)
        case other:
            raise ValueError(f"this node knows no environment from {other}")


def field_of(pod: Object, path: str, ip: str) -> str:
    """What a `fieldRef` stands for; raises `ValueError` for what this node does not know."""
    if path in ("status.podIP", "status.podIPs"):
        return ip
    value: Any = pod
    for name in path.replace("['", ".").replace("']", "").split("."):
        value = value.get(name)
    if not isinstance(value, str):
        raise ValueError(f"this node knows no {path}")
    return value


def _key(values: Mapping[str, bytes], asked: Object) -> str | None:
    if asked["key"] in values:
        return values[asked["key"]].decode()
    if asked.get("optional"):
        return None
    raise Unmet(f"{asked['name']} has no {asked['key']}")


def _found(kept: Mapping[str, Mapping[str, str]], asked: Object, kind: str) -> Mapping[str, str]:
    name = asked.get("name") or asked["secretName"]
    if name in kept:
        return kept[name]
    if asked.get("optional"):
        return {}
    raise Unmet(f"there is no {kind} {name}")


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """Kubernetes puts variables for ``$(NAME)``, leaves what it does not know, and writes ``$`` for ``$$``."""
    return _REFERENCE.sub(
        lambda found: "$" if found[0] == "$$" else environment.get(found[1], found[0]),
        text,
    )


def _files(
    mounts: Sequence[Object], volumes: Sequence[Object], store: Store, moved: Callable[[str], str]
) -> Iterator[tuple[str, bytes]]:
    by_name = {volume["name"]: volume for volume in volumes}
    for mount in mounts:
        part = mount.get("subPath")
        for name, content in _contents(by_name[mount["name"]], store, moved):
            if part is None:
                yield moved(f"{mount['mountPath']}/{name}"), content
            elif name == part:
                yield moved(mount["mountPath"]), content


def _contents(volume: Object, store: Store, moved: Callable[[str], str]) -> Iterator[tuple[str, bytes]]:
    match volume:
        case {"emptyDir": _} | {"hostPath": _}:
            return
        case {"configMap": asked}:
            yield from (
                (name, moved(content.decode()).encode()) for name, content in _items(store.config_map(asked), asked)
            )
        case {"secret": asked}:
            yield from _items(store.secret(asked), asked)
        case {"projected": {"sources": sources}}:
            yield from chain.from_iterable(_contents(source, store, moved) for source in sources)
        case _:
            raise ValueError(f"this node knows no volume such as {volume}")


def _items(values: Mapping[str, bytes], asked: Object) -> Iterator[tuple[str, bytes]]:
    """The files of a volume: those that are asked for, or all."""
    items = asked.get("items") or [{"key": key, "path": key} for key in values]
    for item in items:
        if item["key"] not in values:
            raise Unmet(f"{asked.get('name') or asked.get('secretName')} has no {item['key']}")
        yield item["path"], values[item["key"]]


def _probe(container: Object, name: str) -> Probe | None:
    asked = container.get(name)
    if asked is None:
        return None
    if "httpGet" not in asked:
        raise ValueError(f"this node asks by HTTP only, not by {asked}")
    port = asked["httpGet"]["port"]
    if isinstance(port, str):
        port = next(known["containerPort"] for known in container["ports"] if known.get("name") == port)
    return Probe(
        port=port,
        path=asked["httpGet"].get("path", "/"),
        period=float(asked.get("periodSeconds", 10)),
        timeout=float(asked.get("timeoutSeconds", 1)),
        failures=asked.get("failureThreshold", 3),
        successes=asked.get("successThreshold", 1),
    )
