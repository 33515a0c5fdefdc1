"""What the commands say of an agent that speaks first and of its line to the model."""

from __future__ import annotations

import pytest

from sonicrtc.cli.call import line_of
from sonicrtc.demo.run import DemoOptions, greeting_of
from sonicrtc.events import ModelEvent


@pytest.mark.parametrize(
    ("options", "greeting"),
    [
        (DemoOptions(), "Hello! Ask me for the time, or let me count."),
        (DemoOptions(greeting="Good day."), "Good day."),
        (DemoOptions(greeting=""), ""),
        (DemoOptions(brain="echo"), ""),
    ],
)
def test_the_demo_greets_where_its_brain_can_speak(options: DemoOptions, greeting: str) -> None:
    assert greeting_of(options) == greeting


def test_a_broken_line_and_its_return_are_told_in_words() -> None:
    broken = ModelEvent(
        status="recovering",
        stream=1,
        voice="amy",
        language="en-GB",
        code="sonic_closed",
        message="lost",
        at_ms=900,
    )
    back = ModelEvent(status="ready", stream=2, voice="tiffany", language="", at_ms=12_340)
    assert line_of(broken) == "   0.9 s  the line to the model broke (sonic_closed: lost); reconnecting"
    assert line_of(back) == "  12.3 s  the line to the model is up: stream 2, voice tiffany, any language"
