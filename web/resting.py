"""A connection while its peer rests: what comes whole is answered at once, and its task sleeps on."""

import trio

from web.attending import Attending
from web.peer import Need, Peer, Phase, Steps, Wait
from web.streams import TcpStream


class AtRest:
    """Hears a peer that rests, and answers what is answered at once. `need` is what is needed in the end."""

    __slots__ = ("_peer", "_since", "_steps", "_stream", "need")

    def __init__(self, stream: TcpStream, peer: Peer, steps: Steps[None]) -> None:
        self._stream = stream
        self._peer = peer
        self._steps = steps
        self._since = trio.current_time()
        self.need: Need = Wait.MORE

    async def listen(self, attending: Attending) -> bool:
        """Listens until something is needed that is to be waited for; who rests for too long says no more.

        Says whether that could be: the system watches so many and no more. Raises what a stream raises.
        """
        while True:
            # To move a deadline for each request costs more than to look now and then what has become of it.
            with trio.CancelScope(deadline=self._until):
                return await attending.listen(self._stream.number, self)
            if trio.current_time() >= self._until:
                self.need = self._steps.send(b"")
                return True

    def hear(self) -> None:
        """Takes what has come as far as nothing need be waited for."""
        data = self._stream.receive_now()
        if data is not None:
            self.need = self._steps.send(data)

    def say(self, now: float) -> bool:
        """Answers; says whether the peer rests again."""
        need = self.need
        while isinstance(need, bytes):
            sent = self._stream.send_now(need)
            if sent < len(need):
                self.need = need[sent:]
                return False
            self._since = now
            need = next(self._steps)
        self.need = need
        return need is Wait.MORE and self._peer.phase is Phase.RESTING

    @property
    def _until(self) -> float:
        """When the peer has rested for too long; in trio's time."""
        return self._since + self._peer.rest_timeout
