"""The other side of the soak, as a process of its own: a model that converses, and one that always breaks.

``python -m tests.soak.service DIR`` uses the keys and certificates in DIR, prints both endpoints and then
"ready", and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_never

import numpy as np
from tests.sonic.numbers import Samples, agent_word, user_number

from sonicrtc.local.sonic import Emitter, Fault, LocalSonic, SessionSetup
from sonicrtc.local.sonic.brain import BrainInput, ToolResult, UserAudio, UserText
from sonicrtc.local.sonic.emitter import StopReason
from sonicrtc.local.state import LocalState
from sonicrtc.tasks import stop_event

_PAUSE_MS = 480
_LONG_MS = 2400
#: One stream in so many breaks, each time in another way.
_BREAKS_ONE_IN = 4
BREAKS = (
    Fault(fault="reset", after_audio_ms=1700),
    Fault(exception="throttlingException", after_audio_ms=2300),
    Fault(fault="drop", after_audio_ms=1100),
    Fault(refuse="ThrottlingException"),
    Fault(fault="truncate", after_audio_ms=2900),
    Fault(exception="modelTimeoutException", after_audio_ms=1300),
    Fault(fault="close", after_audio_ms=1900),
    Fault(fault="deaf", after_audio_ms=700),
    Fault(exception="validationException", message="System instability detected.", after_audio_ms=1500),
    Fault(fault="corrupt", after_audio_ms=2100),
    Fault(error="ExpiredTokenException", after_audio_ms=900),
    Fault(fault="goaway", after_audio_ms=500),
)
#: What a session can run into before it was of any use, or right after.
FAILURES = (
    Fault(refuse="AccessDeniedException"),
    Fault(fault="reset"),
    Fault(refuse="ThrottlingException"),
    Fault(fault="drop", after_audio_ms=40),
    Fault(no_headers=True),
    Fault(fault="corrupt", after_audio_ms=40),
    Fault(exception="modelStreamErrorException", after_audio_ms=40),
    Fault(no_headers=True, fault="drop", after_ms=40),
    Fault(fault="truncate", after_audio_ms=40),
    Fault(exception="brandNewException"),
    Fault(fault="stall", after_audio_ms=40),
    Fault(refuse="ValidationException"),
    Fault(fault="starve"),
    Fault(fault="close", after_audio_ms=40),
)


class SoakBrain:
    """Answers when the user has been silent for long enough; how, is the first word of the system prompt.

    ``words`` repeats the numbers of the user's words, ``long`` gives an answer that asks for an interruption,
    ``tool`` uses a tool first.
    """

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        self._manner = setup.system_prompt.split()[0]
        self._setup, self._emit = setup, emit
        self._heard: list[int] = []
        self._voiced = False
        self._value, self._silent_ms = 0, 0.0
        self._speaks_until_s = 0.0
        async for item in inputs:
            match item:
                case UserAudio(pcm):
                    await self._listen(np.frombuffer(pcm, "<i2"))
                case UserText(text):
                    await self._read(text)
                case ToolResult():
                    await self._say("done", 500)
                case _:
                    assert_never(item)

    async def _listen(self, samples: Samples) -> None:
        if self._manner == "words":
            self._collect(samples)
        loud = bool(np.abs(samples.astype(np.int32)).max(initial=0) > 1000)
        if loud and not self._voiced and asyncio.get_running_loop().time() < self._speaks_until_s:
            self._speaks_until_s = 0.0
            await self._emit.interrupted()
        self._voiced = self._voiced or loud
        self._silent_ms = 0.0 if loud else self._silent_ms + samples.size / 16
        if self._voiced and self._silent_ms >= _PAUSE_MS:
            self._voiced = False
            await self._answer()

    def _collect(self, samples: Samples) -> None:
        for run in np.split(samples, np.flatnonzero(np.diff(samples)) + 1):
            if run.size and run[0] and run[0] != self._value:
                self._heard.append(user_number(int(run[0])))
            self._value = int(run[0]) if run.size else self._value

    async def _answer(self) -> None:
        if self._manner == "words":
            heard, self._heard = self._heard, []
            await self._emit.user_text(" ".join(map(str, heard)))
            await self._say_numbers(heard)
            return
        await self._emit.user_text("something")
        if self._manner == "tool":
            await self._emit.tool_use("weather", {"city": "Brest"})
        else:
            await self._say("a long answer", _LONG_MS)
            self._speaks_until_s = asyncio.get_running_loop().time() + _LONG_MS / 1000

    async def _read(self, text: str) -> None:
        """An older stream was cut off: finish its answer, or answer the words that are given as text."""
        if self._manner != "words":
            await self._say("done", 500)
            return
        words = text.split()
        if all(word.isdigit() for word in words):
            await self._say_numbers([int(word) for word in words])
            return
        (_, asked), (_, answered) = self._setup.history[-2:]
        await self._say_numbers([int(n) for n in asked.split() if n not in answered.split()])

    async def _say_numbers(self, numbers: list[int]) -> None:
        rate_hz = self._setup.output_rate_hz
        for number in numbers:
            reason: StopReason = "END_TURN" if number == numbers[-1] else "PARTIAL_TURN"
            await self._emit.speculative(str(number))
            await self._emit.audio(agent_word(number, rate_hz).tobytes() + bytes(2 * rate_hz * 80 // 1000), flush=True)
            await self._emit.end_audio(reason)
            await self._emit.final(str(number), reason)

    async def _say(self, text: str, length_ms: int) -> None:
        tone = np.full(self._setup.output_rate_hz * length_ms // 1000, 9000, np.int16)
        await self._emit.speculative(text)
        await self._emit.audio(tone.tobytes(), flush=True)
        await self._emit.end_audio()
        await self._emit.final(text)


def plan(service: LocalSonic, faults: tuple[Fault, ...], *, one_in: int) -> None:
    """Give one stream in `one_in` the next fault of the series."""
    for n, fault in enumerate(faults):
        due = one_in * (n + 1) - 1
        service.faults.when(lambda opening, due=due: opening.index % (one_in * len(faults)) == due, fault)  # type: ignore[misc]


async def main(directory: Path) -> None:
    logging.getLogger("sonicrtc").setLevel(logging.ERROR)
    async with stop_event(with_stdin=True) as stop:
        with LocalState.open(directory) as state:
            async with (
                LocalSonic(state=state, brain=SoakBrain) as talking,
                LocalSonic(state=state, brain=SoakBrain) as failing,
            ):
                plan(talking, BREAKS, one_in=_BREAKS_ONE_IN)
                plan(failing, FAILURES, one_in=1)
                print(talking.endpoint, failing.endpoint, "ready", sep="\n", flush=True)
                await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
