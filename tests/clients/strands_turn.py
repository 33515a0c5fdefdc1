"""Strands' BedrockNovaSonicModel in a BidiAgent; runs in Strands' own environment.

Overridden: the endpoint of its Bedrock client.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from typing import Any

from strands import tool
from strands.bidi.agent import BidiAgent
from strands.bidi.models import bedrock
from strands.bidi.types.events import BidiAudioDeltaEvent, BidiResponseStopEvent, BidiTranscriptBlockEvent
from strands.bidi.types.media import AudioDelta
from tests.clients.turn import DEADLINE_S, INSTRUCTIONS, Turn, endpoint, microphone


class LocalConfig(bedrock.AsyncBedrockRuntimeConfig):
    @classmethod
    async def resolve(cls, **settings: Any) -> Any:
        return await super().resolve(**settings | {"endpoint_uri": endpoint()})


# The model makes its client inside of `start`: there is nothing closer to override.
bedrock.AsyncBedrockRuntimeConfig = LocalConfig


def note(turn: Turn, event: Any) -> bool:
    """Note what reaches the user; return whether the answer is over."""
    match event:
        case BidiTranscriptBlockEvent():
            (turn.user if event.role == "user" else turn.assistant).append(event.transcript)
        case BidiAudioDeltaEvent():
            turn.audio_ms += len(base64.b64decode(event.audio)) / 2 / event.sample_rate * 1000
        case BidiResponseStopEvent():
            return turn.over
    return False


async def main() -> None:
    turn = Turn()

    @tool
    async def get_temperature(room: str) -> dict[str, Any]:
        """Measure the temperature of a room.

        Args:
            room: Name of the room.
        """
        return turn.temperature(room)

    model = bedrock.BedrockNovaSonicModel(model_id="amazon.nova-2-5-sonic")
    agent = BidiAgent(model=model, tools=[get_temperature], system_prompt=INSTRUCTIONS)

    async def speak() -> None:
        async for block in microphone():
            await agent.send(AudioDelta(format="pcm", source={"bytes": block}))

    async with asyncio.timeout(DEADLINE_S), agent, asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(speak())
        async with aclosing(agent.receive()) as events:
            async for event in events:
                if note(turn, event):
                    break
        speaking.cancel()
    turn.report()


asyncio.run(main())
