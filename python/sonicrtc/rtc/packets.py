"""The one place that reaches below aiortc's public surface, checked when it is imported.

aiortc 1.16 on aioice 0.13. From inside are needed: which host addresses are offered, the rules by which
an ICE server's address is read, the level that goes with each sent packet, how connecting ends when the
connection is closed meanwhile; and the two places where packets pass: between the receiver's statistics
and its decoder, and between the sender's encoder and its transport.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import inspect
import math
import random
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import aioice.ice
import numpy as np
from aiortc import (
    InvalidStateError,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
    clock,
    rtcdtlstransport,
    rtcicetransport,
    rtcrtpreceiver,
    rtp,
)
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av import AudioFrame

from sonicrtc.errors import ConfigError, MissingExtraError
from sonicrtc.rtc.adaptation import Report
from sonicrtc.rtc.outbound import TIMESTAMPS
from sonicrtc.rtc.redundancy import split
from sonicrtc.rtc.sdp import redundancy_of, with_opus_parameters, with_redundancy

if TYPE_CHECKING:
    from aiortc.rtcrtpparameters import RTCRtpReceiveParameters

    from sonicrtc.rtc.outbound import OutboundPackets

LOOPBACK = "127.0.0.1"
#: The versions whose inside is known.
AIORTC = (1, 16)

_CONNECT = "_RTCPeerConnection__connect"
_OPUS, _RED, _CLOCK_HZ = "audio/opus", "audio/red", 48_000
#: More packets than these were not lost: what comes was late, or begins anew (the jitter buffer's own bound).
_MOST_MISSING = 200
#: Streams of one peer that are counted; a receiver report has room for 31 (RFC 3550 section 6.4.2).
_MOST_STREAMS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """A STUN or TURN server; only the addresses show in its repr."""

    urls: tuple[str, ...]
    username: str | None = field(default=None, repr=False)
    credential: str | None = field(default=None, repr=False)


def configuration(servers: Sequence[str | IceServer]) -> RTCConfiguration:
    """Return aiortc's configuration for exactly these ICE servers, never a default one.

    Raises
    ------
    ConfigError
        An address is not ``stun:``, ``stuns:``, ``turn:`` or ``turns:`` with a host.
    """
    known = [IceServer(urls=(server,)) if isinstance(server, str) else server for server in servers]
    ice = [RTCIceServer(urls=list(s.urls), username=s.username, credential=s.credential) for s in known]
    try:
        rtcicetransport.connection_kwargs(ice)
    except ValueError as exc:
        urls = ", ".join(url for server in known for url in server.urls)
        raise ConfigError(f"ICE server: expected stun:host[:port] or turn:host[:port], got {urls!r}") from exc
    return RTCConfiguration(iceServers=ice)


class PeerConnection(RTCPeerConnection):
    """aiortc's, which may be closed while it connects without an error that nobody can catch.

    Parameters
    ----------
    ice_servers : sequence of str or IceServer
        See :func:`configuration`.
    opus_parameters : str
        What its offers and answers ask of the other side's Opus encoder (RFC 7587 section 6.1); empty for nothing.
    redundancy : bool
        Whether its answers ask for each packet twice (RFC 2198) where the offer has that.

    Attributes
    ----------
    redundancy_type : int, optional
        Payload type of redundant packets, once an answer has asked for them.
    """

    def __init__(
        self, ice_servers: Sequence[str | IceServer], opus_parameters: str = "", redundancy: bool = False
    ) -> None:
        super().__init__(configuration(ice_servers))
        self._opus_parameters, self._redundancy = opus_parameters, redundancy
        self.redundancy_type: int | None = None
        self._offered: int | None = None

    async def setRemoteDescription(self, sessionDescription: RTCSessionDescription) -> None:
        """Take the other side's description, and note what it has that aiortc does not know."""
        # From its text: aiortc's own of it fails where Firefox names a host that only it can look up.
        self._offered = redundancy_of(sessionDescription.sdp)
        await super().setRemoteDescription(sessionDescription)

    async def createOffer(self) -> RTCSessionDescription:
        """Return aiortc's offer with our parameters."""
        return self._with_parameters(await super().createOffer())

    async def createAnswer(self) -> RTCSessionDescription:
        """Return aiortc's answer with our parameters."""
        answer = self._with_parameters(await super().createAnswer())
        self.redundancy_type = self._offered if self._redundancy else None
        if self.redundancy_type is None:
            return answer
        return RTCSessionDescription(with_redundancy(answer.sdp, self.redundancy_type), answer.type)

    def _with_parameters(self, description: RTCSessionDescription) -> RTCSessionDescription:
        if not self._opus_parameters:
            return description
        return RTCSessionDescription(with_opus_parameters(description.sdp, self._opus_parameters), description.type)

    async def _RTCPeerConnection__connect(self) -> None:
        connect: Callable[[], Awaitable[None]] = getattr(super(), _CONNECT)
        with suppress(InvalidStateError):
            await connect()


