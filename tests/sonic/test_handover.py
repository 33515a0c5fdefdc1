"""When one stream makes way for the next."""

from __future__ import annotations

from typing import Any

import pytest

from sonicrtc.config import ContinuityConfig
from sonicrtc.sonic.handover import Handover, Scene

INFINITE = float("inf")
SILENCE = Scene(user_quiet_s=10, unanswered_s=None, agent_speaking=False, awaited=False)
MONOLOGUE = {"user_quiet_s": 0, "agent_speaking": False, "awaited": False}


def handover(*, expires_at_s: float | None = None, **settings: float) -> Handover:
    config = ContinuityConfig(**({"swap_after_s": 360, "swap_by_s": 440} | settings))  # type: ignore[arg-type]
    return Handover(config, opened_at_s=1000, expires_at_s=expires_at_s, tape_s=10)


def scene(**changes: Any) -> Scene:
    return Scene(**({"user_quiet_s": 10, "unanswered_s": None, "agent_speaking": False, "awaited": False} | changes))


def test_a_young_stream_stays() -> None:
    assert handover().due(1359, SILENCE) == "no"


def test_an_old_one_makes_way_in_a_gap() -> None:
    assert handover().due(1360, SILENCE) == "gap"


@pytest.mark.parametrize(
    "busy",
    [
        {"user_quiet_s": 0.1, "unanswered_s": 1},
        {"user_quiet_s": 2, "unanswered_s": 3},
        {"agent_speaking": True},
        {"awaited": True},
    ],
    ids=["the user speaks", "the user waits for an answer", "the agent speaks", "a tool runs"],
)
def test_it_waits_while_something_goes_on_but_not_for_ever(busy: dict[str, Any]) -> None:
    assert handover().due(1360, scene(**busy)) == "no"
    assert handover().due(1440, scene(**busy)) == "force"


def test_voice_that_the_model_ignores_is_not_waited_for() -> None:
    assert handover().due(1360, scene(user_quiet_s=6, unanswered_s=7)) == "gap"


@pytest.mark.parametrize(("said_s", "due"), [(5, "no"), (8.5, "force"), (11, "no")])
def test_a_monologue_is_taken_along_while_the_tape_holds_all_of_it(said_s: float, due: str) -> None:
    assert handover().due(1361, scene(**MONOLOGUE, unanswered_s=said_s)) == due


def test_a_stream_leaves_before_its_keys_expire() -> None:
    subject = handover(expires_at_s=1200)
    assert (subject.from_s, subject.by_s) == (1060, 1140)
    assert subject.due(1100, SILENCE) == "gap"
    assert handover(expires_at_s=9000).by_s == 1440


def test_keys_that_expire_at_once_are_left_at_once() -> None:
    assert handover(expires_at_s=1010).by_s == 1000


def test_it_can_be_asked_for() -> None:
    subject = handover()
    subject.ask()
    assert subject.due(1001, SILENCE) == "gap"
    assert subject.due(1001, scene(agent_speaking=True)) == "no"


def test_it_says_when_time_alone_may_change_its_mind() -> None:
    subject = handover()
    assert subject.next_s(1000, quiet_since_s=float("-inf")) == 1360
    assert subject.next_s(1360, quiet_since_s=1359.9) == pytest.approx(1360.5)
    assert subject.next_s(1361, quiet_since_s=1359.9) == pytest.approx(1364.9)
    assert subject.next_s(1440, quiet_since_s=1000) == INFINITE
