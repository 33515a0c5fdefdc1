"""Pipecat's AWSNovaSonicLLMService in a pipeline; runs in Pipecat's own environment.

Overridden: the endpoint of its Bedrock client.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.aws.nova_sonic.llm import AWSNovaSonicLLMService
from pipecat.services.llm_service import FunctionCallParams
from pipecat.workers.runner import WorkerRunner
from tests.clients.turn import DEADLINE_S, INSTRUCTIONS, RATE_HZ, Turn, endpoint, microphone


class LocalNovaSonic(AWSNovaSonicLLMService):
    def create_client(self) -> Any:
        client = super().create_client()
        client._config.endpoint_uri = endpoint()
        return client


class Listener(FrameProcessor):
    """Notes what reaches the user; `over` is set at the end of the answer."""

    def __init__(self, turn: Turn, over: asyncio.Event) -> None:
        super().__init__()
        self._turn = turn
        self._over = over

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        match frame:
            case TranscriptionFrame():
                self._turn.user.append(frame.text)
            case LLMTextFrame():
                self._turn.assistant.append(frame.text)
            case TTSAudioRawFrame():
                self._turn.audio_ms += len(frame.audio) / 2 / frame.sample_rate * 1000
            case LLMFullResponseEndFrame() if self._turn.over:
                self._over.set()
        await self.push_frame(frame, direction)


async def main() -> None:
    turn = Turn()
    over = asyncio.Event()

    async def get_temperature(params: FunctionCallParams, room: str) -> None:
        """Measure the temperature of a room.

        Args:
            room: Name of the room.
        """
        await params.result_callback(turn.temperature(room))

    llm = LocalNovaSonic(
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        system_instruction=INSTRUCTIONS,
        tools=[get_temperature],
    )
    context = LLMContextAggregatorPair(LLMContext())
    # What the user said goes upstream from the service, everything else downstream.
    listeners = Listener(turn, over), Listener(turn, over)
    worker = PipelineWorker(Pipeline([context.user(), listeners[0], llm, listeners[1], context.assistant()]))

    @worker.event_handler("on_pipeline_error")
    async def on_error(_: PipelineWorker, frame: ErrorFrame) -> None:
        turn.errors.append(frame.error)
        over.set()

    async def speak() -> None:
        await worker.queue_frame(LLMRunFrame())
        async for block in microphone():
            await worker.queue_frame(InputAudioRawFrame(audio=block, sample_rate=RATE_HZ, num_channels=1))

    runner = WorkerRunner(handle_sigint=False)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run(worker))
        speaking = tasks.create_task(speak())
        await over.wait()
        speaking.cancel()
        await worker.stop_when_done()
    turn.report()


asyncio.run(main())
