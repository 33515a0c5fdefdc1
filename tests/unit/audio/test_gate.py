"""Uplink with a detector: framing, onset, hangover, pre-roll and errors."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Uplink, VadConfig

Script = Callable[[Callable[[int], bool]], None]
COUNT = np.arange(1, 3201, dtype=np.int16)  # a sample says where it came from


def uplink_16k(**settings: object) -> Uplink:
    config = VadConfig(**({"frame_ms": 10, "start_k": 1, "start_n": 1} | settings))  # type: ignore[arg-type]
    return Uplink(16000, channels=1, vad=config)


def test_the_gate_opens_at_the_end_of_the_deciding_frame(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n >= 3)
    block = uplink_16k(start_k=2, start_n=3).push(COUNT)
    assert block.onset == 5 * 160
    assert not block.s16[: block.onset].any()
    assert np.array_equal(block.s16[block.onset :], COUNT[block.onset :])


def test_preroll_joins_the_onset_without_a_seam(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n >= 9)
    block = uplink_16k(preroll_ms=30).push(COUNT)
    sent = np.concatenate([block.preroll, block.s16[block.onset :]])
    assert np.array_equal(sent, COUNT[block.onset - 480 :])


def test_the_gate_closes_after_the_hangover(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n == 0)
    block = uplink_16k(hangover_ms=50).push(COUNT)
    assert np.array_equal(np.flatnonzero(block.s16), np.arange(160, 6 * 160))
    assert not block.speech


def test_a_block_tells_where_the_gate_closed(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n == 0)
    uplink = uplink_16k(hangover_ms=50)
    assert [uplink.push(COUNT[start : start + 320]).offset for start in (0, 320, 640, 960)] == [-1, -1, 320, -1]


def test_withheld_audio_is_not_in_the_block_but_counted(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n >= 12)
    uplink = uplink_16k(gate="withhold", withhold_after_ms=50)
    block = uplink.push(COUNT[:1600])
    assert (block.frames, block.withheld_frames, block.s16.size, block.f32.size) == (800, 800, 800, 800)
    assert (uplink.push(COUNT[1600:1920]).frames, uplink.push(COUNT[:0]).frames) == (0, 0)
    block = uplink.push(COUNT[1920:2400])
    assert (block.onset, block.preroll[-1]) == (0, 13 * 160)
    assert np.array_equal(block.s16, COUNT[13 * 160 : 2400])


def test_gated_float_and_int16_are_the_same_audio(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n % 4 == 0)
    block = uplink_16k(hangover_ms=0).push(COUNT)
    assert np.array_equal(block.s16, np.rint(block.f32 * 32768).astype(np.int16))


def test_gate_off_only_tells(scripted_webrtcvad: Script) -> None:
    scripted_webrtcvad(lambda n: n == 2)
    block = uplink_16k(gate="off").push(COUNT)
    assert (block.onset, block.speech, block.preroll.size) == (480, True, 0)
    assert np.array_equal(block.s16, COUNT)


@pytest.mark.parametrize("frame_ms", [10, 20, 30])
@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_the_detector_is_configured_and_called_once_per_frame(
    monkeypatch: pytest.MonkeyPatch, frame_ms: int, mode: int
) -> None:
    seen: list[object] = []

    def process(handle: object, rate: int, frame: memoryview, length: int) -> bool:
        seen.append(np.frombuffer(frame, np.int16).tolist())
        return False

    fake = types.ModuleType("_webrtcvad")
    fake.__dict__.update(
        create=object, init=lambda handle: None, set_mode=lambda handle, mode: seen.append(mode), process=process
    )
    monkeypatch.setitem(sys.modules, "_webrtcvad", fake)
    uplink = uplink_16k(frame_ms=frame_ms, mode=mode)
    for start in range(0, 3200, 37):
        uplink.push(COUNT[start : start + 37])
    length = frame_ms * 16
    assert seen == [mode] + [COUNT[i : i + length].tolist() for i in range(0, 3200 - length + 1, length)]


def test_a_detector_error_is_raised_after_the_block_and_the_signal_goes_on(scripted_webrtcvad: Script) -> None:
    def script(n: int) -> bool:
        if n == 1:
            raise OverflowError("frame 1")
        return n >= 3

    scripted_webrtcvad(script)
    uplink = uplink_16k()
    block = uplink.block(1600)
    with pytest.raises(OverflowError, match="frame 1"):
        uplink.push(COUNT[:1600], out=block)
    assert (block.frames, block.onset) == (1600, 4 * 160)
    assert np.array_equal(uplink.push(COUNT[1600:]).s16, COUNT[1600:])


def test_a_missing_detector_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_webrtcvad", None)
    with pytest.raises(ImportError, match=r"_webrtcvad is missing; install it with: pip install 'webrtcvad-wheels"):
        uplink_16k()


def test_an_unknown_version_of_the_detector_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_webrtcvad", types.ModuleType("_webrtcvad"))
    with pytest.raises(ImportError, match=r"expected _webrtcvad to have create; install it with"):
        uplink_16k()


def test_vad_must_be_a_vad_config() -> None:
    with pytest.raises(TypeError, match=r"vad: expected None or a VadConfig, got dict"):
        Uplink(vad={"mode": 2})  # type: ignore[arg-type]


def test_the_detector_is_imported_only_when_it_is_asked_for() -> None:
    code = (
        "import sys, sonicrtc, sonicrtc.audio as a; a.Uplink(); assert '_webrtcvad' not in sys.modules;"
        "a.Uplink(vad=a.VadConfig()); assert '_webrtcvad' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_real_speech_opens_the_gate_and_silence_closes_it(speech_16k: NDArray[np.int16]) -> None:
    rng = np.random.default_rng(2)
    quiet = rng.normal(0, 2, 16000 * 4).astype(np.int16)
    audio = np.concatenate([quiet[:16000], speech_16k[: 16000 * 3], quiet])
    uplink = Uplink(16000, channels=1, vad=VadConfig(mode=3, hangover_ms=1000))
    blocks = [uplink.push(audio[i : i + 320]) for i in range(0, audio.size, 320)]
    onsets = [i * 0.02 for i, b in enumerate(blocks) if b.onset >= 0]
    assert len(onsets) == 1
    assert 0.9 < onsets[0] < 1.6
    assert not blocks[-1].speech


def test_the_gate_at_48_khz_hears_the_same_speech(speech_16k: NDArray[np.int16]) -> None:
    from sonicrtc.audio import Resampler

    stereo = np.repeat(Resampler(16000, 48000).push(speech_16k), 2).reshape(-1, 2)
    direct = Uplink(16000, channels=1, vad=VadConfig()).push(speech_16k)
    resampled = Uplink(vad=VadConfig()).push(stereo)
    share = [np.count_nonzero(b.s16) / b.frames for b in (direct, resampled)]
    assert share[1] == pytest.approx(share[0], abs=0.02)
    assert share[0] > 0.8
