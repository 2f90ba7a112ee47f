"""The pods that an API server has told of, kept up to date by its words: pages of a list, then the events of a watch.

What it says is read here as well. Nothing in here waits or knows a clock.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import orjson

from discovery.pods import Pod, Pods, one_spelling

_LONGEST_MESSAGE = 300


class Failure(StrEnum):
    """Why a talk with the API server came to an end."""

    GONE = "gone"
    """It no longer knows the changes since the version that was asked for (410): all pods are listed anew."""
    REFUSED = "refused"
    """The service account has no permission (403)."""
    UNAUTHORIZED = "unauthorized"
    """It does not know who asks (401)."""
    TIMEOUT = "timeout"
    """It said nothing for too long, or took too long to say it."""
    UNREACHABLE = "unreachable"
    """No connection to it, or none that can be trusted."""
    CUT = "cut"
    """It broke off, or ended a watch as soon as it had begun."""
    MALFORMED = "malformed"
    """What it said cannot be understood."""
    TOO_MUCH = "too_much"
    """It told of more pods, or said more of them, than there may be."""
    ERROR = "error"
    """It could not answer, such as 500 or 429; or it is not known how to reach it."""


class ApiFailed(Exception):
    """A talk with the API server came to an end; the text is for the operator and tells no secret."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


class Page(NamedTuple):
    """Some of the pods."""

    pods: list[Pod]
    version: str
    """The state of the cluster at which they were listed."""
    further: str
    """By what the next page is asked for; empty for the last one."""


class Opened(NamedTuple):
    """A watch has begun."""


class Event(NamedTuple):
    """A pod was added, changed, or (with `gone`) deleted; without a pod: just a newer version."""

    pod: Pod | None
    version: str
    gone: bool = False


class Ended(NamedTuple):
    """A watch has ended as it should."""


Word = Page | Opened | Event | Ended
"""What an API server says."""


class PodList:
    """The pods whose names begin with a prefix, as the API server last told.

    They stay until a complete new list has come, whatever fails meanwhile. `version` is that of the last word, from
    which a watch goes on; None if they must be listed (again).
    """

    def __init__(self, settings: Pods) -> None:
        self.version: str | None = None
        self.listed = False
        """Whether there ever was a complete list."""
        self._prefix = settings.prefix
        self._at_most = settings.limits.max_pods
        self._pods: dict[str, Pod] = {}
        self._coming: dict[str, Pod] = {}

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Those that are known."""
        return tuple(self._pods.values())

    def failed(self, failure: Failure) -> None:
        """A talk came to an end. Unless it just broke off, what was told last is no ground to go on from."""
        self._coming = {}
        if failure not in (Failure.TIMEOUT, Failure.UNREACHABLE, Failure.CUT, Failure.UNAUTHORIZED):
            self.version = None

    def heard(self, word: Word) -> bool:
        """One word more; whether other pods are known by it. Raises `ApiFailed` when it tells of too many."""
        before = self._pods
        match word:
            case Page(pods, version, further):
                self._coming.update((pod.name, pod) for pod in pods if pod.name.startswith(self._prefix))
                self._check(self._coming)
                if not further:
                    self._pods, self._coming = self._coming, {}
                    self.version = version
                    self.listed = True
            case Event(pod, version, gone):
                if pod is not None and pod.name.startswith(self._prefix):
                    self._pods = self._changed(pod, gone)
                self.version = version
        return self._pods is not before

    def _changed(self, pod: Pod, gone: bool) -> dict[str, Pod]:
        if not gone:
            return self._check({**self._pods, pod.name: pod})
        # Its name may belong to another pod by now.
        return {name: known for name, known in self._pods.items() if known.uid != pod.uid}

    def _check(self, pods: dict[str, Pod]) -> dict[str, Pod]:
        if len(pods) > self._at_most:
            raise ApiFailed(Failure.TOO_MUCH, f"more than {self._at_most} pods would be peers (limits.maxPods)")
        return pods


def read_page(body: bytes) -> Page:
    """A page of a list of pods; raises `ApiFailed` for what is none."""
    content = _mapping(_json(body))
    meta = _mapping(content.get("metadata"))
    items = content.get("items")
    if content.get("kind") != "PodList" or not isinstance(items, list | None):
        raise _malformed("it is no list of pods")
    return Page([_pod(each) for each in items or ()], _version(meta), _text(meta.get("continue") or ""))


def read_event(line: bytes, settings: Pods) -> Event:
    """An event of a watch; raises `ApiFailed` for what is none, and for one that tells of an error."""
    content = _mapping(_json(line))
    about = _mapping(content.get("object"))
    meta = _mapping(about.get("metadata") or {})
    match content.get("type"):
        case "ADDED" | "MODIFIED":
            return Event(_pod(about), _version(meta))
        case "DELETED":
            return Event(_pod(about), _version(meta), gone=True)
        case "BOOKMARK":
            return Event(None, _version(meta))
        case "ERROR":
            code = about.get("code")
            raise failed_with(code if isinstance(code, int) else 500, line, "watch", settings)
    raise _malformed("it is no event of a watch")


def failed_with(status: int, body: bytes, verb: str, settings: Pods) -> ApiFailed:
    """The failure that an answer of another status than 200 stands for."""
    said = _message(body)
    because = f": {said}" if said else ""
    match status:
        case 401:
            return ApiFailed(Failure.UNAUTHORIZED, f"it does not know whose token it is given (401){because}")
        case 403:
            where = f"namespace {settings.namespace}"
            needs = f"the service account needs a Role with list and watch on pods, and a RoleBinding, in {where}"
            return ApiFailed(Failure.REFUSED, f"{verb} pods in {where} is not allowed (403): {needs}{because}")
        case 410:
            return ApiFailed(Failure.GONE, f"what was asked for is gone (410){because}")
        case _:
            return ApiFailed(Failure.ERROR, f"it answered {status}{because}")


def _pod(raw: object) -> Pod:
    content = _mapping(raw)
    meta, spec, status = (_mapping(content.get(part) or {}) for part in ("metadata", "spec", "status"))
    listed = status.get("podIPs")
    each = [_mapping(one).get("ip") for one in listed] if isinstance(listed, list) else []
    spelled = [ip for ip in map(one_spelling, [status.get("podIP"), *each]) if ip is not None]
    return Pod(
        name=_text(meta.get("name")),
        uid=_text(meta.get("uid")),
        phase=_text(status.get("phase") or ""),
        scheduled=bool(spec.get("nodeName")),
        ips=tuple(dict.fromkeys(spelled)),
    )


def _message(body: bytes) -> str:
    """What a Status says, on one line, whether it stands alone or in an event; empty for anything else."""
    try:
        content = _mapping(_json(body))
        status = _mapping(content.get("object", content))
        said = _text(status.get("message"))
    except ApiFailed:
        return ""
    line = "".join(character if character.isprintable() else " " for character in said)
    return line[:_LONGEST_MESSAGE] if status.get("kind") == "Status" else ""


def _json(body: bytes) -> object:
    try:
        content: object = orjson.loads(body)
    except ValueError as error:
        raise _malformed("it is no JSON") from error
    return content


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _malformed("a part of it is missing")
    return value


def _version(meta: Mapping[str, object]) -> str:
    version = _text(meta.get("resourceVersion"))
    if not version:
        raise _malformed("it has no resourceVersion")
    return version


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _malformed("a part of it is no text")
    return value


def _malformed(why: str) -> ApiFailed:
    return ApiFailed(Failure.MALFORMED, f"what it said cannot be understood: {why}")
