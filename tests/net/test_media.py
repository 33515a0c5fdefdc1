"""Which way audio takes: by the settings, and by what there is to code with."""

from __future__ import annotations

import pytest

from sonicrtc.audio import AudioFormat
from sonicrtc.config import EncoderName, MediaConfig
from sonicrtc.errors import ConfigError
from sonicrtc.rtc import media
from sonicrtc.rtc.media import media_path


def test_packets_are_heard_at_16_khz_and_spoken_at_24() -> None:
    path = media_path(MediaConfig())
    assert path.name == "packets"
    assert path.format == AudioFormat(heard_hz=16_000, heard_channels=1, spoken_hz=24_000)
    assert (path.format.longest_frames, path.format.spoken_frames) == (1920, 480)


def test_frames_are_as_aiortc_has_them() -> None:
    path = media_path(MediaConfig(path="frames"))
    assert (path.name, path.format) == ("frames", AudioFormat(heard_hz=48_000, heard_channels=2, spoken_hz=48_000))


def test_without_libopus_audio_goes_in_frames_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    media._say_frames.cache_clear()
    monkeypatch.setattr(media, "find_opus", lambda path: None)
    assert [media_path(MediaConfig()).name for _ in range(3)] == 3 * ["frames"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no libopus" in caplog.text


def test_a_libopus_that_is_asked_for_and_cannot_be_used_is_an_error() -> None:
    with pytest.raises(ConfigError, match="opus library"):
        media_path(MediaConfig(opus_library="/no/such/libopus.so"))


@pytest.mark.parametrize(("name", "bitrate", "complexity"), [("default", 32_000, 5), ("low_cpu", 48_000, 0)])
def test_the_encoder_is_the_one_of_the_settings(name: EncoderName, bitrate: int, complexity: int) -> None:
    encoder = media_path(MediaConfig(encoder=name)).open_encoder()
    assert (encoder.rate_hz, encoder.bitrate, encoder.complexity) == (24_000, bitrate, complexity)
