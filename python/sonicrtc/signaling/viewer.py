"""A viewer without a browser."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from sonicrtc.errors import SignalingClosedError, SignalingError
from sonicrtc.signaling import protocol
from sonicrtc.signaling.connection import client_session, open_socket
from sonicrtc.signaling.protocol import Answer, Candidate, SignalingEvent, StatusResponse


class SignalingViewer:
    """A viewer without a browser. Messages are read while somebody waits for them; there is no task.

    Parameters
    ----------
    signaling_url : str
        Presigned URL, as ``POST /session`` returns it.
    ca_file : Path, optional
        PEM file of the authority that signed the address's certificate.
    """

    def __init__(self, signaling_url: str, *, ca_file: Path | None = None) -> None:
        self._url = signaling_url
        self._ca_file = ca_file
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._candidates: deque[dict[str, Any]] = deque()

    async def __aenter__(self) -> Self:
        self._http = client_session(self._ca_file)
        try:
            # No heartbeat: nobody reads while nobody waits, so a pong would be missed.
            self._socket = await open_socket(self._http, self._url, heartbeat_s=None)
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()

    async def send_offer(self, sdp: str, settings: object = None) -> None:
        """Send the offer to the master, with an `events.Settings` of what is wished of the model.

        Raises
        ------
        SignalingError
            It is too large, or the connection is gone.
        """
        await self._send(protocol.write_offer(sdp, settings=settings, correlation_id="offer"))

    async def send_candidate(self, candidate: dict[str, Any]) -> None:
        """Send an ICE candidate (``RTCIceCandidateInit``) to the master."""
        await self._send(protocol.write_candidate(candidate))

    async def answer(self, *, timeout_s: float = 15.0) -> str:
        """Wait for the answer's SDP; candidates that come before it are kept for :meth:`candidates`.

        Raises
        ------
        SignalingError
            None came in time, the service refused the offer, or the connection ended.
        """
        try:
            async with asyncio.timeout(timeout_s):
                async for event in self._events():
                    if isinstance(event, Answer):
                        return event.sdp
                    if isinstance(event, Candidate):
                        self._candidates.append(event.candidate)
        except TimeoutError as exc:
            raise SignalingError(
                f"no answer within {timeout_s:g} s; is the server running and free?", retryable=True
            ) from exc
        raise SignalingClosedError("the signaling connection ended before an answer came")

    async def candidates(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the master's ICE candidates until the connection ends."""
        while self._candidates:
            yield self._candidates.popleft()
        async for event in self._events():
            if isinstance(event, Candidate):
                yield event.candidate

    async def _events(self) -> AsyncIterator[SignalingEvent]:
        async for message in self._open_socket():
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            event = protocol.read(message.data)
            if isinstance(event, StatusResponse):
                raise SignalingError(f"the service refuses the message: {event.error_type} {event.description[:200]}")
            if event is not None:
                yield event

    async def _send(self, text: str) -> None:
        try:
            await self._open_socket().send_str(text)
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise SignalingClosedError("the signaling connection ended") from exc

    def _open_socket(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is None:
            raise SignalingClosedError("the viewer is not connected; use it in 'async with'")
        return self._socket
