"""The local assist of barge-in: a user who speaks up while the agent speaks makes it quieter at once.

The model's own marker ends the agent's turn, but it comes some hundred milliseconds after the user's first
word. Until then the agent is ducked; the marker confirms it, and without one the level comes back.

Everything here happens at once, in the order in which it is told; times are arguments.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from sonicrtc.audio import AudioFormat, EchoDetector, Uplink, VadConfig

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable

    import numpy as np
    from numpy.typing import NDArray

    from sonicrtc.audio import Block, Playout
    from sonicrtc.config import BargeInConfig

Order = Literal["duck", "unduck"]

_BLOCK_MS = 20.0
#: A voice that did not speak up for so long has stopped, and may begin again.
_PAUSE_MS = 300.0
#: Echo may come so long after the agent has stopped; whole blocks beyond the 400 ms that are searched.
_ECHO_MS = 500.0
#: The background is the mean level of so many blocks ...
_BACKGROUND_BLOCKS = 75
#: ... before the last ones, which may be the beginning of a word; unknown before there are so many.
_RECENT_BLOCKS = 5
_FEWEST_BLOCKS = 25
#: What is quieter counts as this: the noise of a quiet room.
_QUIETEST_DBFS = -65.0
#: A run of loud blocks goes on over gaps of so many.
_GAP_BLOCKS = 3
#: After echo so many blocks are taken for it, too, unless somebody speaks up: what is between words.
_ECHO_BLOCKS = 5

#: What is played may be so many blocks ahead of what is heard, or behind, before it has to wait.
_MOST_AHEAD = 2
#: So much waits at most: 500 ms. After so many blocks that were heard it is looked whether it waits in vain.
_MOST_WAITING = 25
_WATCHED_BLOCKS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """How fast an interruption took effect, in ms from where the user's voice began.

    None where the assist did not hear it begin.
    """

    duck_ms: float | None = None
    flush_ms: float | None = None


class BargeIn:
    """Whether the agent is ducked: idle, ducked, and released until the user is silent.

    Parameters
    ----------
    release_ms : float
        Without the model's marker the level comes back after this.

    Attributes
    ----------
    ducks, false_ducks : int
        How often the agent was ducked, and how often no marker confirmed it.
    """

    def __init__(self, *, release_ms: float) -> None:
        self._release_ms = release_ms
        self._state: Literal["idle", "ducked", "released"] = "idle"
        self._onset_ms = self._ducked_ms = self._heard_ms = 0.0
        self.ducks = self.false_ducks = 0

    def heard(self, *, onset_ms: float | None, agent_speaks: bool, at_ms: float) -> Order | None:
        """Take 20 ms of the user.

        Parameters
        ----------
        onset_ms : float, optional
            Where the voice began that speaks up now; None when nobody does.
        agent_speaks : bool
            Whether there is anything to duck.
        at_ms : float
            Now, on the same clock.
        """
        if onset_ms is not None:
            self._heard_ms = at_ms
        if self._state == "idle" and agent_speaks and onset_ms is not None:
            self._state, self._onset_ms, self._ducked_ms = "ducked", onset_ms, at_ms
            self.ducks += 1
            return "duck"
        if self._state == "ducked" and not agent_speaks:
            self._state = "idle"
            return "unduck"
        if self._state == "ducked" and at_ms - self._ducked_ms >= self._release_ms:
            self._state = "released"
            self.false_ducks += 1
            return "unduck"
        if self._state == "released" and at_ms - self._heard_ms >= _PAUSE_MS:
            self._state = "idle"
        return None

    def interrupted(self, at_ms: float) -> Interruption:
        """Take the model's marker, upon which the agent is silenced: what was ducked is to be unducked."""
        if self._state == "idle":
            return Interruption()
        if self._state == "released":  # the marker was late, the duck was right
            self.false_ducks -= 1
        self._state = "idle"
        return Interruption(duck_ms=self._ducked_ms - self._onset_ms, flush_ms=at_ms - self._onset_ms)


