"""What comes back in a call without a model, by how much waits to be played."""

from __future__ import annotations

import numpy as np
import pytest

from sonicrtc.audio import Uplink
from sonicrtc.loopback import Loopback
from sonicrtc.sonic.protocol import SonicEvent


@pytest.mark.parametrize(
    ("waiting_ms", "loud", "returned"),
    [(0, True, 1), (0, False, 1), (340, True, 1), (80, False, 0), (400, True, 0)],
    ids=["a sound", "quiet", "a burst after a stall", "quiet that only adds delay", "more than a stall"],
)
def test_what_waits_is_bounded_and_goes_back_in_quiet(waiting_ms: float, loud: bool, returned: int) -> None:
    told: list[SonicEvent] = []
    block = Uplink(16_000, 1).push(np.full(320, 8000 * loud, np.int16))
    Loopback(told.append, lambda: waiting_ms).send_audio(block, captured_at_s=0.0)
    assert len(told) == returned
