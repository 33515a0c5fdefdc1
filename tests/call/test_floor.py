"""The agent's voice: silent within one frame of the marker, whatever the order of events; by counting samples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Uplink
from sonicrtc.events import InterruptedEvent, ServerEvent
from sonicrtc.floor import Floor
from sonicrtc.rtc.peer import PeerStats
from sonicrtc.sonic.protocol import AudioChunk

STEP = 960  # frames of 20 ms


class Line:
    """A Floor whose time is the audio's."""

    def __init__(self) -> None:
        self.told: list[ServerEvent] = []
        self.blocks: list[NDArray[np.int16]] = []
        self.floor = Floor(rate_hz=24_000, tell=lambda *events: self.told.extend(events), clock=self.now_ms)

    def now_ms(self) -> float:
        return 20.0 * len(self.blocks)

    def speak(self, seconds: float, content_id: str) -> None:
        n = np.arange(int(24_000 * seconds))
        tone = np.rint(16_000 * np.sin(2 * np.pi * 1000 * n / 24_000)).astype("<i2")
        self.floor.push(AudioChunk(pcm=tone.tobytes(), content_id=content_id))

    def pull(self, blocks: int) -> NDArray[np.int16]:
        self.blocks += [self.floor.pull(STEP) for _ in range(blocks)]
        return np.concatenate(self.blocks[-blocks:])


LATE = {
    "the block ends": lambda line: line.floor.end("a"),
    "late audio comes": lambda line: line.speak(0.5, "a"),
    "the marker comes": lambda line: line.floor.interrupt(),
}


@pytest.mark.parametrize("order", list(itertools.permutations(LATE)), ids=" > ".join)
def test_the_marker_silences_within_20_ms_and_the_next_turn_is_heard(order: tuple[str, ...]) -> None:
    line = Line()
    line.speak(10, "a")
    line.pull(50)
    for name in order:
        LATE[name](line)
    after = line.pull(50)
    assert np.abs(after[:STEP]).max() > 1000
    assert not after[STEP:].any()
    line.speak(0.5, "b")
    line.speak(0.5, "a")
    heard = line.pull(60)
    assert np.flatnonzero(np.abs(heard) > 1000)[0] < STEP
    assert np.abs(heard[: STEP * 25]).max() > 15_000
    assert not heard[STEP * 26 :].any()


def test_an_earlier_interrupted_block_stays_unheard_after_the_next_interruption() -> None:
    line = Line()
    for content_id in "ab":
        line.speak(1, content_id)
        line.floor.interrupt()
    line.pull(1)
    line.speak(1, "a")
    assert not line.pull(10).any()


def test_a_marker_says_how_much_was_heard_and_returns_what_was_not() -> None:
    line = Line()
    line.speak(2, "a")
    line.pull(50)
    unheard = line.floor.interrupt()
    assert unheard == 48_000 - ((50 * STEP - 1) // 2 + 1)
    (event,) = [e for e in line.told if isinstance(e, InterruptedEvent)]
    assert event.played_ms == pytest.approx(1000, abs=0.1)
    assert (event.duck_ms, event.flush_ms) == (None, None)


def test_without_an_assist_the_caller_changes_nothing_of_the_voice() -> None:
    line, alone = Line(), Line()
    loud = np.random.default_rng(1).integers(-9000, 9000, (STEP, 2), dtype=np.int16)
    uplink = Uplink()
    for one in (line, alone):
        one.speak(1, "a")
    for _ in range(40):
        line.floor.heard(loud, STEP, uplink.push(loud))
        assert np.array_equal(line.pull(1), alone.pull(1))
    stats = line.floor.stats(PeerStats(), 0)
    assert (stats.ducks, stats.false_ducks) == (0, 0)
