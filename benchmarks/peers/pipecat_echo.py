"""The caller's audio comes back, by Pipecat: a SmallWebRTC transport whose input is its output, 16 kHz both ways.

Runs in Pipecat's own environment.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.peers.serving import serve
from loguru import logger
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner

RATE_HZ = 16_000
PARAMETERS = TransportParams(
    audio_in_enabled=True, audio_in_sample_rate=RATE_HZ, audio_in_passthrough=True,
    audio_out_enabled=True, audio_out_sample_rate=RATE_HZ, audio_out_10ms_chunks=2,
)  # fmt: skip


class Echo(FrameProcessor):
    """Turns what comes in into what goes out."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(
                audio=frame.audio, sample_rate=frame.sample_rate, num_channels=frame.num_channels
            )
        await self.push_frame(frame, direction)


async def call(connection: SmallWebRTCConnection) -> None:
    transport = SmallWebRTCTransport(connection, PARAMETERS)
    pipeline = Pipeline([transport.input(), Echo(), transport.output()])
    rates = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    worker = PipelineWorker(pipeline, params=rates, idle_timeout_secs=None)
    await WorkerRunner(handle_sigint=False).run(worker)


async def main() -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    async with asyncio.TaskGroup() as group:

        async def answer(sdp: str, kind: str) -> tuple[str, str]:
            connection = SmallWebRTCConnection(ice_servers=[])
            await connection.initialize(sdp=sdp, type=kind)
            group.create_task(call(connection))
            answered = connection.get_answer()
            return answered["sdp"], answered["type"]

        await serve(answer)


asyncio.run(main())
