"""Opus from Python, with each libopus that this machine has: PyAV brings one, the system may have another."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from threading import Thread

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sonicrtc.audio import OpusDecoder, OpusEncoder, OpusLibrary, opus_frames, opus_has_fec
from sonicrtc.rtc.opus import candidates

Samples = NDArray[np.int16]


def loaded() -> list[OpusLibrary]:
    found = []
    for name in candidates():
        try:
            found.append(OpusLibrary(name))
        except RuntimeError:
            continue
    return found


LIBRARIES = loaded()
every_library = pytest.mark.parametrize("library", LIBRARIES, ids=[one.version for one in LIBRARIES])
BLOCK = np.random.default_rng(8).integers(-8000, 8000, 480, dtype=np.int16)


def encode(encoder: OpusEncoder, audio: Samples) -> list[bytes]:
    block = encoder.rate_hz // 50
    return [encoder.encode(audio[at : at + block]) for at in range(0, audio.size - block + 1, block)]


def spectra(audio: Samples) -> NDArray[np.float64]:
    """Return magnitudes by 10 ms, without what is below 200 Hz: "voip" filters there."""
    windows = np.lib.stride_tricks.sliding_window_view(audio.astype(float), 512)[::160]
    return np.abs(np.fft.rfft(windows * np.hanning(512)))[:, 7:]


def correlation(a: Samples, b: Samples) -> float:
    return float(np.corrcoef(a.astype(float), b.astype(float))[0, 1])


def test_the_wheel_of_pyav_brings_a_libopus() -> None:
    assert any("libopus" in library.path and "av" in library.path for library in LIBRARIES)
    assert all(library.version.startswith("libopus 1.") for library in LIBRARIES)


@every_library
def test_decoded_speech_is_20_db_above_what_coding_added(library: OpusLibrary, speech_16k: Samples) -> None:
    encoder, decoder = OpusEncoder(library, rate_hz=16_000), OpusDecoder(library)
    packets = encode(encoder, speech_16k)
    heard = np.concatenate([decoder.decode(packet) for packet in packets])[encoder.lookahead_frames :]
    said, got = spectra(speech_16k[: heard.size]), spectra(heard)
    assert 10 * np.log10((said**2).sum() / ((said - got) ** 2).sum()) > 20
    assert 28_000 < sum(map(len, packets)) * 8 / (len(packets) * 0.02) < 34_000


@every_library
def test_the_decoder_of_ffmpeg_hears_what_ours_hears(library: OpusLibrary, speech_16k: Samples) -> None:
    packets = encode(OpusEncoder(library, rate_hz=16_000), speech_16k[: 16_000 * 5])
    decoder = OpusDecoder(library, rate_hz=48_000)
    ours = np.concatenate([decoder.decode(packet) for packet in packets])
    other = av.CodecContext.create("opus", "r")  # FFmpeg's own, not libopus
    other.sample_rate, other.layout = 48_000, "mono"
    theirs = np.concatenate([f.to_ndarray()[0] for packet in packets for f in other.decode(av.Packet(packet))])
    assert correlation(ours[:-10], theirs[2 : ours.size - 8]) > 0.99  # their resampler is two frames later


@every_library
def test_fec_restores_speech_that_concealment_only_guesses(library: OpusLibrary, speech_16k: Samples) -> None:
    encoder = OpusEncoder(library, rate_hz=16_000)
    encoder.expected_loss_percent = 10
    packets = encode(encoder, speech_16k)
    intact, restoring, concealing = (OpusDecoder(library) for _ in range(3))
    real, restored, concealed = list[Samples](), list[Samples](), list[Samples]()
    for at, (packet, following) in enumerate(pairwise(packets)):
        audio = intact.decode(packet)
        if at % 5 or not opus_has_fec(following):
            restoring.decode(packet)
            concealing.decode(packet)
            continue
        fec = restoring.recover(following, 320)
        assert fec is not None
        real.append(audio)
        restored.append(fec)
        concealed.append(concealing.conceal(320))
    assert len(real) > 200
    assert correlation(np.concatenate(real), np.concatenate(restored)) > 0.9
    assert correlation(np.concatenate(real), np.concatenate(concealed)) < 0.7


@every_library
def test_fec_is_sent_only_while_a_loss_is_expected(library: OpusLibrary, speech_16k: Samples) -> None:
    encoder, shares = OpusEncoder(library, rate_hz=16_000), []
    for percent in (0, 10, 0):
        encoder.expected_loss_percent = percent
        shares.append(np.mean([opus_has_fec(packet) for packet in encode(encoder, speech_16k)[1:]]))
    assert shares[0] == shares[2] == 0
    assert shares[1] > 0.8  # the rest are pauses


@every_library
def test_a_packet_without_fec_restores_nothing(library: OpusLibrary) -> None:
    packet, decoder = OpusEncoder(library).encode(BLOCK), OpusDecoder(library)
    decoder.decode(packet)
    assert decoder.recover(packet, 320) is None
    assert decoder.conceal(320).shape == (320,)


@pytest.mark.parametrize("rate_hz", [8000, 12_000, 16_000, 24_000, 48_000])
def test_a_packet_decodes_at_any_rate(rate_hz: int) -> None:
    packet = OpusEncoder(LIBRARIES[0]).encode(BLOCK)
    assert OpusDecoder(LIBRARIES[0], rate_hz=rate_hz).decode(packet).size == rate_hz // 50
    assert opus_frames(packet, rate_hz) == rate_hz // 50


@every_library
@given(packets=st.lists(st.binary(max_size=400), max_size=20))
def test_any_bytes_are_a_packet_or_none(library: OpusLibrary, packets: list[bytes]) -> None:
    decoder = OpusDecoder(library)
    for packet in packets:
        frames = opus_frames(packet, 16_000)
        restored = decoder.recover(packet, frames)
        assert restored is None or (opus_has_fec(packet) and restored.size == frames)
        assert decoder.decode(packet).size in {0, frames}


def test_a_library_that_is_none_is_refused_with_a_reason() -> None:
    with pytest.raises(RuntimeError, match=r"libopus: cannot load '/no/such\.so': .*No such file"):
        OpusLibrary("/no/such.so")
    with pytest.raises(RuntimeError, match=r"libopus: '.*_core.*' lacks the function opus_get_version_string"):
        OpusLibrary(sys.modules["sonicrtc._core"].__file__ or "")


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: OpusEncoder(LIBRARIES[0], rate_hz=44_100),
        "rate_hz: expected 8000, 12000, 16000, 24000 or 48000, got 44100",
    ),
    (lambda: OpusDecoder(LIBRARIES[0], rate_hz=0), "rate_hz: expected 8000, 12000, 16000, 24000 or 48000, got 0"),
    (lambda: opus_frames(b"", 44_100), "rate_hz: expected 8000, 12000, 16000, 24000 or 48000, got 44100"),
    (lambda: OpusEncoder(LIBRARIES[0], bitrate=32), "bitrate: expected 6000 to 510000, got 32"),
    (lambda: OpusEncoder(LIBRARIES[0], complexity=11), "complexity: expected 0 to 10, got 11"),
    (lambda: setattr(OpusEncoder(LIBRARIES[0]), "bitrate", 5999), "bitrate: expected 6000 to 510000, got 5999"),
    (lambda: setattr(OpusEncoder(LIBRARIES[0]), "expected_loss_percent", 101), "expected 0 to 100, got 101"),
    (lambda: OpusEncoder(LIBRARIES[0]).encode(BLOCK[:479]), r"expected 240, 480, 960 or 1440 frames .*, got 479"),
    (lambda: OpusDecoder(LIBRARIES[0]).conceal(1921), r"frames: expected at most 1920 .*, got 1921"),
    (lambda: OpusDecoder(LIBRARIES[0]).recover(b"", -1), "frames: expected 0 or more, got -1"),
]


@pytest.mark.parametrize(("use", "text"), REFUSED)
def test_what_is_out_of_range_is_refused_in_words(use: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        use()


def test_what_is_no_buffer_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="pcm: expected a C-contiguous int16 buffer, got list"):
        OpusEncoder(LIBRARIES[0]).encode([1, 2])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="packet: expected bytes, got str"):
        OpusDecoder(LIBRARIES[0]).decode("opus")  # type: ignore[arg-type]


class Intruding:
    """A buffer that lets another thread use the object before it gives its memory."""

    def __init__(self, use: Callable[[], object]) -> None:
        self.use, self.refusals = use, list[str]()

    def __buffer__(self, flags: int) -> memoryview:
        thread = Thread(target=self.intrude)
        thread.start()
        thread.join()
        return memoryview(BLOCK)

    def intrude(self) -> None:
        try:
            self.use()
        except RuntimeError as error:
            self.refusals.append(str(error))


def test_an_object_refuses_a_second_thread() -> None:
    encoder, decoder = OpusEncoder(LIBRARIES[0]), OpusDecoder(LIBRARIES[0])
    packet = encoder.encode(BLOCK)
    during_encode, during_decode = Intruding(encoder.reset), Intruding(lambda: decoder.decode(packet))
    encoder.encode(during_encode)
    decoder.decode(during_decode)
    words = "in use by another thread; give each thread its own"
    assert during_encode.refusals == [f"OpusEncoder: {words}"]
    assert during_decode.refusals == [f"OpusDecoder: {words}"]
    assert encoder.encode(BLOCK)  # and is in order again


def test_a_codec_keeps_its_library() -> None:
    library = OpusLibrary(LIBRARIES[0].path)
    encoder, decoder = OpusEncoder(library), OpusDecoder(library)
    del library
    gc.collect()
    assert decoder.decode(encoder.encode(BLOCK)).size == 320


def test_a_call_keeps_no_reference_and_no_memory() -> None:
    encoder, decoder, pcm = OpusEncoder(LIBRARIES[0]), OpusDecoder(LIBRARIES[0]), BLOCK.copy()
    packet = encoder.encode(pcm)
    before = sys.getrefcount(pcm), sys.getrefcount(packet)

    def talk() -> None:
        for _ in range(500):
            decoder.decode(encoder.encode(pcm))
            decoder.recover(packet, 320)
            with suppress(ValueError):
                encoder.encode(pcm, 1)

    talk()
    tracemalloc.start()
    talk()
    first = tracemalloc.get_traced_memory()[0]
    talk()
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert grown < 10_000
    assert before == (sys.getrefcount(pcm), sys.getrefcount(packet))
