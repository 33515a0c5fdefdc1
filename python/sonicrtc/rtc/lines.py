"""The two ways of audio through a peer connection, behind one face."""

from __future__ import annotations

from collections.abc import Buffer, Callable
from typing import TYPE_CHECKING, Protocol

from sonicrtc.rtc.inbound import InboundPackets, Losses
from sonicrtc.rtc.outbound import OutboundPackets
from sonicrtc.rtc.packets import PeerConnection, ReceiverHook, SenderHook
from sonicrtc.rtc.tracks import InboundAudio, OutboundAudio

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack

    from sonicrtc.rtc.media import MediaPath
    from sonicrtc.rtc.pacing import Pace
    from sonicrtc.rtc.tracks import PullAudio

    OnAudio = Callable[[Buffer, int], None]
    OnFailure = Callable[[BaseException], None]

#: What we ask of a sender (RFC 7587 section 6.1): a packet may be as short as 10 ms, FEC is used, and stereo
#: would be mixed down. Discontinuous transmission is not asked for: it hides where speech ends.
OPUS_PARAMETERS = "minptime=10;useinbandfec=1;stereo=0"


class Line(Protocol):
    """Audio both ways of one connection."""

    @property
    def pace(self) -> Pace:
        """The schedule of what is sent."""

    @property
    def losses(self) -> Losses:
        """What was lost of what came; nothing is known of it where aiortc decodes."""

    async def run(self, remote: MediaStreamTrack | None) -> None:
        """Hand on what comes, until cancelled or the remote track ends."""


class PacketLine:
    """Packets to and from the native codec; see :class:`sonicrtc.rtc.peer.Peer` for the arguments."""

    def __init__(
        self, connection: PeerConnection, media: MediaPath, pull_audio: PullAudio, on_audio: OnAudio,
        on_failure: OnFailure, *, pauses: bool,
    ) -> None:  # fmt: skip
        self._inbound = InboundPackets(media.open_receiver, on_audio, on_failure, rate_hz=media.format.heard_hz)
        self._outbound = OutboundPackets(
            pull_audio, media.open_encoder(), frames=media.format.spoken_frames, pauses=pauses
        )
        self.pace = self._outbound.pace
        transceiver = connection.addTransceiver("audio")
        ReceiverHook(transceiver.receiver, self._inbound.take, lambda: connection.redundancy_type)
        SenderHook(transceiver.sender, self._outbound, on_failure)

    @property
    def losses(self) -> Losses:
        """What was lost of what came."""
        return self._inbound.losses

    async def run(self, remote: MediaStreamTrack | None) -> None:
        """Hand on what comes, until cancelled."""
        await self._inbound.run()


class FrameLine:
    """Frames to and from aiortc's own codec."""

    def __init__(self, connection: PeerConnection, pull_audio: PullAudio, on_audio: OnAudio) -> None:
        self._on_audio = on_audio
        self.losses = Losses()
        track = OutboundAudio(pull_audio)
        self.pace = track.pace
        connection.addTrack(track)

    async def run(self, remote: MediaStreamTrack | None) -> None:
        """Hand on what comes, until cancelled or the remote track ends."""
        if remote is not None:
            await InboundAudio(remote, self._on_audio).run()
