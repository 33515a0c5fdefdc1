"""Where speech starts, pauses and ends, told in samples of the stream and never in wall time.

A frame of 10 ms counts as speech when webrtcvad says so *and* it is louder than an adaptive noise
floor. webrtcvad alone goes on for up to 100 ms after the last sound; the energy test makes the end
sharp. The pause that ends a turn is the documented one (Nova 2 user guide, page
``sonic-turn-taking``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import webrtcvad

Samples = npt.NDArray[np.int16]

RATE_HZ = 16_000
FRAME_MS = 10
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000

#: Longest utterance; the turn ends there even when speech goes on.
MAX_UTTERANCE_MS = 15_000
#: Pause after which the answer is prepared, in the hope that the turn is over.
PREPARE_MS = 300
#: Real audio kept from before the first speech frame, for the recogniser.
PREROLL_MS = 300
#: Speech in one utterance that makes it a deliberate interruption and not a cough.
SUSTAINED_MS = 160

#: Quieter than this is never speech: -50 dBFS of the frame's largest sample.
_PEAK_MIN = 104
#: Speech is this much louder than the noise floor.
_MARGIN_DB = 5.0
#: One lone frame this much above the floor still belongs to the speech before it (the burst of a t or k).
_BURST_DB = 12.0
_BURST_GAP_MS = 250
#: The floor is the quietest 50 ms of the last 2.5 s: shorter and a long vowel would become the floor.
_FLOOR_WINDOW_FRAMES = 250
_FLOOR_SMOOTH_FRAMES = 5
_FLOOR_MIN_DBFS = -72.0
_FLOOR_START_DBFS = -60.0
#: Digital silence: what a closed gate sends. It says nothing about the room.
_ZERO_PEAK = 1
_ONSET_K, _ONSET_N = 6, 10
_GO_ON_K, _GO_ON_N = 3, 5
_VAD_MODE = 2


def _high_pass() -> npt.NDArray[np.float64]:
    """Kernel that takes away what is below about 125 Hz: rumble moves too much to be a floor."""
    low = np.hanning(131)[1:-1]
    kernel = -low / low.sum()
    kernel[kernel.size // 2] += 1.0
    return kernel


_HIGH_PASS = _high_pass()


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks, since sample `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechSustained:
    """The utterance holds enough speech to count as an interruption."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """No speech since sample `at`, for `PREPARE_MS`: a good time to prepare the answer."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The pause was none: the utterance goes on."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The turn is over.

    Parameters
    ----------
    start, end : int
        First and last sample of speech.
    forced : bool
        Whether the turn ended because it became too long.
    """

    start: int
    end: int
    forced: bool


SpeechEvent = SpeechStarted | SpeechSustained | SpeechPaused | SpeechResumed | SpeechEnded


class NoiseFloor:
    """Level of the quietest stretch of the last seconds, digital silence left out."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_FLOOR_SMOOTH_FRAMES)
        self._powers: deque[tuple[int, float]] = deque()  # rising: a sliding-window minimum
        self._count = 0

    def push(self, power: float) -> None:
        """Add the mean square of one frame of real sound."""
        self._recent.append(power)
        smooth = sum(self._recent) / len(self._recent)
        while self._powers and self._powers[-1][1] >= smooth:
            self._powers.pop()
        self._powers.append((self._count, smooth))
        if self._powers[0][0] <= self._count - _FLOOR_WINDOW_FRAMES:
            self._powers.popleft()
        self._count += 1

    @property
    def level_dbfs(self) -> float:
        """The floor; between the lowest that counts and, before anything was heard, a usual room."""
        if self._count < _FLOOR_SMOOTH_FRAMES:
            return _FLOOR_START_DBFS
        return max(_decibels(self._powers[0][1]), _FLOOR_MIN_DBFS)


