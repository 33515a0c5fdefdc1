"""What a call came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from sonicrtc.caller.wav import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """The result of one call; times in ms, None where there was nothing to measure.

    Parameters
    ----------
    connected_ms : float
        From the start to the connection.
    user_text, assistant_text : str
        Both transcripts.
    endpoint_ms : float
        Documented pause after which the model ends the user's turn, as told by the server.
    first_audio_ms : float, optional
        From the last sound that was sent to the first sound of the reply.
    response_ms : float, optional
        The difference of the two.
    total_ms : float
        Length of the whole call.
    events : list of dict
        Everything that came on the data channel.
    audio : ndarray, shape (frames,), int16
        The reply as it was received, 48 kHz mono.
    failure : str, optional
        Why this was not a conversation with a complete reply.
    """

    connected_ms: float
    user_text: str
    assistant_text: str
    endpoint_ms: float
    first_audio_ms: float | None
    response_ms: float | None
    total_ms: float
    events: list[dict[str, Any]]
    audio: Samples = field(repr=False)
    failure: str | None = None

    def to_json(self) -> bytes:
        """Return the members that scripts rely on as JSON: all but `audio` and `failure`."""
        members = {name: getattr(self, name) for name in self.__slots__ if name not in ("audio", "failure")}
        return msgspec.json.format(msgspec.json.encode(members), indent=2)

    def summary(self) -> str:
        """Return both transcripts and the timings for a person to read."""
        lines = [
            f"you        {self.user_text or '(nothing was understood)'}",
            f"assistant  {self.assistant_text or '(no text)'}",
            f"connected in {self.connected_ms:.0f} ms, call lasted {self.total_ms / 1000:.1f} s",
        ]
        if self.first_audio_ms is not None and self.response_ms is not None:
            lines.append(
                f"first audio {self.first_audio_ms:.0f} ms after the end of speech"
                f" = pause of {self.endpoint_ms:.0f} ms + response {self.response_ms:.0f} ms"
            )
        return "\n".join(lines)
