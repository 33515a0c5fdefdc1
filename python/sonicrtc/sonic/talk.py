"""What goes on in a conversation, whichever stream carries it: who speaks, what is unanswered. No I/O.

Times are monotonic seconds and come in as arguments.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sonicrtc.config import SonicConfig
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.handover import Scene
from sonicrtc.sonic.history import History, Message
from sonicrtc.sonic.protocol import SonicEvent
from sonicrtc.sonic.tape import Piece, Tape
from sonicrtc.sonic.wire import INPUT_RATE_HZ, OUTPUT_RATE_HZ

#: Voice shorter than this may be a cough, which a model rightly ignores.
_SPOKEN_TO_MS = 300.0
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What the next stream has to be given.

    Parameters
    ----------
    history : tuple of Message
        What was said before.
    texts : tuple of str
        To be sent as text once the model listens.
    replay_from : int
        Position on the tape from which the user's audio is sent.
    """

    history: tuple[Message, ...]
    texts: tuple[str, ...]
    replay_from: int


@dataclass(slots=True)
class _Text:
    """Text that was sent to the model; `typed` when it is the user's own, `echoed` when the model repeated it."""

    text: str
    typed: bool
    echoed: bool = False


@dataclass(frozen=True, slots=True)
class _ToolCall:
    stream: int
    name: str


