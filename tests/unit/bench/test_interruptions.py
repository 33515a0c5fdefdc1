"""Who breaks in when, and how long the agent goes on, on a clock that the blocks move."""

from __future__ import annotations

import numpy as np
import pytest

from sonicrtc.bench.interruptions import Interrupter

LOUD, QUIET = np.full(960, 8000, np.int16), np.zeros(960, np.int16)


class Talk:
    """A caller with a question of 100 ms and an interruption of 200 ms, and its clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.caller = Interrupter(np.tile(LOUD, 5), np.tile(LOUD, 10), clock=lambda: self.now_s)
        self.caller.start()

    def pass_ms(self, ms: int, heard: np.ndarray[tuple[int], np.dtype[np.int16]]) -> list[bool]:
        """Let time pass while `heard` is heard; return in which blocks of 20 ms the caller speaks."""
        spoken = []
        for _ in range(ms // 20):
            spoken.append(bool(self.caller.pull(960).any()))
            self.caller.push(heard)
            self.now_s += 0.02
        return spoken


def test_the_caller_asks_listens_and_breaks_in() -> None:
    talk = Talk()
    assert talk.pass_ms(400, QUIET) == [True] * 5 + [False] * 15
    spoken = talk.pass_ms(3000, LOUD)
    assert spoken.index(True) * 20 == pytest.approx(1500, abs=21)
    assert sum(spoken) == 10
    assert talk.caller.finished


def test_the_agent_is_silent_from_the_last_sound_before_a_long_quiet() -> None:
    talk = Talk()
    talk.pass_ms(100, QUIET)
    spoken = talk.pass_ms(1700, LOUD)
    talk.pass_ms(400, QUIET)  # a pause
    talk.pass_ms(100, LOUD)
    talk.pass_ms(1000, QUIET)
    talk.pass_ms(500, LOUD)  # the next answer
    began_ms = 20 * spoken.index(True)
    assert talk.caller.silent_ms == pytest.approx(1700 - began_ms + 500 - 20)


def test_an_agent_that_never_stops_has_no_time() -> None:
    talk = Talk()
    talk.pass_ms(100, QUIET)
    talk.pass_ms(5000, LOUD)
    assert talk.caller.silent_ms is None


def test_nothing_is_said_before_the_call_is_up() -> None:
    caller = Interrupter(LOUD, LOUD)
    assert not caller.pull(960).any()
    assert not caller.finished
