"""Who has the floor in a call: the agent's voice on its way to the caller, and the turns of both.

Everything here happens at once and in the order in which it is told: no task, no queue but Playout's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, assert_never

from sonicrtc.audio import AudioFormat, Playout
from sonicrtc.bargein import Assist, Interruption
from sonicrtc.metrics import CallStats, MediaClock, Turns
from sonicrtc.sonic.protocol import AssistantText, AudioChunk, UserText

if TYPE_CHECKING:
    from collections.abc import Buffer

    import numpy as np
    from numpy.typing import NDArray

    from sonicrtc.audio import Block
    from sonicrtc.config import Config
    from sonicrtc.events import ServerEvent
    from sonicrtc.rtc.peer import PeerStats


#: So many blocks of speech are remembered as interrupted: what is late of them is not played.
_INTERRUPTED_IDS = 8


class Floor:
    """The agent's voice, from the model to the caller, and what is told of it.

    Parameters
    ----------
    rate_hz : int
        Rate of the model's audio.
    tell : callable
        ``tell(*events)`` takes what is to be told.
    clock : callable
        Returns the milliseconds since the call was connected.
    audio : AudioFormat, optional
        What goes to the caller and comes from there.
    config : Config, optional
        For the assist of barge-in; there is none without.
    """

    def __init__(
        self,
        *,
        rate_hz: int,
        tell: Callable[..., None],
        clock: Callable[[], float],
        audio: AudioFormat | None = None,
        config: Config | None = None,
    ) -> None:
        audio = audio or AudioFormat()
        self._playout = Playout(input_rate_hz=rate_hz, output_rate_hz=audio.spoken_hz)
        self._turns = Turns()
        self._heard_hz = audio.heard_hz
        self._heard_clock = MediaClock()
        self._assist = Assist.on(self._playout, config.bargein, config.vad, audio) if config else None
        self._tell: Callable[..., None] = tell
        self._clock = clock
        self._content_id: str | None = None
        self._interrupted_ids: deque[str | None] = deque(maxlen=_INTERRUPTED_IDS)

    @property
    def waiting_ms(self) -> float:
        """How much of the agent's audio has not been played yet."""
        return self._playout.buffered_ms

    @property
    def is_free(self) -> bool:
        """Whether neither the agent nor the user speaks."""
        return self.waiting_ms == 0 and not self._turns.user_speaks

    def stats(self, peer: PeerStats, events_dropped: int) -> CallStats:
        """Return the call's counts: those of the voice and, beside them, the given ones."""
        return CallStats.of(
            self._playout,
            turns=self._turns.number,
            events_dropped=events_dropped,
            **asdict(peer),
            ducks=self._assist.ducks if self._assist else 0,
            false_ducks=self._assist.false_ducks if self._assist else 0,
        )

    # -- every 20 ms ----------------------------------------------------------------------------------

    def heard(self, buffer: Buffer, frames: int, block: Block) -> None:
        """Take 20 ms of the caller: as they came, and what Uplink made of them.

        Where they are the agent's own voice, `block` is zeros after it. When they were spoken counts, not when
        they came: after a stall many come at once.
        """
        at_ms = self._heard_clock.end_of(1000 * frames / self._heard_hz, self._clock())
        is_echo = self._assist is not None and self._assist.heard(buffer, frames, block, at_ms)
        self._tell(*self._turns.heard(block.level_dbfs, block.speech and not is_echo, at_ms))

    def pull(self, frames: int) -> NDArray[np.int16]:
        """Return the next 20 ms for the caller, mono, shape (frames,)."""
        block: NDArray[np.int16] = self._playout.pull(frames)
        if self._assist is not None:
            self._assist.pulled(block)
        self._tell(*self._turns.played(self._playout.played_ms, self._clock()))
        return block

    # -- from the model -------------------------------------------------------------------------------

    def push(self, chunk: AudioChunk) -> None:
        """Take a piece of the agent's speech; what comes late of an interrupted block is left out."""
        if chunk.content_id in self._interrupted_ids:
            return
        self._content_id = chunk.content_id
        position_ms = self._playout.played_ms + self._playout.buffered_ms
        whole = 2 * self._playout.push(chunk.pcm) == len(chunk.pcm)
        self._tell(*self._turns.received(position_ms, self._clock(), whole=whole))

    def end(self, content_id: str) -> None:
        """Take that a block of speech is complete; one that was interrupted has ended before."""
        if content_id == self._content_id:
            self._playout.end()

    def interrupt(self) -> int:
        """Silence the agent: the user broke in. Return how many frames at `rate_hz` were thrown away unheard."""
        unheard_frames = self._playout.buffered_frames  # the model sent the whole answer long ago
        self._playout.flush()
        self._interrupted_ids.append(self._content_id)
        times = Interruption() if self._assist is None else self._assist.interrupted(self._clock())
        position_ms = self._playout.played_ms
        self._tell(*self._turns.interrupted(position_ms, duck_ms=times.duck_ms, flush_ms=times.flush_ms))
        return unheard_frames

    def say(self, words: UserText | AssistantText) -> None:
        """Take what the user said, or what the agent says."""
        match words:
            case UserText(text=text, again=again):
                self._tell(*self._turns.user_text(text, self._clock(), again=again))
            case AssistantText(text=text, stage=stage):
                self._tell(*self._turns.assistant_text(text, stage))
            case _:
                assert_never(words)

    def typed(self) -> None:
        """Take that the user typed something to the model."""
        self._turns.typed()

    def finish(self) -> tuple[ServerEvent, ...]:
        """Return what is still to be told when the call ends."""
        return self._turns.finish()
