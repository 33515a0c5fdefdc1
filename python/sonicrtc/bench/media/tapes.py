"""What callers send, encoded once: speech with marks in it by which a round trip can be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.audio import Resampler
from sonicrtc.bench.media.figures import BURST_HZ, CLOCK_HZ, PITCHES_HZ
from sonicrtc.errors import MissingExtraError

type Samples = NDArray[np.int16]

#: Frames of a packet, 48 kHz: 20 ms.
FRAMES = 960
PACKETS_PER_S = CLOCK_HZ // FRAMES

#: As Chromium encodes a microphone that is asked for in-band FEC: mono, 32 kb/s, voip.
_ENCODER = {"application": "voip", "compression_level": "9", "fec": "1", "packet_loss": "10", "vbr": "on"}
_BIT_RATE = 32_000
_MARK_LEVEL = 0.5
#: Beside speech: 1.64 s of it, 200 ms of quiet, a burst of 60 ms, 100 ms of quiet; all in packets.
_SPEECH, _BEFORE, _BURST, _AFTER = 82, 10, 3, 5
#: Marks alone: every 200 ms 40 ms of the next pitch.
_MARK_EVERY, _MARK = 10, 2
#: Around utterances, in packets: before the first, and after each, so that a late echo of one does not run into the
#: next.
LEAD, PAUSE = 50, 65


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Packets of 20 ms.

    Parameters
    ----------
    packets : tuple of bytes
        Opus, in order.
    marks : tuple of (packet, Hz)
        In which packets marks begin, and their pitch.
    spoken : tuple of (packet, packet)
        Where utterances begin and end.
    """

    packets: tuple[bytes, ...]
    marks: tuple[tuple[int, int], ...] = ()
    spoken: tuple[tuple[int, int], ...] = ()


def _av() -> Any:
    try:
        import av
    except ModuleNotFoundError as exc:
        raise MissingExtraError("bench capacity needs the extra 'server': pip install 'sonicrtc[server]'") from exc
    return av


def encode(samples: Samples) -> tuple[bytes, ...]:
    """Encode 48 kHz mono, packet by packet; what is over at the end is left out.

    The encoder's look-ahead makes everything 6.5 ms late, so a sound that begins with a packet begins in that packet.
    """
    av = _av()
    codec = av.CodecContext.create("libopus", "w")
    codec.bit_rate, codec.sample_rate, codec.layout, codec.format = _BIT_RATE, CLOCK_HZ, "mono", "s16"
    codec.options = _ENCODER
    packets: list[bytes] = []
    for start in range(0, len(samples) - FRAMES + 1, FRAMES):
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, start : start + FRAMES], "s16", "mono")
        frame.sample_rate, frame.pts = CLOCK_HZ, start
        packets += map(bytes, codec.encode(frame))
    return tuple(packets)


class Decoder:
    """Decodes Opus packets to 48 kHz mono."""

    def __init__(self) -> None:
        av = _av()
        self._packet = av.Packet
        self._codec = av.CodecContext.create("libopus", "r")
        self._codec.sample_rate, self._codec.layout, self._codec.format = CLOCK_HZ, "mono", "s16"

    def decode(self, payload: bytes) -> Samples:
        """Return the audio of `payload`; empty where there is none in it."""
        frames = [frame.to_ndarray()[0] for frame in self._codec.decode(self._packet(payload))] if payload else []
        return np.concatenate(frames).astype(np.int16, copy=False) if frames else np.zeros(0, np.int16)


def _tone(hz: int, packets: int) -> Samples:
    time_s = np.arange(packets * FRAMES) / CLOCK_HZ
    return np.rint(32767 * _MARK_LEVEL * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


def _quiet(packets: int) -> Samples:
    return np.zeros(packets * FRAMES, np.int16)


def talking(speech: Samples, *, seconds: int = 20) -> Tape:
    """Return speech, 48 kHz mono, that never pauses but for a burst of 1 kHz every 2 s."""
    voice = np.resize(speech, seconds // 2 * _SPEECH * FRAMES).reshape(-1, _SPEECH * FRAMES)
    parts = [part for piece in voice for part in (piece, _quiet(_BEFORE), _tone(BURST_HZ, _BURST), _quiet(_AFTER))]
    period = _SPEECH + _BEFORE + _BURST + _AFTER
    marks = tuple((n * period + _SPEECH + _BEFORE, BURST_HZ) for n in range(len(voice)))
    return Tape(packets=encode(np.concatenate(parts)), marks=marks)


def marks() -> Tape:
    """Return bursts of eight pitches in turn, five a second: 1.6 s that can be repeated without a seam."""
    parts = [part for hz in PITCHES_HZ for part in (_tone(hz, _MARK), _quiet(_MARK_EVERY - _MARK))]
    once = np.concatenate(parts)
    packets = encode(np.concatenate((once, once)))
    places = tuple((n * _MARK_EVERY, hz) for n, hz in enumerate(PITCHES_HZ))
    return Tape(packets=packets[len(packets) // 2 :], marks=places)


def utterances(spoken: Iterable[Samples]) -> Tape:
    """Return utterances, 48 kHz mono, one after the other with pauses."""
    parts, places, at = [_quiet(LEAD)], [], LEAD
    for samples in spoken:
        packets = -(-len(samples) // FRAMES)
        parts += [samples, _quiet(packets + PAUSE)[len(samples) :]]
        places.append((at, at + packets))
        at += packets + PAUSE
    return Tape(packets=encode(np.concatenate(parts)), spoken=tuple(places))


def down_to_16k(samples: Samples) -> Samples:
    """Return 48 kHz mono at 16 kHz."""
    return Resampler(CLOCK_HZ, 16_000).push(samples).astype(np.int16, copy=False)
