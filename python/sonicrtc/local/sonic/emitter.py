"""Nova's output events in Nova's order (Nova 2 user guide, page ``sonic-output-events``).

A turn of the assistant is: USER text FINAL, tool calls if any, then per sentence ASSISTANT text
SPECULATIVE and one AUDIO block, then ASSISTANT text FINAL.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

StopReason = Literal["PARTIAL_TURN", "END_TURN", "INTERRUPTED"]
Event = Mapping[str, Any]

#: Length of one audioOutput event.
CHUNK_MS = 40
_STAGE_FINAL = json.dumps({"generationStage": "FINAL"}, separators=(",", ":"))
_STAGE_SPECULATIVE = json.dumps({"generationStage": "SPECULATIVE"}, separators=(",", ":"))
#: Documented with these very spaces (page ``sonic-barge-in``).
_INTERRUPTED_TEXT = '{ "interrupted" : true }'
_TEXT_OUTPUT = {"mediaType": "text/plain"}


class EmitterMisuseError(RuntimeError):
    """A brain emitted something that Nova would never emit at that point."""


class Outbox(Protocol):
    """Where events go: `put` keeps their order and never waits, `drain` waits for room.

    `spoil` lets something go wrong with the stream that leaves it open.
    """

    def put(self, event: Event) -> None: ...
    async def drain(self) -> None: ...
    def spoil(self, how: str) -> None: ...


class RecordingOutbox:
    """An outbox that keeps everything: for tests of brains."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.spoilt: list[str] = []

    def put(self, event: Event) -> None:
        self.events.append(event)

    async def drain(self) -> None:
        return None

    def spoil(self, how: str) -> None:
        self.spoilt.append(how)

    def kinds(self) -> list[str]:
        """Return the event names in order."""
        return [next(iter(event["event"])) for event in self.events]


