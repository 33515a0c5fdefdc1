"""The brain that really listens and speaks: endpointing, recognition, rules, synthesis.

All its times are positions in the user's audio (media time): how long a pause lasts, and how much
of an answer, which is sent faster than it plays, can have been heard. During the pause that ends
a turn the words are recognised and the first sentence of the answer is synthesised; when speech
resumes, that work is dropped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import numpy as np

from sonicrtc.local.sonic.brain import BrainInput, Emitter, SessionSetup, ToolResult, UserAudio, UserText
from sonicrtc.local.sonic.speech.answers import Answer, CallThen, CallTool, Say
from sonicrtc.local.sonic.speech.dialogue import Dialogue
from sonicrtc.local.sonic.speech.endpointing import (
    RATE_HZ,
    Endpointer,
    Samples,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechSustained,
)
from sonicrtc.local.sonic.speech.mediaclock import MediaClock
from sonicrtc.local.sonic.speech.parts import SpeechParts, start_loading
from sonicrtc.local.sonic.speech.resampling import Resampler
from sonicrtc.local.sonic.speech.text import sentences

#: The next sentence is made when less than this of the answer is left to play. An interruption
#: then wastes little work, and the final transcript runs little ahead of what was heard.
LEAD_S = 4.0
#: An answer is still heard for this long after its last sample was due: network and jitter buffer.
HEARD_LATE_S = 0.2
#: A tool that gives no result for this long is given up.
TOOL_TIMEOUT_S = 25.0
#: Accounts are an estimate: Nova's own counts are not documented.
_SPEECH_TOKENS_PER_S = 25
_TOKENS_PER_WORD = 1.3


class SpeechBrain:
    """One session's brain.

    Parameters
    ----------
    parts : SpeechParts, optional
        Ears and mouth; by default the models that the process shares.
    now : callable
        Guesses what the clock tool will say.
    """

    def __init__(self, *, parts: SpeechParts | None = None, now: Callable[[], datetime] = datetime.now) -> None:
        self._parts = parts
        self._now = now

    @staticmethod
    def preload() -> None:
        """Load the models and wait for it (about 4 s, once per process).

        Raises
        ------
        MissingExtraError
            A package is not installed; the message names the extra.
        ConfigError
            A model file is not the one that was checked.
        """
        start_loading().result()

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        """Hold one conversation until `inputs` ends."""
        parts = self._parts if self._parts is not None else await asyncio.wrap_future(start_loading())
        async with asyncio.TaskGroup() as tasks:
            conversation = Conversation(setup, emit, parts, tasks, self._now)
            async for item in inputs:
                match item:
                    case UserAudio(pcm):
                        await conversation.hear(pcm)
                    case UserText(text):
                        await conversation.read(text)
                    case ToolResult(tool_use_id, content):
                        conversation.take_result(tool_use_id, content)
                    case _:
                        assert_never(item)
            conversation.stop()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What was made of an utterance during the pause after it."""

    heard: str
    answer: Answer
    speech_s: float
    audio: dict[str, bytes]


