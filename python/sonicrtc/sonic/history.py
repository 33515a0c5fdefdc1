"""What was said, as the model would need it to go on: FINAL texts, merged by role. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["USER", "ASSISTANT"]


@dataclass(frozen=True, slots=True)
class Message:
    """One side's words until the other side spoke."""

    role: Role
    text: str


class History:
    """Collects final transcripts; neighbouring texts of one role become one message."""

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        self._messages: list[Message] = list(messages)

    def add(self, role: Role, text: str) -> None:
        """Append `text`; blank texts are left out."""
        text = text.strip()
        if not text:
            return
        if self._messages and self._messages[-1].role == role:
            text = f"{self._messages.pop().text} {text}"
        self._messages.append(Message(role, text))

    def messages(self) -> list[Message]:
        """Return the messages from the user's first on: the service refuses a history that starts otherwise."""
        first = next((i for i, message in enumerate(self._messages) if message.role == "USER"), None)
        return [] if first is None else self._messages[first:]

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)
