"""What was said so far, and whether the reply has finished: no I/O, time comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

import msgspec

from sonicrtc.events import (
    EndedEvent,
    ErrorEvent,
    InterruptedEvent,
    ModelEvent,
    ServerEvent,
    SessionEvent,
    SpeakingEvent,
    TranscriptEvent,
    UnknownEvent,
)

#: How a call ended; the last two are not for the conversation to tell.
Outcome = Literal["finished", "no_reply", "ended", "hung_up", "lost"]

#: Quiet after a reply that makes it finished; longer than a pause between two sentences on a busy machine.
SETTLE_S = 2.5
#: The same where nothing says that the reply is complete (an echo, for example).
SETTLE_INCOMPLETE_S = 4.0
#: How long an agent that speaks first may take until it is silent again; the caller then speaks all the same.
GREETING_S = 20.0


@dataclass(slots=True, kw_only=True)
class Conversation:
    """Follows one call's events and sound.

    Parameters
    ----------
    timeout_s : float
        How long to wait for a reply, and for its end when nothing more comes.
    greeting_s : float
        How long an agent that speaks first is listened to before the caller speaks.

    Attributes
    ----------
    floor_s : float or None
        When the caller may speak: at once, or when the agent has greeted; None before the call is up.
    """

    timeout_s: float = 30.0
    greeting_s: float = 0.0
    events: list[ServerEvent | UnknownEvent] = field(default_factory=list)
    session: SessionEvent | None = None
    error: ErrorEvent | None = None
    ended: EndedEvent | None = None
    floor_s: float | None = None
    _spoken_s: float | None = None
    _sound_s: float | None = None
    _event_s: float | None = None
    #: Whose turn the last transcript belongs to, and whether that turn is complete.
    _state: Literal["none", "user", "assistant", "complete"] = "none"
    #: The last turn that was there before the caller spoke: a greeting, which is no reply.
    _greeting_turn: int = 0
    _latest_turn: int = 0
    _assistant_speaks: bool = False

    def take(self, event: ServerEvent | UnknownEvent, now_s: float) -> None:
        """Note one event from the server."""
        self.events.append(event)
        match event:
            case SessionEvent():
                self.session = event
                self.floor_s = now_s + (self.greeting_s if event.greets else 0.0)
            case TranscriptEvent(turn=turn) | InterruptedEvent(turn=turn):
                self._latest_turn = max(self._latest_turn, turn)
                if turn > self._greeting_turn:
                    self._state = _state_after(event)
            case SpeakingEvent(role="assistant", active=active):
                self._assistant_speaks = active
                if not active and self.floor_s is not None:
                    self.floor_s = min(self.floor_s, now_s)
            case ModelEvent():
                pass  # the reply is still to come, only later
            case ErrorEvent():
                self.error = event
            case EndedEvent():
                self.ended = event
            case _:
                return
        self._event_s = now_s

    def speech_began(self) -> None:
        """Note that the caller speaks from now on: what was said before is no reply."""
        self._greeting_turn = self._latest_turn
        self._state = "none"

    def speech_ended(self, now_s: float) -> None:
        """Note that the caller's speech was played to its end."""
        self._spoken_s = now_s

    def sound_came(self, now_s: float) -> None:
        """Note that something above -50 dBFS was heard."""
        self._sound_s = now_s

    def deadline_s(self) -> float | None:
        """Return when to look at :meth:`outcome` again if nothing happens; None while the caller speaks."""
        if self.ended is not None:
            return self._event_s
        if self._spoken_s is None:
            return None
        last_s = max(self._spoken_s, self._sound_s or 0.0, self._event_s or 0.0)
        if self._state == "user" or not self._replied:
            return last_s + self.timeout_s
        complete = self._state == "complete" and not self._assistant_speaks
        return max(last_s, self._turn_over_s()) + (SETTLE_S if complete else SETTLE_INCOMPLETE_S)

    def outcome(self, now_s: float) -> Outcome | None:
        """Return how the call ended, or None while it goes on."""
        if self.ended is not None:
            return "ended"
        deadline_s = self.deadline_s()
        if deadline_s is None or now_s < deadline_s:
            return None
        return "finished" if self._replied else "no_reply"

    @property
    def _replied(self) -> bool:
        """Whether anything of a reply came after the caller's speech."""
        if self._state in ("assistant", "complete"):
            return True
        return self._spoken_s is not None and self._sound_s is not None and self._sound_s >= self._spoken_s

    def _turn_over_s(self) -> float:
        """Return when the model takes the caller's turn as ended; before that, more text may come."""
        pause_s = self.session.endpoint_ms / 1000 if self.session is not None else 0.0
        return (self._spoken_s or 0.0) + pause_s

    def user_text(self) -> str:
        """Return all that was recognised of the caller's speech."""
        by_turn = {e.turn: e.text for e in self._transcripts("user", "final")}  # told again, it is a correction
        return " ".join(by_turn.values())

    def assistant_text(self) -> str:
        """Return what was spoken to the caller; of an interrupted turn, what was going to be."""
        final = list(self._transcripts("assistant", "final"))
        complete = {e.turn for e in final}
        pieces = [e for e in self._transcripts("assistant") if e.stage == "final" or e.turn not in complete]
        return " ".join(e.text for e in pieces)

    def failure(self, outcome: Outcome) -> str | None:
        """Return why `outcome` is not a conversation with a complete reply, in words."""
        match outcome:
            case "finished" | "hung_up":
                return None
            case "no_reply":
                said = f"no reply within {self.timeout_s:g} s"
            case "ended":
                said = f"the server ended the call ({self.ended.reason if self.ended else 'unknown'})"
            case "lost":
                said = "the connection was lost"
            case _:
                assert_never(outcome)
        return said if self.error is None else f"{said}: {self.error.message}"

    def plain_events(self) -> list[dict[str, Any]]:
        """Return all events as they would be in JSON."""
        return [msgspec.to_builtins(event) for event in self.events]

    def _transcripts(self, role: str, stage: str | None = None) -> list[TranscriptEvent]:
        return [
            e for e in self.events
            if isinstance(e, TranscriptEvent) and e.role == role and stage in (None, e.stage)
        ]  # fmt: skip


def _state_after(event: TranscriptEvent | InterruptedEvent) -> Literal["user", "assistant", "complete"]:
    """Return where the conversation stands with `event`."""
    if isinstance(event, TranscriptEvent) and event.role == "user":
        return "user"
    return "assistant" if isinstance(event, TranscriptEvent) and event.stage == "speculative" else "complete"
