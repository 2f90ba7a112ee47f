"""One message of samples, whoever sent it."""

from collections.abc import Collection

import msgspec

from schemas.client_samples import ClientSample
from schemas.samples import Item, Tally
from schemas.sfu_samples import SfuSample


class Samples(msgspec.Struct, gc=False):
    """One message: the samples of one service and media unit.

    `turns` are the objects of ``turnSamples``. `leaving` names the clients, and `leaving_sfus` the SFUs, of the service
    that leave once these samples were taken (``controls.close``). `rejected` tallies what of the message was not taken.
    `rows` is what whoever has counted what the message holds has noted, so that it is counted once.
    """

    service_id: str
    media_unit_id: str
    clients: list[ClientSample]
    sfus: list[SfuSample] = []
    turns: list[Item] = []
    leaving: Collection[str] = ()
    leaving_sfus: Collection[str] = ()
    rejected: Tally = msgspec.field(default_factory=Tally)
    rows: int = 0
