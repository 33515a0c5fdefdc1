"""LiveKit's aws realtime plugin in an AgentSession without a room; runs in LiveKit's own environment.

Overridden: the endpoint of its Bedrock client.
"""

from __future__ import annotations

import asyncio
from typing import Any

from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    ConversationItemAddedEvent,
    ErrorEvent,
    UserInputTranscribedEvent,
    function_tool,
)
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins.aws.experimental.realtime import realtime_model
from tests.clients.turn import DEADLINE_S, INSTRUCTIONS, RATE_HZ, Turn, endpoint, microphone


class LocalSession(realtime_model.RealtimeSession):
    async def _initialize_client(self) -> None:
        await super()._initialize_client()
        self._bedrock_client._config.endpoint_uri = endpoint()


class LocalModel(realtime_model.RealtimeModel):
    def session(self, **_: Any) -> LocalSession:
        session = LocalSession(self)
        self._sessions.add(session)
        return session


class Microphone(AudioInput):
    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._blocks = microphone()

    async def __anext__(self) -> rtc.AudioFrame:
        block = await anext(self._blocks)
        return rtc.AudioFrame(block, RATE_HZ, 1, len(block) // 2)


class Loudspeaker(AudioOutput):
    """Plays infinitely fast."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(label="loudspeaker", capabilities=AudioOutputCapabilities(pause=False))
        self._turn = turn
        self._segment_s = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._segment_s += frame.duration
        self._turn.audio_ms += frame.duration * 1000

    def flush(self) -> None:
        super().flush()
        self._finish(interrupted=False)

    def clear_buffer(self) -> None:
        self._finish(interrupted=True)

    def _finish(self, *, interrupted: bool) -> None:
        if self._segment_s:
            self.on_playback_finished(playback_position=self._segment_s, interrupted=interrupted)
            self._segment_s = 0.0


class House(Agent):
    def __init__(self, turn: Turn) -> None:
        super().__init__(instructions=INSTRUCTIONS)
        self._turn = turn

    @function_tool
    async def get_temperature(self, room: str) -> dict[str, Any]:
        """Measure the temperature of a room.

        Args:
            room: Name of the room.
        """
        return self._turn.temperature(room)


async def main() -> None:
    turn = Turn()
    over = asyncio.Event()
    session: AgentSession[None] = AgentSession(llm=LocalModel())
    session.input.audio = Microphone()
    session.output.audio = Loudspeaker(turn)

    @session.on("user_input_transcribed")
    def on_user(event: UserInputTranscribedEvent) -> None:
        if event.is_final and event.transcript:
            turn.user.append(event.transcript)

    @session.on("conversation_item_added")
    def on_item(event: ConversationItemAddedEvent) -> None:
        if event.item.type == "message" and event.item.role == "assistant":
            turn.assistant.append(event.item.text_content or "")
            if turn.over:
                over.set()

    @session.on("error")
    def on_error(event: ErrorEvent) -> None:
        turn.errors.append(str(event.error))
        over.set()

    async with asyncio.timeout(DEADLINE_S):
        await session.start(House(turn))
        await over.wait()
        await session.aclose()
    turn.report()


asyncio.run(main())
