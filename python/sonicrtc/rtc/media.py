"""Which way audio takes between the network and the call, and in which format it comes there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sonicrtc.audio import AudioFormat, AudioReceiver, OpusEncoder
from sonicrtc.config import MediaConfig
from sonicrtc.rtc.opus import find_opus

if TYPE_CHECKING:
    from sonicrtc.audio import OpusLibrary
    from sonicrtc.config import EncoderName, MediaPathName

#: Bitrate to begin with, in bit/s, and complexity.
_ENCODERS: Mapping[EncoderName, tuple[int, int]] = {"default": (32_000, 5), "low_cpu": (48_000, 0)}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPath:
    """One of the two ways, ready to be used by any number of peers.

    Parameters
    ----------
    library : OpusLibrary, optional
        What codes packets; None leaves that to aiortc, which hands over frames.
    format : AudioFormat
        What a peer hands to the call and wants from it.
    encoder : {"default", "low_cpu"}
        See :class:`sonicrtc.config.MediaConfig`.
    redundancy : bool
        Whether a sender that can is asked for each packet twice.
    live : bool
        Whether a person listens to what comes: it is evened out then, which takes a delay.
    """

    library: OpusLibrary | None
    format: AudioFormat
    encoder: EncoderName = "default"
    redundancy: bool = True
    live: bool = False

    @property
    def name(self) -> MediaPathName:
        """What it is called in the settings."""
        return "frames" if self.library is None else "packets"

    def open_receiver(self) -> AudioReceiver:
        """Return a jitter buffer and decoder for one stream of packets."""
        assert self.library is not None
        return AudioReceiver(self.library, rate_hz=self.format.heard_hz, playout_clock=self.live)

    def open_encoder(self) -> OpusEncoder:
        """Return an encoder for one stream of packets."""
        assert self.library is not None
        bitrate, complexity = _ENCODERS[self.encoder]
        return OpusEncoder(self.library, rate_hz=self.format.spoken_hz, bitrate=bitrate, complexity=complexity)


def media_path(
    config: MediaConfig, *, heard_hz: int = 16_000, spoken_hz: int = 24_000, live: bool = False
) -> MediaPath:
    """Return the way that `config` chooses, or that of frames where there is no libopus, which is logged once.

    Parameters
    ----------
    config : MediaConfig
        Settings.
    heard_hz, spoken_hz : {8000, 16000, 24000, 48000}
        Rates of what comes from packets, and of what is made into packets; both mono.
    live : bool
        Whether a person listens to what comes, now.

    Raises
    ------
    ConfigError
        The libopus of the settings cannot be used.
    """
    library = find_opus(config.opus_library) if config.path == "packets" else None
    if library is None:
        if config.path == "packets":
            _say_frames()
        return MediaPath(library=None, format=AudioFormat())
    audio = AudioFormat(heard_hz=heard_hz, heard_channels=1, spoken_hz=spoken_hz)
    return MediaPath(library=library, format=audio, encoder=config.encoder, redundancy=config.redundancy, live=live)


@cache
def _say_frames() -> None:
    _log.warning("no libopus: audio takes aiortc's own path, which loses words when packets are lost")