class OnsetDetector:
    """Hears a user begin to speak: by Silero's score, above the background, and not as our own playout.

    Costs nothing but a mean while it does not listen.

    Parameters
    ----------
    config : BargeInConfig
        The thresholds.
    vad : VadConfig
        The detector of the call; when it is Silero, its score is used and no second one runs.
    audio : AudioFormat, optional
        What comes from the user and goes there.

    Raises
    ------
    ImportError
        Silero is not installed.
    """

    def __init__(self, config: BargeInConfig, vad: VadConfig, audio: AudioFormat | None = None) -> None:
        audio = audio or AudioFormat()
        self._config = config
        self._own_score = vad.detector == "silero"
        own = None if self._own_score else VadConfig(detector="silero", gate="off")
        self._uplink = Uplink(input_rate_hz=audio.heard_hz, channels=audio.heard_channels, downmix="mean", vad=own)
        self._block = self._uplink.block(audio.longest_frames)
        self._echo = EchoDetector(audio.spoken_hz, 16_000)
        self._levels: deque[float] = deque()
        self._level_sum = 0.0
        self._last_dbfs = _QUIETEST_DBFS
        self._score = 0.0
        self._run_began_ms: float | None = None
        self._quiet_blocks = 0
        self._blocks_since_echo = _ECHO_BLOCKS
        #: Whether the last block is to be kept from the model: echo whose path is known.
        self.is_echo = False

    def begin(self) -> None:
        """Listen from now on: the agent begins to speak."""
        self._uplink.reset()
        self._score = 0.0
        self._run_began_ms = None

    def played(self, block: NDArray[np.int16]) -> None:
        """Take 20 ms that went to the user, mono."""
        self._echo.played(block)

    def idle(self, level_dbfs: float) -> float:
        """Take the level of 20 ms of the user; return that of the background before, in dBFS."""
        levels = self._levels
        level = max(level_dbfs, _QUIETEST_DBFS)
        old = len(levels) - _RECENT_BLOCKS
        background = self._level_sum / old if old >= _FEWEST_BLOCKS else math.inf
        levels.append(level)
        if old >= 0:
            self._level_sum += levels[old]
        if old >= _BACKGROUND_BLOCKS:
            self._level_sum -= levels.popleft()
        return background

    def heard(self, buffer: Buffer, frames: int, block: Block, at_ms: float) -> float | None:
        """Take 20 ms of the user.

        Parameters
        ----------
        buffer : buffer of int16
            As it came.
        block : Block
            The same as the call's Uplink gave it.
        at_ms : float
            When it ended.

        Returns
        -------
        float or None
            When the voice began that speaks up now; None when nobody does.
        """
        level_dbfs = block.level_dbfs
        loud_dbfs = max(level_dbfs, self._last_dbfs) - self._config.rise_db
        loud = loud_dbfs >= self.idle(level_dbfs)
        self._last_dbfs = level_dbfs
        ungated = self._uplink.push(buffer, frames=frames, out=self._block)
        score = block.score if self._own_score else ungated.score
        if score is not None:
            self._score = score
        echo = self._echo.heard(ungated.s16)
        self._follow(loud and not echo, at_ms)
        # One block between two of a known echo is echo too; the first of an unknown one may be chance.
        speaks_up = loud and self._score >= self._config.threshold and not echo and self._blocks_since_echo > 0
        on_known_path = echo and self._echo.lag_ms >= 0
        self._blocks_since_echo = 0 if on_known_path else self._blocks_since_echo + 1
        self.is_echo = on_known_path or (not speaks_up and self._blocks_since_echo <= _ECHO_BLOCKS)
        return self._run_began_ms if speaks_up else None

    def _follow(self, loud: bool, at_ms: float) -> None:
        """Remember where the run of loud blocks began that goes on."""
        self._quiet_blocks = 0 if loud else self._quiet_blocks + 1
        if loud and self._run_began_ms is None:
            self._run_began_ms = at_ms - _BLOCK_MS
        elif self._quiet_blocks > _GAP_BLOCKS:
            self._run_began_ms = None


