"""What a call observes about itself: who speaks, whose turn it is, where the time goes, what is lost.

No clock in here: times come in as arguments, in milliseconds since the call was connected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sonicrtc.events import ErrorEvent, InterruptedEvent, ServerEvent, SpeakingEvent, TimingEvent, TranscriptEvent

if TYPE_CHECKING:
    from sonicrtc._core import Playout

#: Audio that is later than this was not held up but left out.
_LONGEST_BURST_MS = 1000.0
#: ms per ms; clocks drift by a fiftieth of it at most.
_OFFSET_RISE = 0.01
_FLOOR_DBFS = -55.0
_BELOW_PEAK_DB = 15.0
_PEAK_FALL_DB_PER_S = 5.0
_USER_PAUSE_MS = 500.0
_ASSISTANT_PAUSE_MS = 300.0
_OVERFLOW = ErrorEvent(
    code="playout_overflow",
    message="more of the answer came at once than is kept for playing; its newest part will not be heard",
)


class MediaClock:
    """When audio was spoken, of audio that comes in bursts: its own length counts the time.

    The piece that came fastest of the last seconds is taken to have come without delay; all others came as
    much later as the network held them up. Without bursts this is the time at which they come.
    """

    def __init__(self) -> None:
        self._offset_ms: float | None = None
        self._length_ms = 0.0

    def end_of(self, length_ms: float, now_ms: float) -> float:
        """Take a piece that comes now, and return when it ended."""
        self._length_ms += length_ms
        offset_ms = now_ms - self._length_ms
        # Up slowly, for clocks that drift and routes that change; at once where audio was left out.
        if self._offset_ms is None or offset_ms - self._offset_ms > _LONGEST_BURST_MS:
            self._offset_ms = offset_ms
        else:
            self._offset_ms = min(offset_ms, self._offset_ms + _OFFSET_RISE * length_ms)
        return self._length_ms + self._offset_ms


class Loudness:
    """Tells words from what is between them: near the loudest of the last seconds, or not.

    The gate of the uplink stays open through the model's whole endpointing pause, on purpose;
    people want to see when somebody stopped speaking.
    """

    def __init__(self) -> None:
        self._peak_dbfs = _FLOOR_DBFS
        self._at_ms = 0.0

    def is_loud(self, level_dbfs: float, at_ms: float) -> bool:
        """Take the level of one block."""
        fallen_dbfs = self._peak_dbfs - _PEAK_FALL_DB_PER_S * (at_ms - self._at_ms) / 1000
        self._peak_dbfs, self._at_ms = max(level_dbfs, fallen_dbfs, _FLOOR_DBFS), at_ms
        return level_dbfs > max(_FLOOR_DBFS, self._peak_dbfs - _BELOW_PEAK_DB)


class Voice:
    """Whether somebody is speaking, with an end after a pause."""

    def __init__(self, role: Literal["user", "assistant"], *, pause_ms: float) -> None:
        self._role = role
        self._pause_ms = pause_ms
        self.active = False
        #: When voice was last heard; None before the first.
        self.last_ms: float | None = None

    def hear(self, voiced: bool, at_ms: float) -> tuple[ServerEvent, ...]:
        """Take one piece of sound; return an event when speaking began or ended with it."""
        if voiced:
            self.last_ms = at_ms
            if not self.active:
                self.active = True
                return (SpeakingEvent(role=self._role, active=True),)
        elif self.active and at_ms - (self.last_ms or 0.0) >= self._pause_ms:
            return self.stop()
        return ()

    def stop(self) -> tuple[ServerEvent, ...]:
        """End speaking at once."""
        was_active, self.active = self.active, False
        return (SpeakingEvent(role=self._role, active=False),) if was_active else ()


class Turns:
    """Follows a conversation: turns, transcripts, who speaks, and one timing per turn.

    Each method takes what happened and returns the events to tell.
    """

    def __init__(self) -> None:
        self.number = 0
        self._loudness = Loudness()
        self._user = Voice("user", pause_ms=_USER_PAUSE_MS)
        self._assistant = Voice("assistant", pause_ms=_ASSISTANT_PAUSE_MS)
        self._typed = False
        self._timing: TimingEvent | None = None
        self._starts_at_ms: float | None = None
        self._received_ms: float | None = None
        self._position_ms = 0.0
        self._overflowed = False

    @property
    def user_speaks(self) -> bool:
        """Whether the user is speaking now."""
        return self._user.active

    def heard(self, level_dbfs: float, speech: bool, at_ms: float) -> tuple[ServerEvent, ...]:
        """Take 20 ms of the user: its level, and whether the detector calls it speech."""
        return self._user.hear(self._loudness.is_loud(level_dbfs, at_ms) and speech, at_ms)

    def played(self, position_ms: float, at_ms: float) -> tuple[ServerEvent, ...]:
        """Take 20 ms that went to the user, up to `position_ms` of the model's audio."""
        sounding, self._position_ms = position_ms > self._position_ms, position_ms
        events = self._assistant.hear(sounding, at_ms)
        if self._timing is not None and self._starts_at_ms is not None and position_ms > self._starts_at_ms:
            return (*events, *self.finish(first_audio_played_ms=at_ms))
        return events

    def user_text(self, text: str, at_ms: float, *, again: bool = False) -> tuple[ServerEvent, ...]:
        """Take what the model understood: the user's turn is over; `again` corrects the words of the last one."""
        if again and self.number:
            return (TranscriptEvent(role="user", stage="final", text=text, turn=self.number),)
        speech_end_ms = None if self._typed else self._user.last_ms
        previous = self._begin(TimingEvent(turn=0, user_speech_end_ms=speech_end_ms, user_text_ms=at_ms))
        return (*previous, TranscriptEvent(role="user", stage="final", text=text, turn=self.number))

    def typed(self) -> None:
        """Take that the user typed something: the model's next new words answer it."""
        self._typed = True

    def assistant_text(self, text: str, stage: Literal["speculative", "final"]) -> tuple[ServerEvent, ...]:
        """Take what the model is about to say or has said."""
        previous = self._begin(TimingEvent(turn=0)) if self._typed and stage == "speculative" else ()
        return (*previous, TranscriptEvent(role="assistant", stage=stage, text=text, turn=self._current()))

    def received(self, position_ms: float, at_ms: float, *, whole: bool) -> tuple[ServerEvent, ...]:
        """Take audio of the model that will be heard at `position_ms`, or not `whole` for want of room.

        What is left out is told once per turn, not once per piece.
        """
        self._current()
        if self._starts_at_ms is None:
            self._starts_at_ms, self._received_ms = position_ms, at_ms
        overflowed_before, self._overflowed = self._overflowed, self._overflowed or not whole
        return () if whole or overflowed_before else (_OVERFLOW,)

    def interrupted(
        self, position_ms: float, *, duck_ms: float | None = None, flush_ms: float | None = None
    ) -> tuple[ServerEvent, ...]:
        """Take that the user broke in when `position_ms` of the model's audio had been heard.

        The times count from where the user's voice began; None where that is unknown.
        """
        heard_ms = 0.0 if self._starts_at_ms is None else max(0.0, position_ms - self._starts_at_ms)
        event = InterruptedEvent(turn=self._current(), played_ms=heard_ms, duck_ms=duck_ms, flush_ms=flush_ms)
        return (event, *self._assistant.stop())

    def finish(self, *, first_audio_played_ms: float | None = None) -> tuple[ServerEvent, ...]:
        """Return the turn's timing, once."""
        timing, self._timing = self._timing, None
        if timing is None:
            return ()
        return (
            TimingEvent(
                turn=self.number,
                user_speech_end_ms=timing.user_speech_end_ms,
                user_text_ms=timing.user_text_ms,
                first_audio_received_ms=self._received_ms,
                first_audio_played_ms=first_audio_played_ms,
            ),
        )

    def _begin(self, timing: TimingEvent) -> tuple[ServerEvent, ...]:
        previous = self.finish()
        self.number += 1
        self._typed = False
        self._timing = timing
        self._starts_at_ms = self._received_ms = None
        self._overflowed = False
        return previous

    def _current(self) -> int:
        """Return the turn's number; the first words of a call open turn 1, whoever says them."""
        if self.number == 0:
            self._begin(TimingEvent(turn=0))
        return self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStats:
    """What one call carried and lost so far.

    `ducks` counts how often the agent was made quieter because the user spoke, `false_ducks` how often the
    model did not take it for an interruption; `packets_lost` of the caller's packets did not come, of whose
    sound `restored_ms` came from in-band FEC and `made_up_ms` from nothing; all three are 0 on the path "frames".
    `stalls` counts how often packets for the caller left more than 20 ms late, because something kept the event loop
    busy, and `longest_stall_ms` is by how much at most.
    """

    turns: int
    played_ms: float
    playout_dropped_frames: int
    playout_underruns: int
    events_dropped: int
    messages_dropped: int
    ducks: int
    false_ducks: int
    packets_lost: int
    restored_ms: float
    made_up_ms: float
    stalls: int
    longest_stall_ms: float

    @classmethod
    def of(cls, playout: Playout, **others: Any) -> CallStats:
        """Read the counters of `playout` and put the `others` beside them."""
        return cls(
            played_ms=playout.played_ms,
            playout_dropped_frames=playout.dropped_frames,
            playout_underruns=playout.underruns,
            **others,
        )
