"""One light call: sends packets that were encoded before, and notes when each one came back.

The one place of the suite that touches aiortc's private parts: each is checked before it is used.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from array import array
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import aiohttp
from aiortc import MediaStreamTrack, RTCRtpReceiver, RTCRtpSender, RTCSessionDescription, rtcrtpreceiver
from aiortc.mediastreams import MediaStreamError
from av import Packet

from sonicrtc.bench.media.impairment import Impairment, Link
from sonicrtc.bench.media.tapes import FRAMES, Tape
from sonicrtc.errors import MissingExtraError, PeerError, SignalingError
from sonicrtc.rtc.packets import PeerConnection
from sonicrtc.rtc.peer import CHANNEL
from sonicrtc.rtc.redundancy import Block, join
from sonicrtc.rtc.sdp import redundancy_of

_CONNECT_S = 30.0
_PACKET_S = 0.02
_TIME_BASE = Fraction(1, 48_000)
_HANDLE, _STREAMS = "_handle_rtp_packet", "_RTCRtpReceiver__remote_streams"
_FEC = "minptime=10;useinbandfec=1"
#: The number that Chromium gives to redundant audio.
_RED = 63


class PacketTrack(MediaStreamTrack):
    """Sends a tape, packet by packet on an absolute schedule; what is overdue goes out at once.

    Parameters
    ----------
    tape : Tape
        What is sent.
    start : int
        With which packet to begin.
    repeats : bool
        Whether it begins again at the end; otherwise its last packet, which is quiet, is repeated.
    drift_ppm : float
        How much faster than ours the sender's clock runs, in millionths.
    """

    kind = "audio"

    def __init__(self, tape: Tape, *, start: int = 0, repeats: bool = True, drift_ppm: float = 0.0) -> None:
        super().__init__()
        self._tape, self._start, self._repeats = tape, start, repeats
        self._packet_s = _PACKET_S / (1 + drift_ppm / 1e6)
        self._packets = [Packet(payload) for payload in tape.packets]
        self._sent = 0
        self._began_s: float | None = None
        #: When each packet was handed over, on the loop's clock, and when the first one was due.
        self.sent_s = array("d")

    @property
    def began_s(self) -> float:
        """When the first packet was due."""
        return self._began_s or 0.0

    def place(self, number: int) -> int:
        """Return which packet of the tape is sent as `number`."""
        at = self._start + number
        return at % len(self._packets) if self._repeats else min(at, len(self._packets) - 1)

    async def recv(self) -> Packet[Any]:
        """Return the next packet when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        if self._began_s is None:
            self._began_s = loop.time()
        wait_s = self._began_s + self._sent * self._packet_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        packet = self._packets[self.place(self._sent)]
        packet.pts, packet.time_base = self._sent * FRAMES, _TIME_BASE
        self._sent += 1
        self.sent_s.append(loop.time())
        return packet


class Arrivals:
    """What came back: when, and what the packet's header said; the payload only where it is asked for."""

    def __init__(self, *, keeps_payloads: bool) -> None:
        self.at_s, self.timestamps, self.numbers = array("d"), array("L"), array("H")
        self.payloads: list[bytes] | None = [] if keeps_payloads else None

    def take(self, packet: Any, at_s: float) -> None:
        """Note one RTP packet."""
        self.at_s.append(at_s)
        self.timestamps.append(packet.timestamp)
        self.numbers.append(packet.sequence_number)
        if self.payloads is not None:
            self.payloads.append(packet.payload)