def _with_loopback(gather: Callable[[bool, bool], list[str]]) -> Callable[[bool, bool], list[str]]:
    """Wrap aioice's list of host addresses so that it also holds 127.0.0.1.

    In addition, never instead: Firefox pairs no candidate with loopback, and without any network
    interface loopback is all there is.
    """

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        addresses = gather(use_ipv4, use_ipv6)
        return [*addresses, LOOPBACK] if use_ipv4 and LOOPBACK not in addresses else addresses

    return get_host_addresses


def audio_level_dbov(frame: AudioFrame) -> int:
    """Return the level of `frame`, -127 to 0 dBov (RFC 6465 appendix A).

    aiortc's own loops over the samples in Python (20 times slower), and over stale ones behind them.
    """
    samples = np.frombuffer(frame.planes[0], np.int16, count=frame.samples * len(frame.layout.channels))
    scaled = samples.astype(np.float32)
    mean_square = float(scaled @ scaled) / max(1, scaled.size)
    if mean_square == 0:
        return -127
    return max(-127, min(0, round(10 * math.log10(mean_square / 32_767**2))))


class TakePacket(Protocol):
    """What is called for each packet of Opus; `is_copy` says that the packet itself has not come."""

    def __call__(
        self, source: int, payload: bytes, sequence_number: int, timestamp: int, marker: bool, *, is_copy: bool = False
    ) -> None: ...


class ReceiverHook:
    """Takes the packets of one of aiortc's receivers before they come to its jitter buffer and decoder.

    The receiver goes on counting them: its reports and ``getStats`` say what came and what was lost, which
    is what makes a browser send FEC. Its decoder thread is never started. Of redundant packets, copies are
    handed on that fill a hole.

    Parameters
    ----------
    receiver : RTCRtpReceiver
        One that does not receive yet.
    take : TakePacket
        Called for each packet.
    redundancy_type : callable
        Returns the payload type of redundant packets, once it is known.
    """

    def __init__(
        self, receiver: RTCRtpReceiver, take: TakePacket, redundancy_type: Callable[[], int | None] = lambda: None
    ) -> None:
        self._receiver = receiver
        self._take, self._redundancy_type = take, redundancy_type
        self._inside = inside = vars(receiver)
        self._sources = inside["_RTCRtpReceiver__active_ssrc"]
        self._codecs: dict[int, RTCRtpCodecParameters] = inside["_RTCRtpReceiver__codecs"]
        self._streams = inside["_RTCRtpReceiver__remote_streams"]
        inside["receive"] = self._receive
        inside["_handle_rtp_packet"] = self._handle

    async def _receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Begin, as aiortc's does but for the thread and for retransmissions, which audio does not have."""
        inside = self._inside
        if inside["_RTCRtpReceiver__started"]:
            return
        if (red := self._redundancy_type()) is not None:
            codec = RTCRtpCodecParameters(mimeType=_RED, clockRate=_CLOCK_HZ, channels=2, payloadType=red)
            parameters = dataclasses.replace(parameters, codecs=[*parameters.codecs, codec])
        self._codecs.update((codec.payloadType, codec) for codec in parameters.codecs if codec.payloadType is not None)
        self._receiver.transport._register_rtp_receiver(self._receiver, parameters)
        # The receiver's own: its stop() cancels it and waits for its end.
        rtcp = self._receiver._run_rtcp()
        inside["_RTCRtpReceiver__rtcp_task"] = asyncio.get_running_loop().create_task(rtcp)
        inside["_RTCRtpReceiver__started"] = True

    async def _handle(self, packet: rtp.RtpPacket, arrival_time_ms: int) -> None:
        kind = self._kind(packet.payload_type)
        # Telephone events (RFC 4733) and what else was not negotiated.
        if kind not in (_OPUS, _RED) or not self._inside["_enabled"]:
            return
        stream = self._streams.get(packet.ssrc)
        if stream is None:
            if len(self._streams) >= _MOST_STREAMS:
                return
            stream = self._streams[packet.ssrc] = rtcrtpreceiver.StreamStatistics(_CLOCK_HZ)
        newest = packet.sequence_number if stream.max_seq is None else stream.max_seq
        stream.add(packet)
        self._sources[packet.ssrc] = clock.current_datetime()
        payload = packet.payload if kind == _OPUS else self._own(packet, newest)
        if payload:
            self._take(packet.ssrc, payload, packet.sequence_number, packet.timestamp, bool(packet.marker))

    def _kind(self, payload_type: int) -> str:
        codec = self._codecs.get(payload_type)
        return "" if codec is None else codec.mimeType.lower()

    def _own(self, packet: rtp.RtpPacket, newest: int) -> bytes:
        """Hand on the copies in a redundant packet that come after `newest`; return what is the packet's own."""
        try:
            *copies, own = split(packet.payload)
        except ValueError:
            return b""
        missing = (packet.sequence_number - newest - 1) & 0xFFFF
        for behind in range(min(len(copies), missing if missing < _MOST_MISSING else 0), 0, -1):
            copy = copies[-behind]
            if copy.payload and self._kind(copy.payload_type) == _OPUS:
                number, timestamp = packet.sequence_number - behind, packet.timestamp - copy.earlier
                self._take(packet.ssrc, copy.payload, number & 0xFFFF, timestamp & 0xFFFF_FFFF, False, is_copy=True)
        return own.payload if self._kind(own.payload_type) == _OPUS else b""


