"""The reference work is frozen: numbers of different years are times of it."""

from __future__ import annotations

import hashlib
import inspect

import numpy as np
import pytest

from sonicrtc.bench import reference
from sonicrtc.bench.reference import VERSION, Reference

#: Every version that there was. A new one is another line, never another hash.
TEXTS = {"1": "af5c985499e73e10"}


def test_the_text_of_a_version_never_changes() -> None:
    text = inspect.getsource(reference)
    assert hashlib.sha256(text[text.index("_TAPS") :].encode()).hexdigest()[:16] == TEXTS[VERSION], (
        "the reference changed: give it another VERSION and add that here, or take the change back"
    )


def test_both_ways_give_the_same_answer_which_is_checked() -> None:
    work = Reference()
    np.testing.assert_allclose(work.by_product(), work.by_fft().reshape(-1), atol=1e-12)
    work.check()


def test_another_answer_is_noticed() -> None:
    work = Reference()
    work._signal[100] += 1e-6
    with pytest.raises(AssertionError, match=r"reference 1: expected 9\.6"):
        work.check()
