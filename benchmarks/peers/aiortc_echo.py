"""The caller's audio comes back, by aiortc as it is: 16 kHz mono in and out, as a speech model wants it.

Runs in an environment of its own, without SonicRTC.
"""

from __future__ import annotations

import asyncio
from collections import deque
from fractions import Fraction

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler
from benchmarks.peers.serving import serve

RATE_HZ = 16_000
FRAMES = RATE_HZ // 50
#: At most so many blocks of 20 ms wait to go back; a new one pushes out the oldest.
WAITING = 3


class Echo(MediaStreamTrack):
    """Sends 20 ms every 20 ms: the oldest block of `waiting`, or silence."""

    kind = "audio"

    def __init__(self, waiting: deque[bytes]) -> None:
        super().__init__()
        self._echo = waiting
        self._blocks = 0
        self._started_s: float | None = None

    async def recv(self) -> AudioFrame:
        now_s = asyncio.get_running_loop().time()
        if self._started_s is None:
            self._started_s = now_s
        await asyncio.sleep(max(0.0, self._started_s + self._blocks * FRAMES / RATE_HZ - now_s))
        frame = AudioFrame(format="s16", layout="mono", samples=FRAMES)
        frame.planes[0].update(self._echo.popleft() if self._echo else bytes(2 * FRAMES))
        frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), self._blocks * FRAMES
        self._blocks += 1
        return frame


async def listen(track: MediaStreamTrack, waiting: deque[bytes]) -> None:
    resampler, rest = AudioResampler(format="s16", layout="mono", rate=RATE_HZ), b""
    while True:
        try:
            received = await track.recv()
        except MediaStreamError:
            return
        assert isinstance(received, AudioFrame)
        for frame in resampler.resample(received):
            rest += bytes(frame.planes[0])[: 2 * frame.samples]
        while len(rest) >= 2 * FRAMES:
            waiting.append(rest[: 2 * FRAMES])
            rest = rest[2 * FRAMES :]


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        connections = set()

        async def answer(sdp: str, kind: str) -> tuple[str, str]:
            connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            connections.add(connection)
            waiting: deque[bytes] = deque(maxlen=WAITING)
            connection.addTrack(Echo(waiting))
            connection.on("track", lambda track: group.create_task(listen(track, waiting)))
            await connection.setRemoteDescription(RTCSessionDescription(sdp, kind))
            await connection.setLocalDescription(await connection.createAnswer())
            return connection.localDescription.sdp, connection.localDescription.type

        await serve(answer)


asyncio.run(main())
