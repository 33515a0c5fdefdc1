"""Playout against a model of it that is a list: every frame is audio, a fade or silence, and the books balance."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sonicrtc.audio import Playout

NOISE = np.random.default_rng(8).integers(-32768, 32767, 1 << 16, dtype=np.int16)
LENGTHS = st.integers(0, 10) | st.integers(0, 900)


class PlayoutModel(RuleBasedStateMachine):
    """At equal rates the filter is none, so that each frame can be told from the others."""

    @initialize(rate=st.sampled_from([8000, 16000]))
    def start(self, rate: int) -> None:
        self.rate, self.fade, self.capacity = rate, 5 * rate // 1000, rate // 10
        self.playout = Playout(rate, rate, capacity_ms=100)
        self.forget()

    def forget(self) -> None:
        self.queue: list[int] = []
        self.pushed = self.played = self.thrown = self.dropped = self.underruns = 0
        self.fading_out = 0  # frames that are left of it
        self.fading_in = 0
        self.ramp = 0  # frames to full level, while the level is another
        self.playing = self.ended = False

    @rule(start=st.integers(0, 60_000), length=LENGTHS)
    def push(self, start: int, length: int) -> None:
        chunk = NOISE[start : start + length]
        fitting = chunk[: self.capacity - len(self.queue)]
        assert self.playout.push(chunk) == fitting.size
        self.queue += fitting.tolist()
        self.pushed += fitting.size
        self.dropped += chunk.size - fitting.size
        self.ended = self.ended and not fitting.size

    @rule(length=LENGTHS)
    def pull(self, length: int) -> None:
        for got in self.playout.pull(length).tolist():
            self.check_frame(got)

    @rule(more=st.sampled_from([0, 1, 30, 400]))
    def pull_all_and(self, more: int) -> None:
        self.pull(self.fading_out + len(self.queue) + more)

    def check_frame(self, got: int) -> None:
        if not self.queue and self.playing and not self.fading_out:
            self.playing, self.fading_out = False, self.fade
            self.underruns += not self.ended
            self.fading_in = 0 if self.ended else self.fade
        if self.fading_out:
            self.fading_out -= 1
            assert self.fading_out or got == 0
        else:
            wanted = self.next_frame()
            altered = self.fading_in or self.ramp
            assert 0 <= got * np.sign(wanted) <= abs(wanted) if altered else got == wanted
            self.fading_in -= self.playing and self.fading_in > 0

    def next_frame(self) -> int:
        if not self.queue:
            return 0
        self.playing = True
        self.played += 1
        return self.queue.pop(0)

    @rule()
    def flush(self) -> None:
        assert self.playout.flush() == len(self.queue) * 1000 / self.rate
        self.thrown += len(self.queue)
        self.queue.clear()
        self.fading_out = self.fade if self.playing else self.fading_out
        self.playing, self.fading_in = False, 0

    @rule()
    def end(self) -> None:
        self.playout.end()
        self.ended = True
        if not self.queue and not self.playing:
            self.fading_in = 0

    @rule(gain_db=st.floats(-60, -0.1), length=LENGTHS)
    def duck_for_a_while(self, gain_db: float, length: int) -> None:
        self.playout.duck(gain_db)
        self.ramp = self.rate // 50
        self.pull(length)
        self.playout.unduck()
        self.pull(self.ramp)
        self.ramp = 0

    @rule()
    def reset(self) -> None:
        self.playout.reset()
        self.forget()

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "playout"):
            return
        assert self.pushed == self.played + len(self.queue) + self.thrown
        assert (self.playout.played_frames, self.playout.buffered_frames) == (self.played, len(self.queue))
        assert (self.playout.dropped_frames, self.playout.underruns) == (self.dropped, self.underruns)


TestPlayoutIsWhatItsModelIs = PlayoutModel.TestCase
TestPlayoutIsWhatItsModelIs.settings = settings(max_examples=200, stateful_step_count=40)
