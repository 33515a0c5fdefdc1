"""A brain that is driven in media time, with real or with pretended ears and mouth."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tests.local_speech.sounds import CHUNK, Samples

from sonicrtc.local.sonic.brain import BrainInput, SessionSetup, ToolResult, UserAudio, UserText
from sonicrtc.local.sonic.emitter import Emitter, Event
from sonicrtc.local.sonic.speech.brain import SpeechBrain
from sonicrtc.local.sonic.speech.parts import SpeechParts


class Busy:
    """Counts jobs, so that media time can stand still while one is worked on."""

    def __init__(self) -> None:
        self.jobs = 0
        self.free = asyncio.Event()
        self.free.set()

    def __enter__(self) -> None:
        self.jobs += 1
        self.free.clear()

    def __exit__(self, *_: object) -> None:
        self.jobs -= 1
        if not self.jobs:
            self.free.set()


class FakeRecognizer:
    """Hears what it is told to, and keeps what it was given."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.heard: list[Samples] = []

    async def recognize(self, samples: Samples) -> str:
        self.heard.append(samples)
        return self.texts[min(len(self.heard), len(self.texts)) - 1]


class FakeSynthesizer:
    """Speaks a constant, so many seconds for each word."""

    def __init__(self, seconds_per_word: float = 0.3) -> None:
        self.seconds_per_word = seconds_per_word
        self.spoken: list[str] = []

    async def synthesize(self, sentence: str, rate_hz: int) -> bytes:
        self.spoken.append(sentence)
        return np.full(round(rate_hz * self.seconds_per_word * len(sentence.split())), 1000, "<i2").tobytes()


class _Counted:
    """Wraps real models so that media time waits for them."""

    def __init__(self, parts: SpeechParts, busy: Busy) -> None:
        self.parts, self.busy = parts, busy

    async def recognize(self, samples: Samples) -> str:
        with self.busy:
            return await self.parts.recognizer.recognize(samples)

    async def synthesize(self, sentence: str, rate_hz: int) -> bytes:
        with self.busy:
            return await self.parts.synthesizer.synthesize(sentence, rate_hz)


@dataclass(frozen=True)
class Emitted:
    """One event and how much of the user's audio had been given to the brain before it."""

    at_s: float
    kind: str
    body: Mapping[str, Any] = field(repr=False)


class Stage:
    """Drives a brain with inputs in media time, as fast as the brain can think."""

    def __init__(self, parts: SpeechParts, setup: SessionSetup, tool: Callable[[str], object] | None = None) -> None:
        self.busy = Busy()
        counted = _Counted(parts, self.busy)
        self.brain = SpeechBrain(parts=SpeechParts(counted, counted))
        self.setup = setup
        self.tool = tool
        self.events: list[Emitted] = []
        self.fed = 0
        self.results: list[ToolResult] = []
        self.watch: Callable[[Emitted], None] = lambda event: None

    # The emitter's outbox.
    def put(self, event: Event) -> None:
        ((kind, body),) = event["event"].items()
        emitted = Emitted(self.fed / self.setup.input_rate_hz, kind, body)
        self.events.append(emitted)
        if kind == "toolUse" and self.tool is not None:
            self.results.append(ToolResult(body["toolUseId"], json.dumps(self.tool(body["toolName"]))))

    async def drain(self) -> None:
        return None

    def spoil(self, how: str) -> None:
        raise AssertionError(f"this brain spoils nothing, but asked for {how}")

    async def run(self, *script: Samples | UserText) -> None:
        """Feed audio in chunks of 32 ms, and typed text, until the script ends."""
        emitter = Emitter(self, output_rate_hz=self.setup.output_rate_hz)
        async with asyncio.timeout(120):
            await self.brain.run(self.setup, self._inputs(script), emitter)

    async def _inputs(self, script: Iterable[Samples | UserText]) -> AsyncIterator[BrainInput]:
        for item in script:
            for piece in _pieces(item):
                await self._settle()
                while self.results:
                    yield self.results.pop(0)
                    await self._settle()
                if isinstance(piece, UserAudio):
                    self.fed += len(piece.pcm) // 2
                yield piece
        await self._settle()

    async def _settle(self) -> None:
        """Let the brain's tasks run until they wait for more input."""
        for _ in range(12):
            await asyncio.sleep(0)
            await self.busy.free.wait()

    # What came out.
    def texts(self, role: str, stage: str = "FINAL") -> list[str]:
        stages: dict[str, str] = {}
        found = []
        for event in self.events:
            if event.kind == "contentStart":
                stages[event.body["contentId"]] = event.body.get("additionalModelFields", "")
            if event.kind == "textOutput" and event.body["role"] == role and stage in stages[event.body["contentId"]]:
                found.append(str(event.body["content"]))
        return found

    def first(self, kind: str, **wanted: object) -> Emitted:
        return next(e for e in self.events if e.kind == kind and wanted.items() <= dict(e.body).items())

    def audio(self) -> Samples:
        chunks = [base64.b64decode(e.body["content"]) for e in self.events if e.kind == "audioOutput"]
        return np.frombuffer(b"".join(chunks), "<i2")

    @property
    def kinds(self) -> list[str]:
        """Event names; runs of audioOutput and all usage events taken together or out."""
        names: list[str] = []
        for event in self.events:
            if event.kind != "usageEvent" and not (event.kind == "audioOutput" and names[-1:] == ["audioOutput"]):
                names.append(event.kind)
        return names


def _pieces(item: Samples | UserText) -> Iterator[UserAudio | UserText]:
    if isinstance(item, UserText):
        yield item
        return
    for start in range(0, item.size, CHUNK):
        yield UserAudio(item[start : start + CHUNK].tobytes())
