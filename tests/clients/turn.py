"""One turn with a tool, as every driver here holds it; standard library only, and nothing of sonicrtc."""

from __future__ import annotations

import asyncio
import json
import math
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

RATE_HZ = 16_000
BLOCK_MS = 20
SPEECH_MS = 1_000
ANSWER_MS = 1_200
INSTRUCTIONS = "You answer questions about a house."
SCENARIO = [
    {"wait_audio_ms": SPEECH_MS},
    {"user": "how warm is it in the kitchen"},
    {"delay_ms": 500},
    {"call_tool": "get_temperature", "arguments": {"room": "kitchen"}},
    {"wait_tool_result": True, "contains": "21.5"},
    {"say": "It is 21.5 degrees in the kitchen.", "audio_ms": ANSWER_MS},
    {"usage": {"speech_in": 20, "text_in": 30, "speech_out": 40, "text_out": 10}},
]
#: A client that has no answer after this time is given up.
DEADLINE_S = 60


@dataclass(slots=True)
class Turn:
    """What the client told its user in the turn: the driver prints it, and the test looks at it."""

    user: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    assistant: list[str] = field(default_factory=list)
    audio_ms: float = 0.0
    errors: list[str] = field(default_factory=list)

    def temperature(self, room: str) -> dict[str, Any]:
        """The tool."""
        self.calls.append({"room": room})
        return {"room": room, "celsius": 21.5}

    @property
    def over(self) -> bool:
        """Whether the whole answer has come, or it will not come any more."""
        return bool(self.errors) or bool(self.assistant and self.audio_ms >= ANSWER_MS)

    def report(self) -> None:
        print(json.dumps(asdict(self)), flush=True)


def endpoint() -> str:
    """Where Bedrock is, as `sonicrtc local sonic` printed it."""
    return os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]


async def microphone() -> AsyncIterator[bytes]:
    """Yield 20 ms of 16-bit mono audio every 20 ms: a second of a swelling tone, then silence without end."""
    frames = RATE_HZ * BLOCK_MS // 1000
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    block = 0
    while True:
        level = 9000 * math.sin(math.pi * block * BLOCK_MS / SPEECH_MS) if block * BLOCK_MS < SPEECH_MS else 0
        angles = (2 * math.pi * 180 * (block * frames + at) / RATE_HZ for at in range(frames))
        yield struct.pack(f"<{frames}h", *(round(level * math.sin(angle)) for angle in angles))
        block += 1
        await asyncio.sleep(begin_s + block * BLOCK_MS / 1000 - loop.time())
