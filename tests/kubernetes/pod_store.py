"""The pods of an API server for tests: kept by namespace and name, listed and watched by labels."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Pod = dict[str, Any]


class Gone(Exception):
    """What was asked for is no longer remembered."""


@dataclass
class Change:
    """A pod before and after; None where there was none or is none any more."""

    version: int
    before: Pod | None
    after: Pod | None

    def as_seen(self, namespace: str, selector: str) -> dict[str, Any] | None:
        """The event by which those who watch some pods hear of it; None if it does not concern them."""
        was, is_now = self._seen(self.before, namespace, selector), self._seen(self.after, namespace, selector)
        if is_now:
            return {"type": "MODIFIED" if was else "ADDED", "object": self.after}
        if was:
            last = copy.deepcopy(self.after or self.before) or {}
            last["metadata"]["resourceVersion"] = str(self.version)
            return {"type": "DELETED", "object": last}
        return None

    def _seen(self, pod: Pod | None, namespace: str, selector: str) -> bool:
        return pod is not None and selects(pod, namespace, selector)


@dataclass
class PodStore:
    """Not safe for threads: whoever uses it from several has a lock."""

    version: int = 100
    oldest: int = 100
    """Before this version nothing is remembered."""
    changes: list[Change] = field(default_factory=list)
    _pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    _rests: dict[str, tuple[int, list[Pod]]] = field(default_factory=dict)
    _made: int = 0

    def create(self, namespace: str, pod: Pod) -> Pod:
        """Raises `ValueError` if there is one of that name."""
        key = (namespace, pod["metadata"]["name"])
        if key in self._pods:
            raise ValueError(f'pods "{key[1]}" already exists')
        self._made += 1
        new = copy.deepcopy(pod)
        new["metadata"] |= {"namespace": namespace, "uid": f"uid-{self._made}"}
        new.setdefault("status", {"phase": "Pending"})
        return self._changed(key, new)

    def patch(self, namespace: str, name: str, change: Pod) -> Pod:
        """Raises `KeyError` if there is none."""
        merged = copy.deepcopy(self._pods[namespace, name])
        _merge(merged, change)
        return self._changed((namespace, name), merged)

    def delete(self, namespace: str, name: str, grace: int | None) -> Pod:
        """At once if it has no node or no grace, as if there were a kubelet; raises `KeyError` if there is none."""
        pod = self._pods[namespace, name]
        if grace == 0 or not pod["spec"].get("nodeName"):
            self.version += 1
            self.changes.append(Change(self.version, self._pods.pop((namespace, name)), None))
            return pod
        return self.patch(namespace, name, {"metadata": {"deletionTimestamp": datetime.now(UTC).isoformat()}})

    def compact(self) -> None:
        """Forgets all that was before now."""
        self.version += 1
        self.oldest = self.version
        self.changes.clear()
        self._rests.clear()

    def page(self, namespace: str, selector: str, limit: int, further: str) -> dict[str, Any]:
        """A list of pods, or the next page of one; raises `Gone` if that is no longer remembered."""
        if further and further not in self._rests:
            raise Gone
        everyone = [pod for pod in self._pods.values() if selects(pod, namespace, selector)]
        version, pods = self._rests.pop(further, (self.version, everyone))
        meta = {"resourceVersion": str(version)}
        if limit and len(pods) > limit:
            meta["continue"] = f"{version}.{len(pods)}"
            self._rests[meta["continue"]] = (version, pods[limit:])
        return {"kind": "PodList", "apiVersion": "v1", "metadata": meta, "items": pods[: limit or None]}

    def since(self, version: int, namespace: str, selector: str) -> Iterator[dict[str, Any]]:
        """The events after a version; raises `Gone` if they are no longer remembered."""
        if version < self.oldest:
            raise Gone
        for change in self.changes:
            event = change.as_seen(namespace, selector) if change.version > version else None
            if event is not None:
                yield event

    def _changed(self, key: tuple[str, str], pod: Pod) -> Pod:
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        self.changes.append(Change(self.version, self._pods.get(key), pod))
        self._pods[key] = pod
        return pod


def selects(pod: Pod, namespace: str, selector: str) -> bool:
    """Whether a pod is in a namespace and has all labels of a selector such as ``a=b,c=d``."""
    wanted = dict(term.split("=", 1) for term in selector.split(",") if term)
    labels: dict[str, str] = pod["metadata"].get("labels") or {}
    return pod["metadata"]["namespace"] == namespace and wanted.items() <= labels.items()


def _merge(into: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