class Talk:
    """Follows one conversation.

    Parameters
    ----------
    history : sequence of Message
        An earlier conversation to go on with.

    Attributes
    ----------
    history : History
    tape : Tape
    quiet_since_s : float
        When the user's voice was last heard.
    voice_until_s : float
        When the agent's voice will have been played.
    """

    def __init__(self, history: Sequence[Message] = ()) -> None:
        self.history = History(history)
        self.tape = Tape()
        self._texts: list[_Text] = []
        self._tool_calls: dict[str, _ToolCall] = {}
        self._repeats_user = False
        self._turn_open = self._continues = False
        self._stream = 0
        self._voice_of = 0  # the stream whose voice was heard last
        self.voice_until_s = _NEVER
        self.quiet_since_s = self._voice_sent_s = self._last_event_s = _NEVER
        self._watching = True
        self._usage_before = self._usage = said.UsageReported()

    # -- what goes to the model --------------------------------------------------------------------

    def hear(self, pcm: bytes, *, voiced: bool, now_s: float) -> Piece:
        """Take a chunk of the user's audio and return its place on the tape."""
        if voiced:
            self.quiet_since_s = now_s
        return self.tape.append(pcm, voiced=voiced)

    def sent_voice(self, now_s: float) -> None:
        """Take note that a stream was given a chunk in which the user speaks."""
        self._voice_sent_s = now_s

    def send_text(self, text: str, *, typed: bool) -> None:
        """Take text that goes to the model; it is sent again until the model has begun to answer."""
        self._texts.append(_Text(text, typed))

    def tool_result(self, tool_use_id: str, result: object, stream: int) -> str | None:
        """Take a tool's result.

        Returns
        -------
        str or None
            None when the stream numbered `stream` asked for it; else what to tell it, for another one did.
        """
        call = self._tool_calls.pop(tool_use_id, _ToolCall(0, "that was called before"))
        text = f"The tool {call.name}, called before, returned: {json.dumps(result)}"
        self._texts.append(_Text(text, typed=False))
        return None if call.stream == stream else text

    # -- what the model says -----------------------------------------------------------------------

    def take(self, event: SonicEvent, *, stream: int, sent: int, now_s: float) -> list[SonicEvent]:
        """Take one event of the stream numbered `stream` and return what to tell the call.

        Parameters
        ----------
        sent : int
            Up to which position of the tape the stream was given the user's audio.
        """
        self._last_event_s = now_s
        match event:
            case said.UserText():
                return self._on_user_text(event, stream, sent, now_s)
            case said.AssistantText(stage="final"):
                self.history.spoken(event.text)
            case said.AssistantText():
                before = self._on_answer(stream, now_s)
                self.history.announced(event.text)
                return [*before, event]
            case said.AudioChunk():
                before = self._on_answer(stream, now_s)
                frames = len(event.pcm) // 2
                self.history.audio(frames)
                self.voice_until_s = max(self.voice_until_s, now_s) + frames / OUTPUT_RATE_HZ
                return [*before, event]
            case said.ToolRequest():
                self._tool_calls[event.tool_use_id] = _ToolCall(stream, event.name)
                self._acknowledge(stream)
            case said.Interrupted():
                self._turn_open, self.voice_until_s = False, now_s
            case said.TurnEnded() | said.AudioEnded(stop_reason="END_TURN"):
                self._turn_open = False  # what is still to come of the turn are its words once more
            case said.UsageReported():
                self._usage = self._usage_before + event
                return [self._usage]
            case _:
                pass
        return [event]

    def _on_user_text(self, event: said.UserText, stream: int, sent: int, now_s: float) -> list[SonicEvent]:
        before = self._break_in(stream, now_s)
        self._turn_open = self._continues = False
        self._watching = True
        sent_text = next((text for text in self._texts if text.text.strip() == event.text.strip()), None)
        if sent_text is not None:
            # Nobody said it. It stays unanswered, and enters the history once.
            again, sent_text.echoed = sent_text.echoed, True
            return [*before, replace(event, again=again)] if sent_text.typed else before
        self.tape.heard(sent)
        self._keep_typed()
        again, self._repeats_user = self._repeats_user, False
        self.history.user(event.text, again=again)
        return [*before, replace(event, again=again)]

    def _on_answer(self, stream: int, now_s: float) -> list[SonicEvent]:
        """The model says something: what it was asked is answered, and what it said on an older stream is over.

        Unless it goes on from there.
        """
        before = [] if self._continues else self._break_in(stream, now_s)
        self._continues = self._continues and stream != self._stream
        self._voice_of, self._turn_open = stream, True
        if self._acknowledge(stream):
            self._keep_typed()
            self._texts.clear()
        return before

    def _acknowledge(self, stream: int) -> bool:
        """Take what the user said for answered, unless it is an older stream that is just finishing."""
        if stream == self._stream:
            self._watching = True
            self.tape.answered()
            self.history.answered()
        return stream == self._stream

    def _break_in(self, stream: int, now_s: float) -> list[SonicEvent]:
        """End what an older stream's voice is still saying: the newer one does not know of it and cannot."""
        if stream == self._voice_of or not self.agent_speaks(now_s):
            return []
        self._turn_open, self.voice_until_s = False, now_s
        return [said.Interrupted()]

    def _keep_typed(self) -> None:
        """Let what the user typed enter the history where the model took it up."""
        for text in self._texts:
            if text.typed:
                self.history.typed(text.text)
        self._texts = [text for text in self._texts if not text.typed]

    def flushed(self, frames: int, now_s: float) -> None:
        """Take note that the last `frames` frames of the agent's voice were thrown away unheard."""
        self.history.flushed(frames)
        self.voice_until_s = min(self.voice_until_s, now_s)

    # -- what to do --------------------------------------------------------------------------------

    def agent_speaks(self, now_s: float) -> bool:
        """Whether the agent's voice is being sent or played."""
        return self._turn_open or now_s < self.voice_until_s

    @property
    def turn_open(self) -> bool:
        """Whether the model is in the middle of an answer."""
        return self._turn_open

    def scene(self, now_s: float) -> Scene:
        """Return what is going on."""
        first = self.tape.unanswered_from
        return Scene(
            user_quiet_s=now_s - self.quiet_since_s,
            unanswered_s=None if first is None else (self.tape.end - first) / INPUT_RATE_HZ,
            agent_speaking=self.agent_speaks(now_s),
            awaited=bool(self._tool_calls or self._texts or self._continues),
        )

    def ignored_at_s(self, limit_s: float) -> float | None:
        """Return from when on a model that says nothing is taken for deaf or mute; None when nothing is asked of it."""
        spoken_to = self.tape.is_waiting or self.tape.unheard_ms >= _SPOKEN_TO_MS
        waiting = spoken_to or self._continues or self._turn_open or bool(self._texts)
        if not waiting or not self._watching or self._tool_calls or limit_s <= 0:
            return None
        # Of a model that fell silent in the middle of an answer, what it had sent is played first.
        return max(self._voice_sent_s, self._last_event_s, self.voice_until_s) + limit_s

    def stop_watching(self) -> None:
        """Take a silent model for what it is only once: what it ignores a second time is no speech for it."""
        self._watching = False

    def seed(self, config: SonicConfig, *, stream: int, broken: bool, now_s: float) -> Seed:
        """Return what the next stream needs; what the one before hears is of no account any more.

        Parameters
        ----------
        config : SonicConfig
            Limits of the history.
        stream : int
            Number of the next stream.
        broken : bool
            The stream before ended before its time: an answer that it was giving has to be finished.
        """
        replayed = self.tape.is_waiting and self.tape.holds_unanswered()
        if broken and self._turn_open:
            self.history.broke_off()
            self._turn_open, self._continues = False, True
        words = self.history.unanswered_text if self.tape.is_waiting else ""
        self.history.forget(2 * config.history_total_bytes)  # a call may last for days
        history = self.history.messages(
            message_bytes=config.history_message_bytes,
            total_bytes=config.history_total_bytes,
            without_unanswered=bool(words),
        )
        texts = [text.text for text in self._texts]
        if words and not replayed:
            texts.insert(0, words)  # its audio is gone, its words are not
        if self._continues:
            texts.append(said.CONTINUE)
        self._repeats_user = bool(words) and replayed
        self._usage_before = self._usage
        self._stream, self._last_event_s = stream, now_s
        return Seed(history=tuple(history), texts=tuple(texts), replay_from=self.tape.replay_from())