class SenderHook:
    """Sends ready packets in the place of one of aiortc's senders, which goes on reporting them.

    aiortc's own loop would wait for a track, pass each packet through five objects, set the marker bit on
    every one and keep the last 128 for retransmissions that nobody asks for.

    Parameters
    ----------
    sender : RTCRtpSender
        One that does not send yet.
    packets : OutboundPackets
        Makes them.
    on_failure : callable
        Takes what `packets` raised; nothing is sent after it.
    """

    def __init__(
        self, sender: RTCRtpSender, packets: OutboundPackets, on_failure: Callable[[BaseException], None]
    ) -> None:
        self._sender, self._packets, self._on_failure = sender, packets, on_failure
        self._inside = inside = vars(sender)
        self._handle_rtcp: Callable[[rtp.AnyRtcpPacket], Awaitable[None]] = sender._handle_rtcp_packet
        inside["_run_rtp"] = self._run
        inside["_handle_rtcp_packet"] = self._reported

    async def _run(self, codec: RTCRtpCodecParameters) -> None:
        """Send until the sender is stopped: what aiortc's loop does, for ready packets."""
        self._inside["_RTCRtpSender__rtp_started"].set()
        task = asyncio.current_task()
        assert task is not None
        assert codec.payloadType is not None
        task.add_done_callback(self._ended)
        try:
            await self._send_packets(codec.payloadType)
        except ConnectionError:
            pass
        finally:
            self._inside["_RTCRtpSender__rtp_exited"].set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)

    async def _send_packets(self, payload_type: int) -> None:
        pace, inside, ssrc = self._packets.pace, self._inside, self._sender._ssrc
        # In the lower half: SRTP loses count when the numbers wrap before anything has arrived (RFC 3711 3.3.1).
        sequence_number, origin = random.randrange(1 << 15), random.randrange(1 << 32)
        first_byte, extension = self._extension()
        while True:
            await pace.due()
            timestamp = (origin + TIMESTAMPS * pace.packets) & 0xFFFF_FFFF
            packet = self._packets.next()
            pace.sent()
            # Sender reports put this pair beside each other; they go on while nothing is sent.
            inside["_RTCRtpSender__rtp_timestamp"] = timestamp
            inside["_RTCRtpSender__ntp_timestamp"] = clock.current_ntp_time()
            if packet is None or not inside["_enabled"]:
                continue
            second_byte = packet.begins << 7 | payload_type
            header = struct.pack("!BBHLL", first_byte, second_byte, sequence_number, timestamp, ssrc)
            await self._sender.transport._send_rtp(header + extension + packet.payload)
            inside["_RTCRtpSender__octet_count"] += len(packet.payload)
            inside["_RTCRtpSender__packet_count"] += 1
            sequence_number = (sequence_number + 1) & 0xFFFF

    def _extension(self) -> tuple[int, bytes]:
        """Return the first byte of the header and its extension, which names the section of the SDP."""
        values = rtp.HeaderExtensions(mid=self._inside["_RTCRtpSender__mid"])
        profile, value = self._inside["_RTCRtpSender__rtp_header_extensions_map"].set(values)
        if not value:
            return 0x80, b""
        return 0x90, struct.pack("!HH", profile, len(value) // 4) + value

    async def _reported(self, packet: rtp.AnyRtcpPacket) -> None:
        await self._handle_rtcp(packet)
        if isinstance(packet, rtp.RtcpRrPacket | rtp.RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._sender._ssrc:
                    self._packets.reported(
                        Report(
                            lost=report.fraction_lost / 256,
                            highest_sequence=report.highest_sequence,
                            round_trip_s=self._inside["_RTCRtpSender__rtt"],
                        )
                    )


#: Functions below the public surface that are called or replaced, with their parameters.
FUNCTIONS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (aioice.ice, "get_host_addresses", ("use_ipv4", "use_ipv6")),
    (RTCPeerConnection, _CONNECT, ("self",)),
    (rtp, "compute_audio_level_dbov", ("frame",)),
    (rtcicetransport, "connection_kwargs", ("servers",)),
    (RTCRtpReceiver, "receive", ("self", "parameters")),
    (RTCRtpReceiver, "_handle_rtp_packet", ("self", "packet", "arrival_time_ms")),
    (RTCRtpReceiver, "_run_rtcp", ("self",)),
    (rtcrtpreceiver, "StreamStatistics", ("clockrate",)),
    (rtcrtpreceiver.StreamStatistics, "add", ("self", "packet")),
    (rtcdtlstransport.RTCDtlsTransport, "_register_rtp_receiver", ("self", "receiver", "parameters")),
    (rtcdtlstransport.RTCDtlsTransport, "_send_rtp", ("self", "data")),
    (RTCRtpSender, "_run_rtp", ("self", "codec")),
    (RTCRtpSender, "_handle_rtcp_packet", ("self", "packet")),
    (rtp.HeaderExtensionsMap, "set", ("self", "values")),
    (clock, "current_datetime", ()),
    (clock, "current_ntp_time", ()),
)
#: Attributes that an object has from its construction on, and that are read or written.
ATTRIBUTES: tuple[tuple[type, str], ...] = (
    (rtcrtpreceiver.StreamStatistics, "max_seq"),
    *(
        (RTCRtpReceiver, name)
        for name in ("_enabled", "__active_ssrc", "__codecs", "__remote_streams", "__rtcp_task", "__started")
    ),
    *(
        (RTCRtpSender, name)
        for name in (
            "_enabled", "_ssrc", "__mid", "__rtp_started", "__rtp_exited", "__rtp_header_extensions_map",
            "__rtp_timestamp", "__ntp_timestamp", "__octet_count", "__packet_count", "__rtt",
        )
    ),
)  # fmt: skip


def _unknown(what: str) -> MissingExtraError:
    return MissingExtraError(
        f"{what} is not there: this version of aiortc or aioice is not known;"
        " install the tested ones with: pip install 'sonicrtc[server]'"
    )


def _require_version(version: str) -> None:
    if tuple(version.split(".")[:2]) != tuple(map(str, AIORTC)):
        raise _unknown(f"aiortc {AIORTC[0]}.{AIORTC[1]} (but {version})")


def _require(owner: Any, name: str, parameters: tuple[str, ...]) -> None:
    found = getattr(owner, name, None)
    if not callable(found) or tuple(inspect.signature(found).parameters) != parameters:
        raise _unknown(f"{owner.__name__}.{name}({', '.join(parameters)})")


def _require_attribute(owner: type, name: str) -> None:
    stored = f"_{owner.__name__}{name}" if name.startswith("__") else name
    if stored not in owner.__init__.__code__.co_names:  # type: ignore[misc]
        raise _unknown(f"{owner.__name__}.{name}")


_require_version(importlib.metadata.version("aiortc"))
for _owner, _name, _parameters in FUNCTIONS:
    _require(_owner, _name, _parameters)
for _owner, _name in ATTRIBUTES:
    _require_attribute(_owner, _name)
setattr(rtp, "compute_audio_level_dbov", audio_level_dbov)  # noqa: B010 - mypy
setattr(aioice.ice, "get_host_addresses", _with_loopback(aioice.ice.get_host_addresses))  # noqa: B010 - mypy
