"""Which turn of the assistant a block of output belongs to, and what became of that turn. No I/O.

The service names no turns. It sends, for each sentence, a SPECULATIVE text and one AUDIO block, then the FINAL text
(Nova 2 user guide, ``sonic-output-events``); and it tells of an interruption twice or three times, behind the audio,
which it makes faster than it is spoken (``sonic-barge-in``). Turns are numbered here, so that the second telling is
known for what it is, and so that what still comes of an interrupted turn is not taken for the next one's.
"""

from __future__ import annotations


class Turns:
    """Counts the assistant's turns.

    Attributes
    ----------
    number : int
        The last turn that began; 0 before the first.
    """

    def __init__(self) -> None:
        self.number = 0
        self._open = False
        self._interrupted = -1  # the last turn that was
        self._promised = 0  # texts of this turn whose audio has not begun
        self._speech_over = False

    def promise(self) -> int:
        """Take note of a SPECULATIVE text, and return its turn."""
        self._begin()
        self._promised += 1
        return self.number

    def speak(self) -> int:
        """Take note of a new AUDIO block, and return its turn.

        A promised block of a turn that is over is still that turn's.
        """
        if self._open or not self._promised:
            self._begin()
        self._promised = max(0, self._promised - 1)
        return self.number

    def fall_silent(self, turn: int, *, for_good: bool) -> None:
        """Take note that an AUDIO block of `turn` ended; `for_good`: the service says that it was the last."""
        if turn == self.number:
            self._speech_over = for_good

    def user_speaks(self) -> bool:
        """Take note of the user's text, and return whether it ends a turn that nothing else has ended."""
        self._promised = 0
        return self._speech_over and self.end(self.number)

    def end(self, turn: int) -> bool:
        """End `turn`, and return whether it was the open one."""
        was_open = self._open and turn == self.number
        self._open = self._open and not was_open
        return was_open

    def interrupt(self, turn: int) -> bool:
        """Silence `turn` and those before it, and return whether that is news of the newest turn."""
        is_news = turn == self.number and turn > self._interrupted
        self._interrupted = max(self._interrupted, turn)
        return is_news

    def is_silenced(self, turn: int) -> bool:
        """Return whether what comes of `turn` must not be heard any more."""
        return turn <= self._interrupted

    def _begin(self) -> None:
        if not self._open:
            self.number += 1
            self._open, self._speech_over, self._promised = True, False, 0