class LightCall:
    """One call.

    Parameters
    ----------
    tape, start, repeats, drift_ppm
        What is sent; see :class:`PacketTrack`.
    up, down : Impairment
        What the network does from here to the server, and back.
    seed : int
        To which packets.
    keeps_payloads : bool
        Whether what comes back can be decoded afterwards.
    """

    def __init__(
        self, tape: Tape, *, start: int = 0, repeats: bool = True, up: Impairment | None = None,
        down: Impairment | None = None, seed: int = 0, keeps_payloads: bool = False, drift_ppm: float = 0.0,
    ) -> None:  # fmt: skip
        self.tape = tape
        self.track = PacketTrack(tape, start=start, repeats=repeats, drift_ppm=drift_ppm)
        self.arrivals = Arrivals(keeps_payloads=keeps_payloads)
        self.connected_ms: float | None = None
        self._links = (Way(up or Impairment(), 2 * seed), Way(down or Impairment(), 2 * seed + 1))
        self._impaired = (up is not None and not up.is_none, down is not None and not down.is_none)
        self._pc: PeerConnection | None = None

    @property
    def lost_up(self) -> tuple[int, int]:
        """How many packets were sent over a lossy network to the server, and how many of them it lost."""
        media = self._links[0].media
        return media.packets, media.lost_packets

    async def connect(self, http: aiohttp.ClientSession, url: str) -> None:
        """Call the server at `url`.

        Raises
        ------
        SignalingError
            The server gave no usable answer.
        PeerError
            No connection came about.
        """
        loop = asyncio.get_running_loop()
        began_s, up = loop.time(), asyncio.Event()
        self._pc = pc = PeerConnection([])
        pc.on("connectionstatechange", lambda: up.set() if pc.connectionState in ("connected", "failed") else None)
        pc.createDataChannel(CHANNEL)
        sender = pc.addTrack(self.track)
        transceiver = pc.getTransceivers()[0]
        opus = [c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType.lower() == "audio/opus"]
        transceiver.setCodecPreferences(opus)
        self._listen(transceiver.receiver, loop)
        await pc.setLocalDescription()
        answer = await _exchange(http, url, as_chromium_offers(pc.localDescription.sdp))
        try:
            await pc.setRemoteDescription(answer)
            if prefers_redundancy(answer.sdp):
                repeat_packets(sender.transport)
            self._impair(sender.transport.transport, loop)
            async with asyncio.timeout(_CONNECT_S):
                await up.wait()
        except (TimeoutError, ValueError, ConnectionError) as exc:
            raise PeerError(f"no connection with {url}: {exc or 'it took too long'}") from exc
        if pc.connectionState != "connected":
            raise PeerError(f"no connection with {url}: {pc.connectionState}")
        self.connected_ms = 1000 * (loop.time() - began_s)

    async def close(self) -> None:
        """Hang up."""
        if self._pc is not None:
            await self._pc.close()

    def _listen(self, receiver: RTCRtpReceiver, loop: asyncio.AbstractEventLoop) -> None:
        """Take packets before they are decoded, and keep the statistics that receiver reports are made of."""
        streams, statistics = private(receiver, _STREAMS), rtcrtpreceiver.StreamStatistics
        take = self.arrivals.take

        async def handle(packet: Any, arrival_time_ms: int) -> None:
            take(packet, loop.time())
            if packet.ssrc not in streams:
                streams[packet.ssrc] = statistics(48_000)
            streams[packet.ssrc].add(packet)

        setattr(receiver, _HANDLE, handle)

    def _impair(self, ice: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Put the bad network between aiortc and its socket: for media and its reports, not for the handshakes."""
        (up, down), (is_up, is_down) = self._links, self._impaired
        connection, send = private(ice, "_connection"), private(ice, "_send", ("data",))
        receive: Callable[[bytes, int], None] = private(connection, "data_received", ("data", "component"))

        async def send_impaired(data: bytes) -> None:
            due_s = up.due_s(data, loop.time())
            if due_s is None:
                return
            if due_s <= loop.time():
                await send(data)
            else:
                loop.call_at(due_s, _send_now, send, data)

        def receive_impaired(data: bytes, component: int) -> None:
            due_s = down.due_s(data, loop.time())
            if due_s is None:
                return
            if due_s <= loop.time():
                receive(data, component)
            else:
                loop.call_at(due_s, receive, data, component)

        if is_up:
            ice._send = send_impaired
        if is_down:
            connection.data_received = receive_impaired


class Way:
    """One direction of a bad network: media, its reports, and what goes through untouched.

    Reports go by a random clock. They must not use up the losses that media would have: those are to hit the same
    packets in every run.
    """

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self.media, self._reports = Link(impairment, seed), Link(impairment, seed + 1_000_000)

    def due_s(self, data: bytes, now_s: float) -> float | None:
        """Take a datagram and return when it arrives; None when it never does."""
        if not is_media(data):
            return now_s
        return (self._reports if is_report(data) else self.media).due_s(now_s)


def is_media(data: bytes) -> bool:
    """Return whether a datagram is RTP or RTCP (RFC 7983 section 7)."""
    return len(data) > 1 and 127 < data[0] < 192


def is_report(data: bytes) -> bool:
    """Return whether a datagram that is RTP or RTCP is RTCP (RFC 5761 section 4)."""
    return 191 < data[1] < 224


def as_chromium_offers(sdp: str) -> str:
    """Return an offer that says of audio what Chromium's says: in-band FEC is welcome, packets may be sent twice."""
    red = rf"a=rtpmap:{_RED} red/48000/2\r\na=fmtp:{_RED} \2/\2\r\n"
    opus = rf"\1a=fmtp:\2 {_FEC}\r\n{red}"
    sdp = re.sub(r"(a=rtpmap:(\d+) opus/48000/2\r?\n)", opus, sdp, flags=re.IGNORECASE)
    return re.sub(r"(m=audio \d+ \S+ \d+)", rf"\1 {_RED}", sdp)


def prefers_redundancy(answer: str) -> bool:
    """Return whether an answer wants packets twice: that stands before Opus alone."""
    return redundancy_of(answer) == _RED and re.search(rf"m=audio \d+ \S+ {_RED}\b", answer) is not None


def repeat_packets(transport: Any) -> None:
    """Send each packet of media a second time with the next one, as Chromium does when it is asked to."""
    send, repeat = private(transport, "_send_rtp", ("data",)), Repeat()

    async def send_rtp(data: bytes) -> None:
        await send(data if is_report(data) else repeat(data))

    transport._send_rtp = send_rtp


class Repeat:
    """Makes of RTP packets redundant ones (RFC 2198), each with the payload of the one before."""

    def __init__(self) -> None:
        self._before: tuple[int, Block] | None = None

    def __call__(self, data: bytes) -> bytes:
        """Return the redundant packet."""
        begin = 12 + 4 * (data[0] & 0x0F)
        if data[0] & 0x10:  # an extension
            begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        timestamp, own = int.from_bytes(data[4:8], "big"), Block(data[1] & 0x7F, 0, data[begin:])
        copies: list[Block] = []
        if self._before is not None:
            at, before = self._before
            copies.append(Block(before.payload_type, (timestamp - at) & 0xFFFF_FFFF, before.payload))
        self._before = (timestamp, own)
        header = data[:1] + bytes([data[1] & 0x80 | _RED]) + data[2:begin]
        return header + join((*copies, own))


def _send_now(send: Callable[[bytes], Awaitable[None]], data: bytes) -> None:
    """Send without waiting: to an address of a host, which never makes a sender wait."""
    sending: Any = send(data)
    try:
        sending.send(None)
    except (StopIteration, ConnectionError):
        return
    sending.close()


async def _exchange(http: aiohttp.ClientSession, url: str, sdp: str) -> RTCSessionDescription:
    address = url if re.match(r"https?://[^/]+/.", url) else url.rstrip("/") + "/offer"
    try:
        async with http.post(address, json={"sdp": sdp, "type": "offer"}) as response:
            if response.status != 200:
                raise SignalingError(f"{address} answered HTTP {response.status}: {(await response.text())[:200]}")
            answer = await response.json()
            return RTCSessionDescription(sdp=answer["sdp"], type=answer["type"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as exc:
        raise SignalingError(f"{address} does not answer with {{sdp, type}}: {exc!r}") from exc


def private(owner: Any, name: str, parameters: tuple[str, ...] | None = None) -> Any:
    """Return a private part of aiortc.

    Raises
    ------
    MissingExtraError
        This version of aiortc has it not, or not with these parameters.
    """
    found = getattr(owner, name, None)
    if found is None or (parameters is not None and tuple(inspect.signature(found).parameters) != parameters):
        kind = owner if inspect.ismodule(owner) or inspect.isclass(owner) else type(owner)
        raise MissingExtraError(
            f"{kind.__name__}.{name} is not there, or other than expected: this version of aiortc is not known;"
            " install the tested one with: pip install 'sonicrtc[server]'"
        )
    return found


private(RTCRtpReceiver, _HANDLE, ("self", "packet", "arrival_time_ms"))
private(rtcrtpreceiver.StreamStatistics, "add", ("self", "packet"))
