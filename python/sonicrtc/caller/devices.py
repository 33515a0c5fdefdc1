"""Microphone and loudspeaker of this machine, by sounddevice (extra ``device``)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from sonicrtc.caller.wav import CALL_RATE_HZ, Samples
from sonicrtc.errors import AudioFormatError, MissingExtraError

_BLOCK_FRAMES = 960
#: Audio that waits between device and call; more is dropped, oldest first, so that delay stays small.
_MAX_BLOCKS = 10


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ModuleNotFoundError as exc:
        raise MissingExtraError("microphone and loudspeaker need the extra: pip install 'sonicrtc[device]'") from exc
    except OSError as exc:
        raise MissingExtraError(
            "sounddevice found no PortAudio library; install it (Debian, Ubuntu: apt-get install libportaudio2)"
        ) from exc
    return sounddevice


class _Queue:
    """A few blocks between the device's thread and the event loop; holds bounded audio."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: deque[Samples] = deque(maxlen=_MAX_BLOCKS)
        self._rest = np.zeros(0, np.int16)

    def push(self, block: Samples) -> None:
        with self._lock:
            self._blocks.append(block)

    def pull(self, frames: int) -> Samples:
        with self._lock:
            while len(self._rest) < frames and self._blocks:
                self._rest = np.concatenate((self._rest, self._blocks.popleft()))
            taken, self._rest = self._rest[:frames], self._rest[frames:]
        block = np.zeros(frames, np.int16)
        block[: len(taken)] = taken
        return block


class Microphone:
    """A source that never finishes; silence until :meth:`start`."""

    def __init__(self) -> None:
        self._queue = _Queue()
        self._started = False

    @property
    def finished(self) -> bool:
        """Always False."""
        return False

    def start(self) -> None:
        """Begin to pass on what the microphone hears."""
        self._started = True

    def pull(self, frames: int) -> Samples:
        """Return exactly `frames` frames."""
        block = self._queue.pull(frames)
        return block if self._started else np.zeros(frames, np.int16)

    def heard(self, data: Any, frames: int, time: object, status: object) -> None:
        """Take audio from the device's thread."""
        self._queue.push(np.frombuffer(data, np.int16).copy())


class Speaker:
    """A sink that plays what it is given."""

    def __init__(self) -> None:
        self._queue = _Queue()

    def push(self, block: Samples) -> None:
        """Take 48 kHz mono audio."""
        self._queue.push(block)

    def wanted(self, data: Any, frames: int, time: object, status: object) -> None:
        """Fill the device's buffer, in its thread."""
        data[:] = self._queue.pull(frames).tobytes()


@contextmanager
def microphone() -> Iterator[Microphone]:
    """Open the default microphone.

    Raises
    ------
    MissingExtraError
        sounddevice or PortAudio is not installed.
    AudioFormatError
        There is no microphone that gives 48 kHz mono.
    """
    source = Microphone()
    with _stream("RawInputStream", "microphone", source.heard):
        yield source


@contextmanager
def speaker() -> Iterator[Speaker]:
    """Open the default loudspeaker; raises as :func:`microphone`."""
    sink = Speaker()
    with _stream("RawOutputStream", "loudspeaker", sink.wanted):
        yield sink


@contextmanager
def _stream(kind: str, name: str, callback: Callable[..., None]) -> Iterator[None]:
    sounddevice = _sounddevice()
    try:
        stream = getattr(sounddevice, kind)(
            samplerate=CALL_RATE_HZ, blocksize=_BLOCK_FRAMES, channels=1, dtype="int16", callback=callback
        )
        stream.start()
    except sounddevice.PortAudioError as exc:
        raise AudioFormatError(f"no {name} that works at 48 kHz: {exc}") from exc
    try:
        yield
    finally:
        stream.stop()
        stream.close()
