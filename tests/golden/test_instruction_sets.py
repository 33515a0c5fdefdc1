"""All kernels that this machine can run compute the same audio."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc._core import isa, isas
from sonicrtc.audio import Resampler, Uplink

RATES = (8000, 16000, 24000, 44100, 48000)
NOISE = np.random.default_rng(1).integers(-32768, 32768, (4800, 2), dtype=np.int16)


def convert(name: str, into: int, out: int) -> tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.int16]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONICRTC_ISA", name)
        block = Uplink(into, 2, output_rate_hz=out).push(NOISE)
        return block.f32, block.s16, Resampler(into, out).push(NOISE.reshape(-1))


def test_the_fastest_one_is_chosen() -> None:
    assert isas()[0] == "baseline"
    assert isa() == isas()[-1]


@pytest.mark.parametrize(("into", "out"), list(itertools.product(RATES, RATES)))
@pytest.mark.parametrize("name", isas())
def test_they_agree_within_one_lsb_and_120_db(name: str, into: int, out: int) -> None:
    f32, *s16 = convert(name, into, out)
    f32_baseline, *s16_baseline = convert("baseline", into, out)
    assert np.abs(f32 - f32_baseline).max() <= 1e-6  # -120 dB of full scale
    for one, other in zip(s16, s16_baseline, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize(("into", "out"), [(48000, 16000), (24000, 48000), (44100, 16000)])
def test_avx512_gives_the_bits_of_avx2(into: int, out: int) -> None:
    results = [convert(name, into, out) for name in ("avx2", "avx512") if name in isas()]
    for one in results:
        assert [part.tobytes() for part in one] == [part.tobytes() for part in results[0]]
