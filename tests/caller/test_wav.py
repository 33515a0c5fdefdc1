"""What may be said: the table of WAV files."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from sonicrtc.caller import Clip, read_wav, write_wav
from sonicrtc.caller.source import LEAD_IN_MS
from sonicrtc.errors import AudioFormatError


def make_wav(path: Path, frames: bytes, *, rate: int = 48_000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return path


def ramp(count: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.arange(count, dtype=np.int16)


def test_48_khz_mono_comes_through_untouched(tmp_path: Path) -> None:
    path = make_wav(tmp_path / "a.wav", ramp(100).tobytes())
    assert read_wav(path).tolist() == ramp(100).tolist()


def test_stereo_is_mixed(tmp_path: Path) -> None:
    frames = np.array([[100, 300], [-32768, -32768], [32767, 32767]], np.int16)
    path = make_wav(tmp_path / "a.wav", frames.tobytes(), channels=2)
    assert read_wav(path).tolist() == [200, -32768, 32767]


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100])
def test_other_rates_keep_their_length_and_pitch(tmp_path: Path, rate: int) -> None:
    seconds = np.arange(rate) / rate
    tone = (8000 * np.sin(2 * np.pi * 1000 * seconds)).astype(np.int16)
    samples = read_wav(make_wav(tmp_path / "a.wav", tone.tobytes(), rate=rate))
    assert len(samples) == 48_000
    spectrum = np.abs(np.fft.rfft(samples[4800:43_200]))
    assert np.argmax(spectrum) * 48_000 / 38_400 == pytest.approx(1000, abs=2)
    expected = 8000 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    assert np.abs(samples - expected)[4800:43_200].max() < 700  # within a frame, which is 0.13 rad of 1 kHz


def float_wav() -> bytes:
    data = struct.pack("<4f", 0, 0, 0, 0)
    fmt = struct.pack("<HHIIHH", 3, 1, 48_000, 48_000 * 4, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a PCM WAV file"),
        (b"RIFF", "is not a PCM WAV file"),
        (b"ID3 this is an mp3", "is not a PCM WAV file"),
        (b"RIFF\x04\x00\x00\x00WAVE", "is not a PCM WAV file"),
        (float_wav(), "is not a PCM WAV file: unknown format: 3"),
    ],
)
def test_what_is_not_pcm_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFormatError, match=message):
        read_wav(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"rate": 11_025}, "expected 8000, 16000, 24000, 44100, 48000 Hz, got 11025 Hz"),
        ({"width": 1}, "expected 16-bit samples, got 8-bit"),
        ({"width": 3}, "expected 16-bit samples, got 24-bit"),
        ({"channels": 6}, "expected 1 or 2 channels, got 6"),
    ],
)
def test_another_shape_is_told_with_what_was_expected(tmp_path: Path, shape: dict[str, int], message: str) -> None:
    path = make_wav(tmp_path / "a.wav", bytes(72), **shape)
    with pytest.raises(AudioFormatError, match=message):
        read_wav(path)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioFormatError, match="expected some audio, got an empty file"):
        read_wav(make_wav(tmp_path / "a.wav", b""))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioFormatError, match=r"cannot read .*No such file"):
        read_wav(tmp_path / "a.wav")


def test_a_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    path = make_wav(tmp_path / "a.wav", ramp(100).tobytes(), channels=2)
    path.write_bytes(path.read_bytes()[:-3])
    assert len(read_wav(path)) == 49


def test_a_recording_can_be_read_again(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", ramp(1000))
    assert read_wav(tmp_path / "a.wav").tolist() == ramp(1000).tolist()


def test_a_clip_is_silent_until_it_starts_and_after_its_end() -> None:
    clip = Clip(np.full(10, 7, np.int16))
    lead_in = LEAD_IN_MS * 48
    assert not clip.finished
    assert not clip.pull(960).any()
    clip.start()
    assert not clip.pull(lead_in - 3).any()
    assert clip.pull(5).tolist() == [0, 0, 0, 7, 7]
    assert clip.pull(20).tolist() == [7] * 8 + [0] * 12
    assert clip.finished


def test_an_empty_clip_is_finished_when_it_starts() -> None:
    clip = Clip(np.zeros(0, np.int16))
    assert not clip.finished
    clip.start()
    assert clip.finished
