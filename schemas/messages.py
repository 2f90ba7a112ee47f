"""One message of samples, whoever sent it."""

from collections.abc import Collection, Sequence

import msgspec

from schemas.client_samples import ClientSample
from schemas.samples import NOTHING_REJECTED, Item, Reason, Tally
from schemas.sfu_samples import SfuSample


class Samples(msgspec.Struct, gc=False):
    """One message: the samples of one service and media unit.

    `turns` are the objects of ``turnSamples``. `leaving` names the clients, and `leaving_sfus` the SFUs, of the service
    that leave once these samples were taken (``controls.close``). `rejected` tallies what of the message was not taken.
    `rows` is how many samples it holds, and tracks, transports, pads and channels in them: what a look at it costs; 0
    until that was counted, and again when some of them are taken out.
    """

    service_id: str
    media_unit_id: str
    clients: list[ClientSample]
    sfus: Sequence[SfuSample] = ()
    turns: Sequence[Item] = ()
    leaving: Collection[str] = ()
    leaving_sfus: Collection[str] = ()
    rejected: Tally = NOTHING_REJECTED
    rows: int = 0

    def reject(self, reason: Reason, count: int) -> None:
        """Tallies that so much more of the message is not taken, which is then taken out of it."""
        self.rows = 0
        if self.rejected is NOTHING_REJECTED:
            self.rejected = Tally()
        self.rejected[reason] += count
