"""The last seconds of what the user said, kept beside the path for a stream that has to hear it again. No I/O.

Positions are frames on the conversation's time line: 0 is where the user's audio began. A long silence takes no
room, so that what was said before it stays for longer.
"""

from __future__ import annotations

import bisect
from collections import deque
from dataclasses import dataclass

from sonicrtc.sonic.wire import INPUT_RATE_HZ

#: How much audio is kept, in ms.
TAPE_MS = 10_000
#: Voice that pauses for less than this is one utterance.
_JOIN_MS = 300
#: A model cannot have heard the end of an utterance that is younger: half of its shortest pause, for it and we may
#: differ by that much about where a word ends.
_TOO_YOUNG_MS = 200
#: Silence up to this length is kept and repeated as it is: the model measures its pauses by it.
LONGEST_PAUSE_MS = 2500
#: What is repeated with an utterance from before its first voiced frame.
_LEAD_MS = 300


def _frames(ms: float) -> int:
    return int(ms * INPUT_RATE_HZ / 1000)


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk on the tape: little-endian int16 mono at 16 kHz, from `start` up to `end`."""

    pcm: bytes
    start: int
    end: int
    voiced: bool


@dataclass(slots=True)
class _Utterance:
    start: int
    end: int


class Tape:
    """What was sent, and which of it the model has not answered yet.

    Parameters
    ----------
    limit_ms : int
        How much audio is kept.

    Attributes
    ----------
    end : int
        Position behind the last chunk.
    lost_frames : int
        Voice that left the tape before it was answered.
    """

    def __init__(self, limit_ms: int = TAPE_MS) -> None:
        self._limit_frames = _frames(limit_ms)
        self._pieces: deque[Piece] = deque()
        self._kept_frames = 0
        self._silent_frames = 0
        self._unheard: deque[_Utterance] = deque()
        self._heard_from: int | None = None
        self.end = 0
        self.lost_frames = 0

    def append(self, pcm: bytes, *, voiced: bool) -> Piece:
        """Put the next chunk on the tape and return it.

        Parameters
        ----------
        pcm : bytes
            Little-endian int16 mono at 16 kHz, any length.
        voiced : bool
            Whether somebody speaks in it.
        """
        piece = Piece(pcm, self.end, self.end + len(pcm) // 2, voiced)
        self.end = piece.end
        self._silent_frames = 0 if any(pcm) else self._silent_frames + piece.end - piece.start
        if self._silent_frames <= _frames(LONGEST_PAUSE_MS):
            self._keep(piece)
        if voiced:
            last = self._unheard[-1] if self._unheard else None
            if last is not None and piece.start - last.end < _frames(_JOIN_MS):
                last.end = piece.end
            else:
                self._unheard.append(_Utterance(piece.start, piece.end))
        return piece

    def _keep(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._kept_frames += piece.end - piece.start
        while self._kept_frames > self._limit_frames:
            gone = self._pieces.popleft()
            self._kept_frames -= gone.end - gone.start
            first = self.unanswered_from
            if first is not None and first < gone.end:
                self.lost_frames += gone.end - max(first, gone.start)

    # -- what the model has taken in ---------------------------------------------------------------

    @property
    def start(self) -> int:
        """Position of the oldest chunk."""
        return self._pieces[0].start if self._pieces else self.end

    @property
    def unanswered_from(self) -> int | None:
        """Where the oldest voice begins that the model has not answered; None when there is none."""
        if self._heard_from is not None:
            return self._heard_from
        return self._unheard[0].start if self._unheard else None

    @property
    def unheard_ms(self) -> float:
        """How much voice there is that the model has not even put into words."""
        return 1000 * sum(u.end - u.start for u in self._unheard) / INPUT_RATE_HZ

    @property
    def is_waiting(self) -> bool:
        """Whether the model has put something into words that it has not begun to answer."""
        return self._heard_from is not None

    def heard(self, sent: int) -> None:
        """Take note that the model has put into words what it had been sent up to position `sent`."""
        upto = sent - _frames(_TOO_YOUNG_MS)
        while self._unheard and self._unheard[0].end <= upto:
            first = self._unheard.popleft()
            self._heard_from = first.start if self._heard_from is None else self._heard_from

    def answered(self) -> None:
        """Take note that the model has begun to answer what it had put into words."""
        self._heard_from = None

    # -- to hear it again --------------------------------------------------------------------------

    def holds_unanswered(self) -> bool:
        """Say whether all that the model has not answered can be repeated."""
        first = self.unanswered_from
        return first is None or first >= self.start

    def replay_from(self) -> int:
        """Return the position from which another stream has to hear; the tape's end when nothing is open."""
        first = self.unanswered_from
        return self.end if first is None else max(self.start, first - _frames(_LEAD_MS))

    def next(self, position: int) -> Piece | None:
        """Return the first chunk that ends behind `position`; None when there is no more."""
        at = bisect.bisect_right(self._pieces, position, key=lambda piece: piece.end)
        return self._pieces[at] if at < len(self._pieces) else None
