"""One WebRTC peer connection: audio both ways and the data channel ``kvsDataChannel``.

The same class answers a browser and makes the offer of the headless client.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Buffer, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aiortc import (
    InvalidAccessError,
    InvalidStateError,
    MediaStreamTrack,
    RTCDataChannel,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, OperationError

from sonicrtc.errors import PeerError, SdpError
from sonicrtc.rtc.lines import OPUS_PARAMETERS, FrameLine, Line, PacketLine
from sonicrtc.rtc.packets import IceServer, PeerConnection
from sonicrtc.rtc.sdp import Description, check, parse_candidate

if TYPE_CHECKING:
    from sonicrtc.rtc.media import MediaPath
    from sonicrtc.rtc.tracks import PullAudio

__all__ = ["CHANNEL", "Description", "IceServer", "Peer"]

#: The data channel's label, as in the Kinesis Video Streams WebRTC SDKs.
CHANNEL = "kvsDataChannel"

_MAX_QUEUED_MESSAGES = 256
_MAX_BUFFERED_BYTES = 1 << 20
_MAX_CANDIDATES = 64
_OWN_CHANNEL_AFTER_S = 1.0
_CHANNEL_CLOSE_S = 1.0
_CLOSE_S = 5.0
_REFUSED = (ValueError, AttributeError, InvalidStateError, InvalidAccessError, InternalError, OperationError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStats:
    """What a peer lost, and how the event loop kept its pace; see :class:`sonicrtc.metrics.CallStats`."""

    messages_dropped: int = 0
    packets_lost: int = 0
    restored_ms: float = 0.0
    made_up_ms: float = 0.0
    stalls: int = 0
    longest_stall_ms: float = 0.0


class Peer:
    """A peer connection, answering or offering.

    Parameters
    ----------
    ice_servers : sequence of str or IceServer
        STUN and TURN servers; empty means none, never a default.
    media : MediaPath
        The way that audio takes, and its format.
    pull_audio : callable
        ``pull_audio(frames)`` is called every 20 ms and returns that many, int16 mono at ``media.format.spoken_hz``.
    on_audio : callable
        ``on_audio(buffer, frames)`` for received audio: int16 as ``media.format`` says, at most 120 ms.
    pauses : bool
        Whether nothing is sent for zeros, where `media` is packets; see :class:`sonicrtc.rtc.outbound.OutboundPackets`.
    on_message : callable
        Called with each data-channel message.
    on_state : callable
        Called with ``connecting``, ``connected``, ``failed`` or ``closed`` when it becomes that.
    connect_timeout_s : float
        How long :meth:`run` waits for the connection.

    Attributes
    ----------
    connected : asyncio.Event
        Set once the connection is up; stays set.
    ended : asyncio.Event
        Set once it is over, whoever ended it.
    dropped_messages : int
        Data-channel messages that were not sent.
    """

    def __init__(
        self,
        *,
        ice_servers: Sequence[str | IceServer] = (),
        media: MediaPath,
        pull_audio: PullAudio,
        on_audio: Callable[[Buffer, int], None],
        on_message: Callable[[str | bytes], None],
        on_state: Callable[[str], None] = lambda state: None,
        connect_timeout_s: float = 20.0,
        pauses: bool = True,
    ) -> None:
        packets = media.library is not None
        self._pc = PeerConnection(ice_servers, OPUS_PARAMETERS if packets else "", packets and media.redundancy)
        self._on_message, self._on_state = on_message, on_state
        self._connect_timeout_s = connect_timeout_s
        self._remote_track: MediaStreamTrack | None = None
        self._channel: RTCDataChannel | None = None
        self._channel_opened = asyncio.Event()
        self._channel_closed = asyncio.Event()
        self._queued: deque[str] = deque(maxlen=_MAX_QUEUED_MESSAGES)
        self._early_candidates: list[Mapping[str, object]] = []
        self._candidates = 0
        self._described = False
        self._closing = False
        self._broken: BaseException | None = None
        self._settled = asyncio.Event()
        self.ended = asyncio.Event()
        self._closed = asyncio.Event()
        self.connected = asyncio.Event()
        self.dropped_messages = 0
        self._pc.on("connectionstatechange", self._state_changed)
        self._pc.on("datachannel", self._adopt_channel)
        self._pc.on("track", self._adopt_track)
        self._line: Line = (
            PacketLine(self._pc, media, pull_audio, on_audio, self._break, pauses=pauses) if packets
            else FrameLine(self._pc, pull_audio, on_audio)
        )  # fmt: skip
        # Only Opus: every decoder then gives 48 kHz stereo.
        opus = [c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType.lower() == "audio/opus"]
        self._pc.getTransceivers()[0].setCodecPreferences(opus)

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``."""
        return str(self._pc.connectionState)

    @property
    def stats(self) -> PeerStats:
        """What was lost or late so far."""
        pace, losses = self._line.pace, self._line.losses
        return PeerStats(
            packets_lost=losses.packets,
            restored_ms=losses.restored_ms,
            made_up_ms=losses.made_up_ms,
            messages_dropped=self.dropped_messages,
            stalls=pace.stalls,
            longest_stall_ms=round(1000 * pace.longest_stall_s, 1),
        )

    async def answer(self, offer: Description) -> Description:
        """Accept a remote `offer` and return the answer, complete with candidates.

        Raises
        ------
        SdpError
            The offer is not usable; the message says why.
        """
        await self._describe(check(offer, "offer"))
        for transceiver in self._pc.getTransceivers()[1:]:
            transceiver.direction = "inactive"
        return await self._describe_here("answer")

    async def offer(self) -> Description:
        """Return an offer of audio and the data channel, complete with candidates."""
        self._adopt_channel(self._pc.createDataChannel(CHANNEL))
        return await self._describe_here("offer")

    async def accept(self, answer: Description) -> None:
        """Take the remote answer to :meth:`offer`.

        Raises
        ------
        SdpError
            The answer is not usable.
        """
        await self._describe(check(answer, "answer"))

    async def _describe(self, remote: Description) -> None:
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=remote.sdp, type=remote.type))
        except OperationError as exc:
            raise SdpError("SDP: expected the codec Opus in 'm=audio' (RFC 7874)") from exc
        except _REFUSED as exc:
            raise SdpError(f"the {remote.type} cannot be used: {exc}") from exc
        self._described = True
        early, self._early_candidates = self._early_candidates, []
        for candidate in early:
            with suppress(SdpError):
                await self.add_candidate(candidate)

    async def _describe_here(self, kind: Literal["offer", "answer"]) -> Description:
        try:
            await self._pc.setLocalDescription()
        except _REFUSED as exc:
            raise SdpError(f"no {kind} can be made: {exc}") from exc
        return Description(self._pc.localDescription.sdp, kind)

    async def add_candidate(self, candidate: Mapping[str, object]) -> None:
        """Add a trickled remote candidate (``RTCIceCandidateInit``).

        One that cannot be reached (``.local``) and the end of candidates are passed over. Those
        that come before the remote description wait for it.

        Raises
        ------
        SdpError
            It is not a candidate.
        """
        parsed = parse_candidate(candidate)
        if parsed is None or self._closing or self._candidates >= _MAX_CANDIDATES:
            return
        if not self._described:
            if len(self._early_candidates) < _MAX_CANDIDATES:
                self._early_candidates.append(candidate)
            return
        self._candidates += 1
        await self._pc.addIceCandidate(parsed)

    def send(self, text: str) -> None:
        """Send `text` on the data channel, or keep it until the channel opens.

        Bounded both ways: the oldest waiting message gives way, and a channel whose reader does not
        keep up gets no more; both count in ``dropped_messages``.
        """
        channel = self._channel
        if channel is not None and channel.readyState == "open":
            if channel.bufferedAmount + len(text) > _MAX_BUFFERED_BYTES:
                self.dropped_messages += 1
                return
            try:
                channel.send(text)
            except ValueError:  # larger than the other side reads
                self.dropped_messages += 1
        elif not self._closing and not self.ended.is_set():
            self.dropped_messages += len(self._queued) == _MAX_QUEUED_MESSAGES
            self._queued.append(text)

    async def run(self) -> None:
        """Receive audio until the connection ends on either side.

        Raises
        ------
        PeerError
            No connection came about in time.
        Exception
            What `pull_audio` or `on_audio` raised.
        """
        await self.settle(self._connect_timeout_s)
        if not self.connected.is_set():
            if self._closing:
                return
            raise PeerError(
                f"no WebRTC connection (state {self.state!r}, limit {self._connect_timeout_s:g} s): the two sides"
                " found no network path; a TURN server helps across strict firewalls",
                retryable=True,
            )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._offer_channel()), group.create_task(self._line.run(self._remote_track))]
            await self.ended.wait()
            for task in tasks:
                task.cancel()
        if self._broken is not None:
            raise self._broken

    async def settle(self, timeout_s: float) -> None:
        """Wait until the connection is up or will never be, at most `timeout_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()

    async def close(self) -> None:
        """Close the data channel, once everything sent has arrived, and then the connection."""
        if self._closing:
            await self._closed.wait()
            return
        self._closing = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_CHANNEL_CLOSE_S):
                await self._close_channel()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._pc.close()
                for transceiver in self._pc.getTransceivers():
                    # A handshake that ended while closing may have started them again.
                    await transceiver.receiver.stop()
                    await transceiver.sender.stop()
        except TimeoutError:
            _log.warning("closing a peer connection took longer than %g s", _CLOSE_S)
        finally:
            self._end()
            self._closed.set()

    async def _close_channel(self) -> None:
        """Reset the channel's streams: the other side confirms that after all that was sent."""
        if self._queued and self._described and self._pc.localDescription is not None:
            await self._settled.wait()
        if self.state != "connected" or self._pc.sctp is None or self._channel_closed.is_set():
            return
        if self._queued:
            await self._channel_opened.wait()
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.close()
            await self._channel_closed.wait()

    def _state_changed(self) -> None:
        if self.state == "connected":
            self.connected.set()
            self._settled.set()
        elif self.state in ("failed", "closed"):
            self._end()
        self._on_state(self.state)

    def _break(self, error: BaseException) -> None:
        """Let :meth:`run` raise what `pull_audio` or `on_audio` raised inside of aiortc."""
        self._broken = self._broken or error
        self._end()

    def _end(self) -> None:
        self._settled.set()
        self.ended.set()

    def _adopt_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._remote_track is None:
            self._remote_track = track

    async def _offer_channel(self) -> None:
        """Open the data channel when the other side negotiated one but opens none."""
        await asyncio.sleep(_OWN_CHANNEL_AFTER_S)
        if self._channel is None and self._pc.sctp is not None:
            self._adopt_channel(self._pc.createDataChannel(CHANNEL))

    def _adopt_channel(self, channel: RTCDataChannel) -> None:
        if channel.label != CHANNEL:
            return
        channel.on("message", self._on_message)
        channel.on("close", lambda: self._channel_gone(channel))
        if self._channel is None or self._channel.readyState == "connecting":
            self._channel = channel
            channel.on("open", self._flush)
            if channel.readyState == "open":
                self._flush()

    def _channel_gone(self, channel: RTCDataChannel) -> None:
        if channel is self._channel:
            self._channel_closed.set()
            self._end()

    def _flush(self) -> None:
        self._channel_opened.set()
        while self._queued:
            self.send(self._queued.popleft())