class Endpointer:
    """Turns 16 kHz audio into speech events and keeps the audio of the current utterance.

    Parameters
    ----------
    pause_ms : int
        Silence after the last speech frame that ends the turn.
    """

    def __init__(self, pause_ms: int) -> None:
        self._vad: Any = webrtcvad.Vad(_VAD_MODE)
        self._pause_samples = pause_ms * RATE_HZ // 1000
        self._floor = NoiseFloor()
        self._rest: Samples = np.zeros(0, np.int16)
        self._history: Samples = np.zeros(_HIGH_PASS.size - 1, np.int16)
        self._position = 0
        self._audio: deque[Samples] = deque()
        self._flags: deque[bool] = deque(maxlen=_ONSET_N)
        self._start: int | None = None
        self._last_speech = 0
        self._speech_frames = 0
        self._paused = False
        self._sustained = False

    @property
    def position(self) -> int:
        """Samples judged so far."""
        return self._position

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open (its final pause included)."""
        return self._start is not None

    @property
    def floor_dbfs(self) -> float:
        """Present noise floor, RMS."""
        return self._floor.level_dbfs

    def utterance(self) -> Samples:
        """Return the audio of the open utterance, with the pre-roll before it."""
        return np.concatenate(self._audio) if self._audio else np.zeros(0, np.int16)

    def push(self, samples: Samples) -> Iterator[SpeechEvent]:
        """Judge the next `samples`, any number of them; a rest shorter than a frame is kept.

        Yields
        ------
        SpeechEvent
            In order. At each, :meth:`utterance` is what had been heard at that moment.
        """
        data = np.concatenate([self._rest, samples]) if self._rest.size else samples
        frames = data.size // FRAME_SAMPLES
        self._rest = data[frames * FRAME_SAMPLES :].copy()
        if not frames:
            return
        heard = data[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES)
        for frame, clear in zip(heard, self._without_rumble(heard), strict=True):
            yield from self._judge(frame, clear)

    def _without_rumble(self, frames: Samples) -> npt.NDArray[np.float64]:
        joined = np.concatenate([self._history, frames.reshape(-1)])
        self._history = joined[-self._history.size :]
        return np.convolve(joined, _HIGH_PASS, "valid").reshape(frames.shape)

    def _judge(self, frame: Samples, clear: npt.NDArray[np.float64]) -> Iterator[SpeechEvent]:
        power = float(clear @ clear) / (clear.size * 32768.0**2)
        peak = float(np.abs(clear).max())
        voiced = self._vad.is_speech(frame.tobytes(), RATE_HZ)
        if peak > _ZERO_PEAK:
            self._floor.push(power)
        above_db = _decibels(power) - self._floor.level_dbfs
        speech = voiced and peak > _PEAK_MIN and above_db > _MARGIN_DB
        self._position += frame.size
        self._audio.append(frame)
        self._flags.append(speech)
        if self._start is None:
            yield from self._wait_for_onset()
        else:
            yield from self._follow(speech, burst=speech and above_db > _BURST_DB)

    def _wait_for_onset(self) -> Iterator[SpeechEvent]:
        while len(self._audio) > PREROLL_MS // FRAME_MS + _ONSET_N:
            self._audio.popleft()
        if sum(self._flags) < _ONSET_K:
            return
        flags = list(self._flags)
        self._start = self._position - (len(flags) - flags.index(True)) * FRAME_SAMPLES
        self._last_speech = self._position
        self._speech_frames = sum(flags)
        self._paused = self._sustained = False
        yield SpeechStarted(self._start)

    def _follow(self, speech: bool, *, burst: bool) -> Iterator[SpeechEvent]:
        assert self._start is not None
        gap = self._position - self._last_speech
        lone = burst and gap <= _BURST_GAP_MS * RATE_HZ // 1000
        if speech and (lone or sum(list(self._flags)[-_GO_ON_N:]) >= _GO_ON_K):
            self._last_speech = self._position
            self._speech_frames += 1
            if self._paused:
                self._paused = False
                yield SpeechResumed(self._position)
        if not self._sustained and self._speech_frames * FRAME_MS >= SUSTAINED_MS:
            self._sustained = True
            yield SpeechSustained(self._position)
        silence = self._position - self._last_speech
        if not self._paused and silence >= PREPARE_MS * RATE_HZ // 1000:
            self._paused = True
            yield SpeechPaused(self._last_speech)
        forced = self._position - self._start >= MAX_UTTERANCE_MS * RATE_HZ // 1000
        if silence >= self._pause_samples or forced:
            yield SpeechEnded(self._start, self._last_speech, forced and silence < self._pause_samples)
            self._close()

    def _close(self) -> None:
        self._start = None
        self._flags.clear()
        self._audio.clear()


def _decibels(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 1e-12)))
