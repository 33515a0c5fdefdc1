"""People who talk to the model in real time, over many streams that grow old and break."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
from tests.sonic.driving import FakeBlock
from tests.sonic.numbers import Samples, agent_number, user_word

from sonicrtc.audio import Playout
from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.errors import SonicRtcError
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.session import SonicSession, SonicStats
from sonicrtc.sonic.wire import ToolSpec

WEATHER = ToolSpec(name="weather", description="Tell the weather.", input_schema={"type": "object"})
#: A stream lives for seconds where a real one lives for minutes, but for long enough to hear the tape again.
CONTINUITY = ContinuityConfig(swap_after_s=8.0, swap_by_s=16.0, silence_limit_s=4.0)
#: Numbers begin again after so many words.
_ROUND = 500
#: Longer than this no answer may take, failures and all.
_ANSWER_S = 40.0
_BLOCK_FRAMES, _PULL_FRAMES = 320, 480


@dataclass(slots=True)
class Tally:
    """What all talks together came to.

    A machine that is too slow to send makes the session drop the user's voice, which it counts: then the words of
    that talk are not judged.
    """

    talks: int = 0
    words: int = 0
    interruptions: int = 0
    tools: int = 0
    streams: int = 0
    swaps: int = 0
    recoveries: int = 0
    dropped_ms: float = 0.0
    lost_ms: float = 0.0
    unjudged: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, stats: SonicStats) -> None:
        self.talks += 1
        self.streams += stats.opened
        self.swaps += stats.swaps
        self.recoveries += stats.recoveries
        self.dropped_ms += stats.dropped_ms
        self.lost_ms += stats.lost_ms
        if stats.opened != stats.closed:
            self.problems.append(f"{stats.opened} streams opened and {stats.closed} closed")


class Ear:
    """Hears the agent's numbered words one after the other, and which are missing or came again."""

    def __init__(self) -> None:
        self._value = 0
        self.last = 0
        self.problems: list[str] = []

    def hear(self, audio: Samples) -> None:
        for value in audio[np.flatnonzero(np.diff(audio, prepend=np.int16(self._value)))]:
            if value:
                self._word(agent_number(int(value)))
        self._value = int(audio[-1])

    def _word(self, number: int) -> None:
        expected = self.last % _ROUND + 1
        if number != expected:
            self.problems.append(f"expected the agent's word {expected}, heard {number}")
        self.last = number


class Talk:
    """One conversation.

    Parameters
    ----------
    manner : {"words", "long", "tool"}
        How the model answers: see :class:`tests.soak.service.SoakBrain`.
    seed : int
        For the pauses between the words.
    """

    def __init__(
        self, config: SonicConfig, credentials: StaticCredentials, tally: Tally, *, manner: str, seed: int
    ) -> None:
        self.session = SonicSession(
            replace(config, instructions=manner),
            credentials=credentials,
            on_event=self._take,
            tools=[WEATHER],
            continuity=CONTINUITY,
        )
        self._manner, self._tally = manner, tally
        self._chance = random.Random(seed)
        self._playout = Playout(input_rate_hz=24_000, output_rate_hz=24_000)
        self._ear = Ear()
        self._open = asyncio.Event()
        self._said = 0

    def _take(self, event: said.SonicEvent) -> None:
        match event:
            case said.AudioChunk():
                self._playout.push(event.pcm)
            case said.AudioEnded():
                self._playout.end()
            case said.Interrupted():
                self._tally.interruptions += 1
                self.session.flushed(self._playout.buffered_frames)
                self._playout.flush()
            case said.ToolRequest():
                self._tally.tools += 1
                self.session.send_tool_result(event.tool_use_id, {"sky": "grey", "wind": "west"})
            case said.SessionOpened():
                self._open.set()
            case (
                said.UserText() | said.AssistantText() | said.TurnEnded() | said.UsageReported() | said.Recovering()
                | said.StreamChanged() | said.UnknownReceived()
            ):  # fmt: skip
                pass
            case _:
                assert_never(event)

    async def run(self, length_s: float) -> None:
        """Talk for that long, then wait for the last answer and hang up."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.session.run())
                await self._open.wait()
                await self._telephone(length_s)
                await self.session.close()
        except* SonicRtcError as broken:
            self._tally.problems.append(f"a talk ended early: {broken.exceptions}: {self.session.stats}")
        self._tally.add(self.session.stats)
        self._tally.words += self._said
        if self.session.stats.dropped_ms:
            self._tally.unjudged += self._manner == "words"
        else:
            self._tally.problems += [f"{problem}: {self.session.stats}" for problem in self._ear.problems]

    async def _telephone(self, length_s: float) -> None:
        """Move 20 ms each way, every 20 ms; on a machine that is too slow for that, time goes slower."""
        loop = asyncio.get_running_loop()
        due_s, ends_s = loop.time(), loop.time() + length_s
        blocks = self._blocks(ends_s)
        while not self._is_over(loop.time(), ends_s):
            block = next(blocks)
            self.session.send_audio(FakeBlock(block, speech=bool(block.any())), captured_at_s=loop.time())
            heard = self._playout.pull(_PULL_FRAMES)
            if self._manner == "words":
                self._ear.hear(heard)
            due_s = max(due_s + 0.02, loop.time() - 0.02)
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    def _is_over(self, now_s: float, ends_s: float) -> bool:
        if now_s < ends_s:
            return False
        if self._manner != "words" or self._ear.last == (self._said - 1) % _ROUND + 1:
            return True
        if now_s > ends_s + _ANSWER_S:
            self._ear.problems.append(f"no answer to word {self._said}; the last was {self._ear.last}")
            return True
        return False

    def _blocks(self, ends_s: float) -> Iterator[Samples]:
        """Yield words with pauses of any length between them, and only silence after the end."""
        loop = asyncio.get_running_loop()
        silence = np.zeros(_BLOCK_FRAMES, np.int16)
        while True:
            if loop.time() >= ends_s:
                yield silence
                continue
            word = user_word(self._said % _ROUND + 1)
            self._said += 1
            yield from word.reshape(-1, _BLOCK_FRAMES)
            for _ in range(self._pause_blocks()):
                yield silence

    def _pause_blocks(self) -> int:
        short, long = (0.7, 2.0) if self._manner == "long" else (0.1, 1.8)
        return round(self._chance.uniform(short, long) / 0.02)