class Conversation:
    """Everything that happens between two people, one of whom is a program.

    At most one answer is prepared and at most one is given at a time, each by a task of `tasks`.
    """

    def __init__(
        self,
        setup: SessionSetup,
        emit: Emitter,
        parts: SpeechParts,
        tasks: asyncio.TaskGroup,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._emit = emit
        self._parts = parts
        self._tasks = tasks
        self._output_rate_hz = setup.output_rate_hz
        self._endpointer = Endpointer(setup.pause_ms)
        self._resampler = Resampler(setup.input_rate_hz, RATE_HZ)
        self._same_rate = setup.input_rate_hz == RATE_HZ
        self._dialogue = Dialogue(
            setup.tools,
            tool_choice=setup.tool_choice,
            system_prompt=setup.system_prompt,
            history=setup.history,
            voice_id=setup.voice_id,
            now=now,
        )
        self._clock = MediaClock()
        self._sustained = False
        self._preparation: asyncio.Task[_Prepared] | None = None
        self._turn: asyncio.Task[None] | None = None
        self._spoke = False
        self._heard_until_s = 0.0
        self._results: dict[str, asyncio.Future[Any]] = {}

    # -- inputs -----------------------------------------------------------------------------------

    async def hear(self, pcm: bytes) -> None:
        """Take a piece of the user's audio."""
        samples = self._at_16_khz(np.frombuffer(pcm, "<i2"))
        for event in self._endpointer.push(samples):
            await self._follow(event)
        self._clock.advance(samples.size / RATE_HZ)

    async def read(self, text: str) -> None:
        """Answer what the user typed, at once; it interrupts an answer like speech does."""
        await self._interrupt()
        self._turn = self._tasks.create_task(self._answer_text(text), name="speech-answer-text")

    def take_result(self, tool_use_id: str, content: str) -> None:
        """Take a tool's result; one that nobody waits for any more is ignored."""
        waiting = self._results.pop(tool_use_id, None)
        if waiting is not None and not waiting.done():
            try:
                waiting.set_result(json.loads(content))
            except ValueError:
                waiting.set_result(content)

    def stop(self) -> None:
        """Drop all work: the user's audio has ended."""
        self._drop_preparation()
        if self._turn is not None:
            self._turn.cancel()

    # -- turn taking ------------------------------------------------------------------------------

    async def _follow(self, event: SpeechEvent) -> None:
        match event:
            case SpeechStarted():
                self._sustained = False
            case SpeechSustained():
                self._sustained = True
                await self._interrupt()
            case SpeechPaused() if self._sustained:
                self._prepare()
            case SpeechPaused():
                pass  # a cough: not worth an answer
            case SpeechResumed():
                self._drop_preparation()
            case SpeechEnded() if self._sustained:
                preparation = self._preparation or self._prepare()
                self._preparation = None
                self._turn = self._tasks.create_task(self._answer_speech(preparation), name="speech-answer")
            case SpeechEnded():
                pass
            case _:
                assert_never(event)

    async def _interrupt(self) -> None:
        """Stop the present answer, and say so when the user may still be hearing it."""
        working = self._turn is not None and not self._turn.done()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._spoke and (working or self._clock.now_s < self._heard_until_s + HEARD_LATE_S):
            await self._emit.interrupted()
        self._spoke = False
        self._heard_until_s = 0.0

    def _prepare(self) -> asyncio.Task[_Prepared]:
        samples = self._endpointer.utterance()
        self._preparation = self._tasks.create_task(self._think(samples), name="speech-prepare")
        return self._preparation

    def _drop_preparation(self) -> None:
        if self._preparation is not None:
            self._preparation.cancel()
            self._preparation = None

    async def _think(self, samples: Samples) -> _Prepared:
        """Recognise, find the answer, synthesise its first sentence."""
        heard = await self._parts.recognizer.recognize(samples)
        answer = self._dialogue.answer(heard) if heard else Say(text="")
        text = answer.text if isinstance(answer, Say) else answer.guess
        audio = {first: await self._synthesize(first) for first in sentences(text or "")[:1]}
        return _Prepared(heard, answer, samples.size / RATE_HZ, audio)

    # -- answers ----------------------------------------------------------------------------------

    async def _answer_speech(self, preparation: asyncio.Task[_Prepared]) -> None:
        prepared = await preparation
        if not prepared.heard:
            return
        await self._emit.user_text(prepared.heard)
        self._spoke = False
        await self._emit.usage(speech_in=round(prepared.speech_s * _SPEECH_TOKENS_PER_S))
        await self._give(prepared.answer, prepared.audio)

    async def _answer_text(self, text: str) -> None:
        await self._emit.usage(text_in=_text_tokens(text))
        await self._give(self._dialogue.answer(text), {})

    async def _give(self, answer: Answer, audio: dict[str, bytes]) -> None:
        while isinstance(answer, CallThen):
            answer = answer.then(await self._call(answer))
        match answer:
            case Say(text=text):
                pass
            case CallTool():
                text = answer.tell(await self._call(answer))
            case _:
                assert_never(answer)
        self._dialogue.remember(answer, text)
        await self._say(sentences(text), audio)

    async def _call(self, call: CallTool | CallThen) -> Any:
        self._dialogue.begin(call)
        tool_use_id = await self._emit.tool_use(call.name, call.arguments)
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._results[tool_use_id] = result
        deadline = self._clock.at(self._clock.now_s + TOOL_TIMEOUT_S)
        try:
            await asyncio.wait((result, deadline), return_when=asyncio.FIRST_COMPLETED)
            return result.result() if result.done() else {"error": "it gave no answer"}
        finally:
            self._results.pop(tool_use_id, None)
            deadline.cancel()

    async def _say(self, lines: list[str], ready: dict[str, bytes]) -> None:
        """Speak line by line: speculative text, audio, final text."""
        for number, line in enumerate(lines):
            await self._clock.reach(self._heard_until_s - LEAD_S)
            pcm = ready.get(line) or await self._synthesize(line)
            seconds = len(pcm) / 2 / self._output_rate_hz
            self._spoke = True
            self._heard_until_s = max(self._heard_until_s, self._clock.now_s) + seconds
            await self._emit.speculative(line)
            await self._emit.audio(pcm)
            last = number == len(lines) - 1
            await self._emit.end_audio("END_TURN" if last else "PARTIAL_TURN")
            await self._emit.final(line, "END_TURN" if last else "PARTIAL_TURN")
            await self._emit.usage(speech_out=round(seconds * _SPEECH_TOKENS_PER_S), text_out=_text_tokens(line))

    async def _synthesize(self, line: str) -> bytes:
        return await self._parts.synthesizer.synthesize(line, self._output_rate_hz)

    def _at_16_khz(self, samples: Samples) -> Samples:
        if self._same_rate:
            return samples
        resampled = self._resampler.push(samples.astype(np.float32))
        return resampled.round().clip(-32768, 32767).astype(np.int16)


def _text_tokens(text: str) -> int:
    return round(len(text.split()) * _TOKENS_PER_WORD)
