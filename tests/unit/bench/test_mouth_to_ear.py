from __future__ import annotations

import pytest
from benchmarks.mouth_to_ear import delays_ms

pytestmark = pytest.mark.checkout


def test_each_tone_counts_from_the_microphone_to_the_next_time_it_is_heard() -> None:
    assert delays_ms([0.0, 6.0, 7.0], [0.3, 6.08, 7.09]) == pytest.approx([80, 90])


def test_a_tone_that_is_not_heard_before_the_next_one_is_left_out() -> None:
    assert delays_ms([0.0, 6.0, 7.0], [7.05], settle_s=5) == pytest.approx([50])
    assert delays_ms([], []) == []
