"""The call case: what is made of the calls that came back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sonicrtc.bench.call_case import QUESTIONS, Response, reference_s, summarize
from sonicrtc.caller import CallReport

TIMING = {
    "type": "timing", "turn": 1, "user_speech_end_ms": 1000.0, "user_text_ms": 2830.0,
    "first_audio_received_ms": 2860.0, "first_audio_played_ms": 2880.0,
}  # fmt: skip


def response(**changes: Any) -> Response:
    report = CallReport(
        connected_ms=100.0, user_text="what time is it", assistant_text="It is 11:34 am.", endpoint_ms=1750.0,
        first_audio_ms=1980.0, response_ms=230.0, total_ms=5000.0, events=[TIMING], audio=np.zeros(0, np.int16),
        failure=None,
    )  # fmt: skip
    return Response(question=QUESTIONS[0], report=replace(report, **changes))


def test_right_answers_have_a_time_and_a_number() -> None:
    found = summarize([response(), response(response_ms=250.0)], [4000.0, 5000.0])
    assert [(a.response_ms, a.number) for a in found.answered] == [(230.0, 4000.0), (250.0, 5000.0)]
    assert found.median_ms == 240.0
    assert found.problems == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"failure": "no reply within 30 s"}, "no reply within 30 s"),
        ({"response_ms": None}, "nothing was heard"),
        ({"assistant_text": "No idea."}, "wrong answer: understood 'what time is it', said 'No idea.'"),
    ],
)
def test_what_was_not_answered_is_named_and_has_no_time(changes: dict[str, Any], problem: str) -> None:
    found = summarize([response(**changes)], [1.0])
    assert found.problems == (f"What time is it?  {problem}",)
    assert found.median_ms is None


def test_a_turn_is_divided_into_hops_after_the_model_s_pause() -> None:
    found = {hop.name: hop.p50 for hop in summarize([response()], [1.0]).hops}
    assert found == {"end of turn to its text": 80.0, "text to first audio": 30.0, "first audio to played": 20.0}


def test_a_station_that_was_not_passed_is_left_out() -> None:
    found = summarize([response(events=[TIMING | {"user_text_ms": None}, {"type": "session"}])], [1.0])
    assert [hop.name for hop in found.hops] == ["first audio to played"]


def test_the_reference_takes_some_time() -> None:
    assert 0 < reference_s() < 1