class Abreast:
    """Keeps what was played beside what was heard at the same time, when the latter comes in bursts.

    The detector of echo bears 60 ms of difference. While the network holds the user up, what is played waits
    here, and goes on one block for each that is heard then. What waits although nothing was held up for a second
    is clocks that differ, and goes on.

    Parameters
    ----------
    played : callable
        Takes a block that was played.
    """

    def __init__(self, played: Callable[[NDArray[np.int16]], None]) -> None:
        self._played = played
        self._waiting: deque[NDArray[np.int16]] = deque()
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._waiting.clear()
        self._ahead = 0
        self._fewest = self._since = 0

    def pulled(self, block: NDArray[np.int16]) -> None:
        """Take a block that was played."""
        if self._ahead < _MOST_AHEAD:
            self._ahead += 1
            self._played(block)
            return
        self._waiting.append(block)
        if len(self._waiting) > _MOST_WAITING:
            self._played(self._waiting.popleft())

    def heard(self) -> None:
        """Take note that the same length was heard."""
        self._ahead = max(self._ahead - 1, -_MOST_AHEAD)
        if self._waiting:
            self._ahead += 1
            self._played(self._waiting.popleft())
        self._fewest = min(self._fewest, len(self._waiting)) if self._since else len(self._waiting)
        self._since += 1
        if self._since == _WATCHED_BLOCKS:
            self._since = 0
            for _ in range(self._fewest):
                self._played(self._waiting.popleft())


class Assist:
    """Ducks the agent while the user speaks up.

    Parameters
    ----------
    playout : Playout
        The agent's voice.
    config : BargeInConfig
        Its settings; ``config.assist`` is not looked at.
    vad : VadConfig
        The detector of the call.
    audio : AudioFormat, optional
        What comes from the user and goes there.

    Raises
    ------
    ImportError
        Silero is not installed.
    """

    def __init__(
        self, playout: Playout, config: BargeInConfig, vad: VadConfig, audio: AudioFormat | None = None
    ) -> None:
        self._playout = playout
        self._duck_db = -config.duck_db
        self._mutes_echo = config.echo == "mute"
        self._detector = OnsetDetector(config, vad, audio)
        self._abreast = Abreast(self._detector.played)
        self._state = BargeIn(release_ms=config.release_ms)
        self._played_frames = 0
        self._silent_ms = _ECHO_MS
        self._is_silenced = False  # by the user, who may go on speaking: there is nothing left to duck

    @classmethod
    def on(
        cls, playout: Playout, config: BargeInConfig, vad: VadConfig, audio: AudioFormat | None = None
    ) -> Self | None:
        """Return the assist, or None where it is off: by its setting, or for want of the extra ``silero``."""
        if config.assist == "off":
            return None
        try:
            return cls(playout, config, vad, audio)
        except ImportError:
            return None

    @property
    def ducks(self) -> int:
        """How often the agent was ducked."""
        return self._state.ducks

    @property
    def false_ducks(self) -> int:
        """How often it was and the model did not confirm it."""
        return self._state.false_ducks

    def pulled(self, block: NDArray[np.int16]) -> None:
        """Take 20 ms that were pulled for the user."""
        played_frames = self._playout.played_frames
        if played_frames != self._played_frames:
            if self._silent_ms >= _ECHO_MS:
                self._detector.begin()
                self._abreast.clear()
            self._played_frames, self._silent_ms = played_frames, 0.0
            self._is_silenced = False
        elif self._silent_ms >= _ECHO_MS:
            return
        else:
            self._silent_ms += _BLOCK_MS
        self._abreast.pulled(block)

    def heard(self, buffer: Buffer, frames: int, block: Block, at_ms: float) -> bool:
        """Take 20 ms of the user; see :meth:`OnsetDetector.heard`.

        Returns whether they were echo of the agent. The model must not hear it, or it would interrupt
        itself: `block` is zeros then. Of a user for whom the agent is ducked everything is let through.
        """
        if self._silent_ms >= _ECHO_MS:
            self._detector.idle(block.level_dbfs)
            return False
        self._abreast.heard()
        onset_ms = self._detector.heard(buffer, frames, block, at_ms)
        order = self._state.heard(
            onset_ms=onset_ms,
            agent_speaks=self._silent_ms < _PAUSE_MS and not self._is_silenced,
            at_ms=at_ms,
        )
        if order == "duck":
            self._playout.duck(self._duck_db)
        elif order == "unduck":
            self._playout.unduck()
        is_echo = self._mutes_echo and self._detector.is_echo and not self._playout.ducked
        if is_echo:
            for audio in (block.s16, block.f32, block.preroll):
                audio[:] = 0
        return is_echo

    def interrupted(self, at_ms: float) -> Interruption:
        """Take the model's marker: what comes next is heard at full level."""
        self._playout.unduck()
        self._is_silenced = True
        return self._state.interrupted(at_ms)
