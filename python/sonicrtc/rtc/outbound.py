"""The voice that is sent, as ready packets: pulled, encoded and paced without a thread or an executor."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sonicrtc.rtc.adaptation import Adaptation, Encoding, Report
from sonicrtc.rtc.pacing import Pace, Spurts

if TYPE_CHECKING:
    from collections.abc import Buffer

    import numpy as np
    from numpy.typing import NDArray

#: Opus counts RTP time at 48 kHz, whatever it carries (RFC 7587 section 4.1).
TIMESTAMPS = 960

_log = logging.getLogger(__name__)


class Encoder(Protocol):
    """What is needed of :class:`sonicrtc.audio.OpusEncoder`."""

    bitrate: int
    expected_loss_percent: int

    def encode(self, pcm: Buffer) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ReadyPacket:
    """A payload, and whether it begins a spurt of sound."""

    payload: bytes
    begins: bool


class OutboundPackets:
    """Makes the packet of every 20 ms, and follows the receiver's reports.

    Parameters
    ----------
    pull : callable
        ``pull(frames)`` returns that many int16 mono frames; zeros when there is nothing to say.
    encoder : Encoder
        For 20 ms of them.
    frames : int
        Frames of 20 ms.
    pauses : bool
        Send nothing but marks while there is nothing but zeros. A caller does not: as a microphone it is
        never silent, and the server measures its pauses.
    """

    def __init__(
        self, pull: Callable[[int], NDArray[np.int16]], encoder: Encoder, *, frames: int, pauses: bool = True
    ) -> None:
        self._pull, self._encoder, self._frames = pull, encoder, frames
        self._spurts = Spurts() if pauses else None
        self._mark = b"\x00"
        self._adaptation = Adaptation(bitrate=encoder.bitrate)
        self.pace = Pace()

    def next(self) -> ReadyPacket | None:
        """Return the packet that is due; None when nothing is to be sent."""
        begins = self.pace.packets == 0
        block = self._pull(self._frames)
        if self._spurts is not None:
            part = self._spurts.take(silent=not block.any())
            if part == "nothing":
                return None
            if part == "mark":
                return ReadyPacket(self._mark, False)
            begins = self._spurts.begins
        payload = self._encoder.encode(block)
        # The same mode, bandwidth and length without a frame.
        self._mark = bytes([payload[0] & 0xFC])
        return ReadyPacket(payload, begins)

    def reported(self, report: Report) -> None:
        """Take what the receiver says of our packets."""
        encoding = self._adaptation.take(report)
        if encoding is not None:
            self._use(encoding, report)

    def _use(self, encoding: Encoding, report: Report) -> None:
        self._encoder.bitrate = encoding.bitrate
        self._encoder.expected_loss_percent = encoding.expected_loss_percent
        _log.info(
            "encoding adapted: %d bit/s, FEC for %d %% (lost %.1f %%, round trip %s)",
            encoding.bitrate,
            encoding.expected_loss_percent,
            100 * self._adaptation.loss,
            "unknown" if report.round_trip_s is None else f"{1000 * report.round_trip_s:.0f} ms",
        )
