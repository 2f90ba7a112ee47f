"""What the clients of a planned call say: ClientSamples of schema 2.2.0, in the shape real browsers give them.

Like the real client, samples tell the codecs, certificates and candidates of a peer connection once, and the browser,
its devices and constraints once; tracks, transports and candidate pairs are in every sample.
Source: ObserveRTC sample schemas 2.2.0; key order and extra keys as in samples of client-monitor-js 1.3.2.
"""

from typing import Any

from observer.simulation.calls import Call, Participant
from observer.simulation.tracks import track_lists
from observer.simulation.wires import descriptions, told_once, wire_lists

Item = dict[str, Any]

SYSTEMS = (
    ("Chrome", "138.0.0.0", "Blink", "Windows"),
    ("Chrome", "138.0.0.0", "Blink", "macOS"),
    ("Firefox", "140.0", "Gecko", "Linux"),
    ("Safari", "18.5", "WebKit", "macOS"),
)
"""Browser, its version, engine and operating system of the simulated clients."""


def client_sample(call: Call, person: Participant, at: float, *, since: float | None, seq: int, epoch: float) -> Item:
    """The sample that `person` makes `at` seconds after the call began, which was at `epoch` (ms).

    `since` is when its previous sample was taken, `None` for the first: what opened after it is told in full.
    """
    start = -1.0 if since is None else since
    own = [c for c in call.connections if c.client_id == person.client_id and c.opened <= at < c.closed]
    fresh = [c for c in own if c.opened > start]
    sample: Item = {
        "clientId": person.client_id,
        "sampleSeq": seq,
        "roomId": call.room_id,
        "userId": person.user_id,
        "timeZoneOffsetInHours": 0,
        "marker": "simulated",
    }
    if since is None:
        sample |= _about_the_client(person)
    if fresh:
        sample["localSDPs"] = descriptions(fresh)
    events = [o for o in call.occurrences if o.client_id == person.client_id and start < o.at <= at]
    if events:
        sample["customCallEvents"] = [
            _event(o.name, o.value, o.peer_connection_id, epoch + o.at * 1000) for o in events
        ]
    if at - person.joins >= 3 > start - person.joins:
        sample["extensionStats"] = [{"type": "APP_UI_STATS", "payload": '{"layout":"grid","visible":true}'}]
    sample["timestamp"] = round(epoch + at * 1000, 3)
    if own:
        sample |= track_lists(call, person, at, epoch) | wire_lists(call, own, at, epoch)
    if fresh:
        sample |= told_once(fresh)
    return sample


def _about_the_client(person: Participant) -> Item:
    browser, version, engine, system = SYSTEMS[person.system % len(SYSTEMS)]
    return {
        "engine": {"name": engine},
        "platform": {"type": "desktop"},
        "browser": {"name": browser, "version": version},
        "os": {"name": system},
        "mediaConstraints": ['{"audio":true,"video":{"width":640,"height":480}}'],
        "mediaDevices": [
            {"id": "default", "kind": "audioinput", "label": "Default Microphone", "sampled": True},
            {"id": f"{person.system:064x}", "kind": "videoinput", "label": "Integrated Camera", "sampled": True},
            {"id": "default", "kind": "audiooutput", "label": "Default Speakers", "sampled": True},
        ],
    }


def _event(name: str, value: str, connection_id: str | None, timestamp: float) -> Item:
    where = {"peerConnectionId": connection_id} if connection_id else {}
    return {"name": name, **where, "value": value, "timestamp": int(timestamp)}