class Emitter:
    """Emits output events and refuses misuse.

    Every method queues its events in one step before it first waits, so tasks of one brain may
    share an emitter: an interruption is never torn apart by audio that another task is sending.

    Parameters
    ----------
    outbox : Outbox
        Where events go.
    session_id, prompt_name : str
        Repeated in every event.
    output_rate_hz : int
        Rate of the audio given to :meth:`audio`.
    new_id : callable
        Makes completion, content and tool-use ids.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        session_id: str = "local-session",
        prompt_name: str = "prompt",
        output_rate_hz: int = 24000,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._outbox = outbox
        self._ids = {"sessionId": session_id, "promptName": prompt_name}
        self._rate_hz = output_rate_hz
        self._chunk_bytes = output_rate_hz * CHUNK_MS // 1000 * 2
        self._new_id = new_id
        self._started = False
        self._ended = False
        self._audio_id: str | None = None
        self._partial = b""
        self._unfinished = 0  # speculative texts without their final
        self._spoke = False
        self._totals = {"speech_in": 0, "text_in": 0, "speech_out": 0, "text_out": 0}

    # -- what the user said, and tools ------------------------------------------------------------

    async def user_text(self, text: str) -> None:
        """Tell what the user said: one final transcript for each utterance."""
        self._need(self._audio_id is None, "user_text while an AUDIO block is open: end or interrupt it first")
        self._text_block("USER", _STAGE_FINAL, text, "PARTIAL_TURN")
        self._spoke = False
        self._unfinished = 0
        await self._outbox.drain()

    async def tool_use(self, name: str, arguments: Mapping[str, object]) -> str:
        """Ask the client to call a tool.

        Returns
        -------
        str
            The tool-use id that the :class:`~sonicrtc.local.sonic.brain.ToolResult` will carry.
        """
        self._need(self._audio_id is None, "tool_use while an AUDIO block is open")
        tool_use_id = self._new_id()
        content_id = self._start("TOOL", "TOOL", toolUseOutputConfiguration={"mediaType": "application/json"})
        self._put(
            "toolUse",
            contentId=content_id,
            content=json.dumps(arguments),
            role="TOOL",
            toolName=name,
            toolUseId=tool_use_id,
        )
        self._put("contentEnd", contentId=content_id, type="TOOL", stopReason="TOOL_USE")
        await self._outbox.drain()
        return tool_use_id

    # -- what the assistant says ------------------------------------------------------------------

    async def speculative(self, text: str) -> None:
        """Tell what will be said next; its audio follows."""
        self._need(self._audio_id is None, "speculative text while an AUDIO block is open")
        self._text_block("ASSISTANT", _STAGE_SPECULATIVE, text, "PARTIAL_TURN")
        self._unfinished += 1
        self._spoke = True
        await self._outbox.drain()

    async def audio(self, pcm: bytes, *, flush: bool = False) -> None:
        """Send speech of any length; the first piece opens the AUDIO block.

        Cut into events of 40 ms; a rest is kept for the next piece or :meth:`end_audio`. When
        another task interrupts while this one waits for room, the rest is dropped and the call
        returns.

        Parameters
        ----------
        pcm : bytes
            Mono, 16-bit little endian, at the output rate.
        flush : bool
            Send the rest at once, as a shorter event.
        """
        self._need(self._unfinished > 0, "audio without a speculative text before it")
        if self._audio_id is None:
            self._audio_id = self._start(
                "AUDIO",
                "ASSISTANT",
                audioOutputConfiguration={
                    "mediaType": "audio/lpcm",
                    "sampleRateHertz": self._rate_hz,
                    "sampleSizeBits": 16,
                    "channelCount": 1,
                    "encoding": "base64",
                },
            )
        content_id = self._audio_id
        pcm = self._partial + pcm
        whole = len(pcm) - len(pcm) % self._chunk_bytes
        self._partial = pcm[whole:]
        for start in range(0, whole, self._chunk_bytes):
            if self._audio_id != content_id:
                return
            self._audio_event(pcm[start : start + self._chunk_bytes])
            await self._outbox.drain()
        if flush and self._partial and self._audio_id == content_id:
            self._audio_event(self._partial)
            self._partial = b""
            await self._outbox.drain()

    async def end_audio(self, stop_reason: StopReason = "END_TURN") -> None:
        """End the AUDIO block; does nothing when an interruption has closed it already."""
        if self._audio_id is None:
            return
        self._need(stop_reason in ("END_TURN", "PARTIAL_TURN"), f"end_audio with stop reason {stop_reason}")
        self._close_audio(stop_reason)
        await self._outbox.drain()

    async def final(self, text: str, stop_reason: StopReason = "END_TURN") -> None:
        """Tell what was really said; comes after the audio of its speculative text."""
        self._need(self._audio_id is None, "final text while an AUDIO block is open: call end_audio first")
        self._need(self._unfinished > 0, "final text without a speculative text before it")
        self._text_block("ASSISTANT", _STAGE_FINAL, text, stop_reason)
        self._unfinished -= 1
        await self._outbox.drain()

    async def interrupted(self) -> None:
        """Tell that the user interrupted, and close what is open (page ``sonic-barge-in``)."""
        self._need(self._spoke, "interrupted, but the assistant has said nothing since the user's last text")
        if self._audio_id is not None:
            self._partial = b""
            self._close_audio("INTERRUPTED")
        self._text_block("ASSISTANT", _STAGE_FINAL, _INTERRUPTED_TEXT, "INTERRUPTED")
        self._unfinished = 0
        self._spoke = False
        await self._outbox.drain()

    # -- faults -----------------------------------------------------------------------------------

    def spoil(self, how: str) -> None:
        """Let something go wrong with the stream, and go on.

        Parameters
        ----------
        how : {"goaway", "stall", "starve", "deaf", "mute"}
            See :class:`~sonicrtc.local.sonic.brain.StreamFault`, which is for those that end it.
        """
        self._outbox.spoil(how)

    # -- accounts and end -------------------------------------------------------------------------

    async def usage(self, *, speech_in: int = 0, text_in: int = 0, speech_out: int = 0, text_out: int = 0) -> None:
        """Report the tokens used since the last report; totals are kept here."""
        delta = {"speech_in": speech_in, "text_in": text_in, "speech_out": speech_out, "text_out": text_out}
        for name, tokens in delta.items():
            self._need(tokens >= 0, f"usage with a negative count for {name}")
            self._totals[name] += tokens
        total_in = self._totals["speech_in"] + self._totals["text_in"]
        total_out = self._totals["speech_out"] + self._totals["text_out"]
        self._put(
            "usageEvent",
            details={"delta": _token_counts(delta), "total": _token_counts(self._totals)},
            totalInputTokens=total_in,
            totalOutputTokens=total_out,
            totalTokens=total_in + total_out,
        )
        await self._outbox.drain()

    async def end_completion(self) -> None:
        """End the completion: the service does this at the end of the prompt; nothing can follow."""
        self._need(self._audio_id is None, "end_completion while an AUDIO block is open")
        self._need(self._started, "end_completion before anything was emitted")
        self._put("completionEnd", stopReason="END_TURN")
        self._ended = True
        await self._outbox.drain()

    async def finish(self) -> None:
        """Close whatever a brain left open, then end the completion if there is one."""
        if self._ended or not self._started:
            return
        if self._audio_id is not None:
            self._close_audio("END_TURN")
        await self.end_completion()

    # -- building blocks --------------------------------------------------------------------------

    def _need(self, condition: bool, misuse: str) -> None:
        if not condition:
            raise EmitterMisuseError(misuse)

    def _put(self, kind: str, **fields: object) -> None:
        self._need(not self._ended, f"{kind} after the end of the completion")
        if not self._started:
            self._started = True
            self._ids = {**self._ids, "completionId": self._new_id()}
            self._outbox.put({"event": {"completionStart": dict(self._ids)}})
        self._outbox.put({"event": {kind: {**self._ids, **fields}}})

    def _start(self, content_type: str, role: str, **configuration: object) -> str:
        content_id = self._new_id()
        self._put("contentStart", contentId=content_id, type=content_type, role=role, **configuration)
        return content_id

    def _text_block(self, role: str, stage: str, text: str, stop_reason: StopReason) -> None:
        content_id = self._start("TEXT", role, additionalModelFields=stage, textOutputConfiguration=dict(_TEXT_OUTPUT))
        self._put("textOutput", contentId=content_id, content=text, role=role)
        self._put("contentEnd", contentId=content_id, type="TEXT", stopReason=stop_reason)

    def _audio_event(self, pcm: bytes) -> None:
        content = base64.b64encode(pcm).decode("ascii")
        self._put("audioOutput", contentId=self._audio_id, content=content, role="ASSISTANT")

    def _close_audio(self, stop_reason: StopReason) -> None:
        if self._partial:
            self._audio_event(self._partial)
            self._partial = b""
        self._put("contentEnd", contentId=self._audio_id, type="AUDIO", stopReason=stop_reason)
        self._audio_id = None


def _token_counts(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    return {
        "input": {"speechTokens": counts["speech_in"], "textTokens": counts["text_in"]},
        "output": {"speechTokens": counts["speech_out"], "textTokens": counts["text_out"]},
    }
