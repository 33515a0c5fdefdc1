"""When packets leave, and which of them."""

from __future__ import annotations

import asyncio
from typing import Literal

#: What a packet holds.
PACKET_S = 0.02
#: A timer that comes later than this is a stall.
STALL_S = 0.02

_REANCHOR_S = 0.4
_TRAIL = 10
_KEEP_ALIVE = 20


class Pace:
    """An absolute schedule: packet `i` is due 20 ms times `i` after the first, on the loop's monotonic clock.

    The pace never drifts. After a stall all packets that are due go out at once, with the timestamps that
    they would have had: browsers then wait a little longer and hear no further gap. Beyond 400 ms that
    would be more sound than anybody wants at once, and the schedule begins anew with what was due first.

    Attributes
    ----------
    packets : int
        How many were due so far; also the timestamp of the next one, in packets.
    stalls : int
        How often the timer came more than 20 ms late: something kept the event loop busy.
    longest_stall_s : float
        By how much it was late at most.
    """

    def __init__(self) -> None:
        self.packets = 0
        self.stalls = 0
        self.longest_stall_s = 0.0
        self._anchor_s: float | None = None

    async def due(self) -> None:
        """Wait until the next packet is due."""
        loop = asyncio.get_running_loop()
        if self._anchor_s is None:
            self._anchor_s = loop.time()
        late_s = loop.time() - self._anchor_s - self.packets * PACKET_S
        if late_s < 0:
            await asyncio.sleep(-late_s)
            late_s = loop.time() - self._anchor_s - self.packets * PACKET_S
            self.longest_stall_s = max(self.longest_stall_s, late_s)
            self.stalls += late_s > STALL_S
        if late_s > _REANCHOR_S:
            self._anchor_s += late_s

    def sent(self) -> None:
        """Take note that the packet which was due is on its way, or was left out on purpose."""
        self.packets += 1


Part = Literal["sound", "mark", "nothing"]


class Spurts:
    """What of a voice with pauses is sent: the sound, 200 ms of the silence after it, then marks only.

    A mark is a packet without audio, as Opus has it for discontinuous transmission (RFC 6716 section 3.1,
    RFC 7587 section 3.1.3): upon it a receiver makes its own quiet instead of stretching the last sound. It
    is repeated every 400 ms, as Opus encoders do, for whatever drops a stream that is dead. The silence
    before it lets receivers with a queue of packets play the sound to its end.

    Attributes
    ----------
    begins : bool
        Whether the last part is the first after a pause: its packet has the marker bit (RFC 3551 section 4.1).
    """

    def __init__(self) -> None:
        self.begins = False
        self._quiet = 0
        self._pauses = True

    def take(self, *, silent: bool) -> Part:
        """Take 20 ms and return what is to be sent of them."""
        self._quiet = self._quiet + 1 if silent else 0
        if self._quiet <= _TRAIL:
            self.begins, self._pauses = self._pauses, False
            return "sound"
        self.begins, self._pauses = False, True
        return "nothing" if (self._quiet - _TRAIL - 1) % _KEEP_ALIVE else "mark"
