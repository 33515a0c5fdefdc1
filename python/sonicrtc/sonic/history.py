"""What was said, as another stream needs it to go on with the conversation. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["USER", "ASSISTANT"]

#: Stands where the user's words would: the service refuses a history that the assistant begins.
OPENING = "(The call goes on.)"
_CUT = "… "


@dataclass(frozen=True, slots=True)
class Message:
    """One side's words until the other side spoke."""

    role: Role
    text: str


@dataclass(slots=True)
class _Sentence:
    """A sentence of the assistant and where its audio lies among all that the model sent."""

    announced: str
    start: int
    end: int
    spoken: str | None = None

    @property
    def text(self) -> str:
        return self.announced if self.spoken is None else self.spoken


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
        self._messages: list[Message] = list(messages)
        self._sentences: list[_Sentence] = []
        self._frames = 0
        self._cut = False

    # -- what happens ------------------------------------------------------------------------------

    def user(self, text: str, *, again: bool = False) -> None:
        """Add what the user said; `again` puts it in the place of what the user said last."""
        self._settle()
        if again and self._messages and self._messages[-1].role == "USER":
            self._messages.pop()
        self._add("USER", text)

    def announced(self, text: str) -> None:
        """Add a sentence that the assistant is going to say."""
        self._cut = False
        self._sentences.append(_Sentence(text, self._frames, self._frames))

    def audio(self, frames: int) -> None:
        """Take note of `frames` frames of the assistant's voice; they belong to the sentence announced last."""
        self._frames += frames
        if self._sentences:
            self._sentences[-1].end = self._frames

    def spoken(self, text: str) -> None:
        """Take the final words of the oldest sentence that has none; of one that was cut off they are not true."""
        for sentence in self._sentences:
            if sentence.spoken is None:
                sentence.spoken = text
                return
        if not self._cut:
            self._sentences.append(_Sentence(text, self._frames, self._frames, text))

    def flushed(self, frames: int) -> None:
        """Take note that the last `frames` frames of the assistant's voice were thrown away unheard."""
        heard = self._frames - frames
        self._sentences = [s for s in map(lambda s: _heard(s, heard), self._sentences) if s.text]
        self._frames = heard
        for sentence in self._sentences:
            sentence.spoken = sentence.text
        self._cut = True

    def _settle(self) -> None:
        """Make a message of the assistant's sentences so far."""
        sentences, self._sentences = self._sentences, []
        for sentence in sentences:
            self._add("ASSISTANT", sentence.text)

    def _add(self, role: Role, text: str) -> None:
        text = text.strip()
        if not text:
            return
        if self._messages and self._messages[-1].role == role:
            text = f"{self._messages.pop().text} {text}"
        self._messages.append(Message(role, text))

    # -- what another stream is told ---------------------------------------------------------------

    def __iter__(self) -> Iterator[Message]:
        """Iterate over the whole conversation, neighbouring texts of one role merged."""
        said = History(self._messages)
        for sentence in self._sentences:
            said._add("ASSISTANT", sentence.text)
        return iter(said._messages)

    def last_user_text(self) -> str:
        """Return the user's last words when nothing was said after them, else ""."""
        messages = list(self)
        return messages[-1].text if messages and messages[-1].role == "USER" else ""

    def messages(self, *, message_bytes: int, total_bytes: int, without_last_user: bool = False) -> list[Message]:
        """Return as much of the conversation's end as the service takes, beginning with the user.

        Parameters
        ----------
        message_bytes, total_bytes : int
            Limits in bytes of UTF-8; a longer message loses its beginning.
        without_last_user : bool
            Leave out the user's last words when nothing was said after them: their audio will be heard again.
        """
        said = list(self)
        if without_last_user and said and said[-1].role == "USER":
            said.pop()
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


def _heard(sentence: _Sentence, heard: int) -> _Sentence:
    """Return what is left of `sentence` when the audio ended at `heard`."""
    if sentence.end <= heard or sentence.end == sentence.start:
        return sentence
    share = max(0.0, (heard - sentence.start) / (sentence.end - sentence.start))
    text = sentence.text
    return _Sentence(_begin_of(text, int(len(text) * share)), sentence.start, min(sentence.end, heard))


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


def merged(messages: Iterable[Message]) -> list[Message]:
    """Return `messages` with neighbours of one role merged."""
    history = History()
    for message in messages:
        history._add(message.role, message.text)
    return list(history)
