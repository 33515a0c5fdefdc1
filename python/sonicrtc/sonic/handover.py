"""When the next stream takes over from the one that carries the conversation. No I/O; times come in.

A stream lives for 8 minutes at most (API reference, ``InvokeModelWithBidirectionalStream``), and no longer than
its credentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sonicrtc.config import ContinuityConfig

#: A stream leaves this long before its credentials expire.
_BEFORE_EXPIRY_S = 60.0
#: The user must have been quiet for so long for a gap.
_QUIET_S = 0.6
#: Voice that the model says nothing about is not waited for any longer.
_PATIENCE_S = 5.0
#: What the user is just saying is taken along whole as long as it is this much shorter than the tape.
_TAPE_MARGIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is going on at a moment.

    Parameters
    ----------
    user_quiet_s : float
        Since the user's voice was last heard.
    unanswered_s : float, optional
        Since the beginning of what the user said and the model has not answered; None when there is nothing.
    agent_speaking : bool
        The agent's voice is being sent or played.
    awaited : bool
        A tool's result, or the answer to a text, is awaited.
    """

    user_quiet_s: float
    unanswered_s: float | None
    agent_speaking: bool
    awaited: bool

    @property
    def is_gap(self) -> bool:
        """Nobody speaks, and nobody is waiting for an answer."""
        waiting = self.unanswered_s is not None and self.user_quiet_s < _PATIENCE_S
        return self.user_quiet_s >= _QUIET_S and not (waiting or self.agent_speaking or self.awaited)


class Handover:
    """Decides for one stream.

    Parameters
    ----------
    config : ContinuityConfig
        From which age, and by which.
    opened_at_s : float
        When the stream began.
    expires_at_s : float, optional
        When its credentials expire, on the same clock.
    tape_s : float
        How much of what the user said can be repeated.

    Attributes
    ----------
    from_s, by_s : float
        Between these times the next stream takes over.
    """

    def __init__(
        self, config: ContinuityConfig, *, opened_at_s: float, expires_at_s: float | None = None, tape_s: float
    ) -> None:
        self.from_s = opened_at_s + config.swap_after_s
        self.by_s = opened_at_s + config.swap_by_s
        self._tape_s = tape_s
        if expires_at_s is not None:
            self.by_s = min(self.by_s, max(opened_at_s, expires_at_s - _BEFORE_EXPIRY_S))
            self.from_s = min(self.from_s, max(opened_at_s, self.by_s - (config.swap_by_s - config.swap_after_s)))

    def ask(self) -> None:
        """Let the next stream take over in the next gap, whatever this one's age."""
        self.from_s = 0.0

    def due(self, now_s: float, scene: Scene) -> Literal["no", "gap", "force"]:
        """Return whether to change streams now: not yet, unnoticed in a gap, or whoever speaks."""
        if now_s >= self.by_s:
            return "force"
        if now_s < self.from_s:
            return "no"
        if scene.is_gap:
            return "gap"
        speaking = scene.user_quiet_s < _QUIET_S and not scene.agent_speaking and not scene.awaited
        said_s = scene.unanswered_s or 0.0
        if speaking and self._tape_s - _TAPE_MARGIN_S <= said_s < self._tape_s:
            return "force"  # later, its beginning could not be repeated any more
        return "no"

    def next_s(self, now_s: float, quiet_since_s: float) -> float:
        """Return when `due` may change its mind only because time passes; infinite when not."""
        times = (self.from_s, self.by_s, quiet_since_s + _QUIET_S, quiet_since_s + _PATIENCE_S)
        return min((at_s for at_s in times if at_s > now_s), default=float("inf"))
