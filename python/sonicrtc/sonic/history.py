"""What was said, as another stream needs it to go on with the conversation. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sonicrtc.sonic.wire import OUTPUT_RATE_HZ

Role = Literal["USER", "ASSISTANT"]

#: Stands where the user's words would: the service refuses a history that the assistant begins.
OPENING = "(The call goes on.)"
_CUT = "… "
#: What even the shortest text takes of a conversation's memory.
_LEAST_BYTES = 64
_CHARACTERS_PER_S = 14  # of English, spoken calmly


@dataclass(frozen=True, slots=True)
class Message:
    """One side's words until the other side spoke."""

    role: Role
    text: str


@dataclass(slots=True, eq=False)
class _Sentence:
    """A sentence of the assistant and where its audio lies among all that the model sent."""

    text: str
    start: int
    end: int

    def cut(self, heard: int) -> None:
        """Keep the words of what was heard when the audio ended at `heard`."""
        if self.end > heard or self.end == self.start:
            frames = max(1, self.end - self.start)
            share = min(1.0, max(0.0, (heard - self.start) / frames)) if self.end > self.start else 0.0
            self.text = _begin_of(self.text, int(len(self.text) * share))
            self.end = max(self.start, min(self.end, heard))


class History:
    """Collects what the user said and what the user heard.

    An assistant's sentence is announced (SPECULATIVE), sent as audio, and told again (FINAL); it is kept once. What
    was thrown away before it was played is cut off, to the word.

    Parameters
    ----------
    messages : sequence of Message
        An earlier conversation to go on with.
    """

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self._said: list[Message | _Sentence] = list(messages)
        self._unspoken: deque[_Sentence] = deque()
        self._unanswered: list[Message] = []
        self._frames = 0
        self._cut = False

    # -- what happens ------------------------------------------------------------------------------

    def user(self, text: str, *, again: bool = False) -> None:
        """Add what the user said; `again` puts it in the place of all that is unanswered."""
        if again:
            self._said = self._answered()
            self._unanswered.clear()
        message = Message("USER", text)
        self._said.append(message)
        self._unanswered.append(message)

    def typed(self, text: str) -> None:
        """Add what the user typed."""
        self._said.append(Message("USER", text))

    def answered(self) -> None:
        """Take note that the assistant has begun to answer what the user said."""
        self._unanswered.clear()

    def announced(self, text: str) -> None:
        """Add a sentence that the assistant is going to say."""
        self._cut = False
        sentence = _Sentence(text, self._frames, self._frames)
        self._said.append(sentence)
        self._unspoken.append(sentence)

    def audio(self, frames: int) -> None:
        """Take note of `frames` frames of the assistant's voice; they belong to the sentence announced last."""
        self._frames += frames
        if self._said and isinstance(self._said[-1], _Sentence):
            self._said[-1].end = self._frames

    def spoken(self, text: str) -> None:
        """Take the final words of the oldest sentence that has none; of one that was cut off they are not true."""
        if self._unspoken:
            self._unspoken.popleft().text = text
        elif not self._cut:
            self._said.append(_Sentence(text, self._frames, self._frames))

    def broke_off(self) -> None:
        """Take note that no more audio comes: what was announced and not spoken is no part of the conversation.

        How long the last sentence would have been is not known, only how fast people speak.
        """
        for sentence in self._unspoken:
            seconds = (sentence.end - sentence.start) / OUTPUT_RATE_HZ
            sentence.text = _begin_of(sentence.text, int(seconds * _CHARACTERS_PER_S))
        self._unspoken.clear()
        self._cut = True

    def flushed(self, frames: int) -> None:
        """Take note that the last `frames` frames of the assistant's voice were thrown away unheard."""
        self._frames -= frames
        for said in reversed(self._said):
            if isinstance(said, _Sentence):
                if said.end <= self._frames and said not in self._unspoken:
                    break
                said.cut(self._frames)
        self._unspoken.clear()
        self._cut = True

    def forget(self, total_bytes: int) -> None:
        """Drop what is older than the last `total_bytes` of UTF-8; what is short counts as 64 bytes."""
        room = total_bytes
        for at in reversed(range(len(self._said))):
            room -= max(_LEAST_BYTES, len(self._said[at].text.encode()))
            if room < 0:
                del self._said[:at]
                return

    # -- what another stream is told ---------------------------------------------------------------

    def __iter__(self) -> Iterator[Message]:
        """Iterate over the whole conversation, neighbouring texts of one role merged."""
        return iter(_merged(self._said))

    @property
    def unanswered_text(self) -> str:
        """What the user said, not typed, since the assistant last began to answer."""
        return " ".join(message.text for message in self._unanswered)

    def _answered(self) -> list[Message | _Sentence]:
        return [said for said in self._said if not any(said is message for message in self._unanswered)]

    def messages(self, *, message_bytes: int, total_bytes: int, without_unanswered: bool = False) -> list[Message]:
        """Return as much of the conversation's end as the service takes, beginning with the user.

        Parameters
        ----------
        message_bytes, total_bytes : int
            Limits in bytes of UTF-8; a longer message loses its beginning.
        without_unanswered : bool
            Leave out what the user said and was not answered: its audio will be heard again.
        """
        said = _merged(self._answered() if without_unanswered else self._said)
        room = total_bytes - len(OPENING)
        kept: list[Message] = []
        for message in reversed(said):
            text = _end_of(message.text, message_bytes)
            room -= len(text.encode())
            if room < 0:
                break
            kept.append(Message(message.role, text))
        kept.reverse()
        if kept and kept[0].role == "ASSISTANT":
            kept.insert(0, Message("USER", OPENING))
        return kept


def _merged(parts: Sequence[Message | _Sentence]) -> list[Message]:
    """Return the messages, neighbouring texts of one role as one."""
    merged: list[Message] = []
    for said in parts:
        role: Role = said.role if isinstance(said, Message) else "ASSISTANT"
        text = said.text.strip()
        if text and merged and merged[-1].role == role:
            text = f"{merged.pop().text} {text}"
        if text:
            merged.append(Message(role, text))
    return merged


def _begin_of(text: str, characters: int) -> str:
    """Return the whole words among the first `characters`."""
    if characters >= len(text) or text[characters : characters + 1].isspace():
        return text[:characters].rstrip()
    return text[: text.rfind(" ", 0, characters) + 1].rstrip()


def _end_of(text: str, limit_bytes: int) -> str:
    """Return `text`, or as much of its end as `limit_bytes` of UTF-8 hold."""
    data = text.encode()
    if len(data) <= limit_bytes:
        return text
    kept = data[len(data) - max(0, limit_bytes - len(_CUT.encode())) :].decode(errors="ignore")
    return (_CUT + kept.partition(" ")[2]) if " " in kept else kept
