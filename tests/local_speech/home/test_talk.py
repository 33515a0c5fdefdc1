"""Conversations with the house: what is called, and what is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from examples.smart_home.document import Refused
from tests.local_speech.home.pretended import ASKING, TRUSTING, House, tool

from sonicrtc.local.sonic.brain import ToolDefinition
from sonicrtc.local.sonic.speech.answers import CallThen, CallTool, Say
from sonicrtc.local.sonic.speech.dialogue import Dialogue


class Talk:
    """A dialogue with its tools; answers are prepared twice, as when somebody goes on speaking."""

    def __init__(self, tools: Mapping[str, ToolDefinition] = ASKING) -> None:
        self.house = House()
        self.tools = tools
        self.dialogue = Dialogue(tools)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.broken: object = None
        self.guessed: str | None = None

    def say(self, heard: str) -> str:
        self.dialogue.answer(heard)
        answer = self.dialogue.answer(heard)
        self.guessed = answer.guess if isinstance(answer, CallThen) else None
        while isinstance(answer, CallThen):
            self.dialogue.begin(answer)
            answer = answer.then(self._call(answer))
        assert isinstance(answer, Say)
        self.dialogue.remember(answer, answer.text)
        return answer.text

    def _call(self, call: CallThen) -> object:
        arguments = dict(call.arguments)
        self.calls.append((call.name, arguments))
        if self.broken is not None:
            return self.broken
        token = arguments.pop("confirmation", None)
        try:
            if call.name == "get_state":
                return self.house.get_state(**arguments)  # type: ignore[arg-type]
            if call.name == "publish_confirmed" and self.tools is ASKING and token is None:
                return {"confirm": "Shall I?", "confirmation": f"token {len(self.calls)}", "next": "Ask."}
            return self.house.publish(**arguments, confirmed=call.name == "publish_confirmed")  # type: ignore[arg-type]
        except Refused as exc:
            return {"error": str(exc)}

    @property
    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        return self.house.sent


KITCHEN, FRONT, OVEN = "home/kitchen/light/set", "home/living_room/lock/set", "home/kitchen/oven/set"


@pytest.fixture(params=[ASKING, TRUSTING], ids=["the tool asks", "the brain asks"])
def talk(request: pytest.FixtureRequest) -> Talk:
    return Talk(request.param)


def test_a_light_is_switched_at_once_and_told_as_it_reports(talk: Talk) -> None:
    assert talk.say("Turn on the kitchen light.") == "The kitchen light is on."
    assert talk.sent == [(KITCHEN, {"on": True})]
    assert talk.guessed == "The kitchen light is on."


def test_two_commands_of_a_sentence_are_done_one_after_the_other(talk: Talk) -> None:
    told = talk.say("Set the kitchen light to fifty percent and turn on the bedroom light")
    assert told == "The kitchen light is on at 50 percent. The bedroom light is on."


def test_brighter_starts_from_the_state(talk: Talk) -> None:
    talk.house.states["kitchen/light"]["on"] = True
    assert talk.say("Make the kitchen light brighter") == "The kitchen light is on at 80 percent."
    assert talk.say("a bit more") == "The kitchen light is on at 100 percent."
    assert talk.say("forty percent darker") == "The kitchen light is on at 60 percent."


def test_darker_than_one_percent_is_off(talk: Talk) -> None:
    talk.house.states["kitchen/light"] |= {"on": True, "brightness_percent": 15}
    assert talk.say("Dim the kitchen light") == "The kitchen light is off."


def test_all_lights_brighter_starts_from_each_light(talk: Talk) -> None:
    for device, percent in (("living_room/light", 10), ("kitchen/light", 50), ("bedroom/light", 95)):
        talk.house.states[device] |= {"on": True, "brightness_percent": percent}
    talk.say("Make all lights brighter")
    assert [payload["brightness_percent"] for _, payload in talk.sent] == [30, 70, 100]


def test_a_door_is_locked_only_after_a_yes(talk: Talk) -> None:
    assert talk.say("Lark the front door.") == "Shall I lock the front door?"
    assert talk.sent == []
    assert talk.say("Yes, please.") == "The front door is locked."
    assert talk.sent == [(FRONT, {"locked": True})]


@pytest.mark.parametrize("agreed", ["yes", "Yeah.", "Sure, do it.", "Okay, thank you", "Yes, lock it.", "Go ahead."])
def test_a_yes_is_heard(talk: Talk, agreed: str) -> None:
    talk.say("lock the front door")
    talk.say(agreed)
    assert len(talk.sent) == 1


@pytest.mark.parametrize(
    "other",
    ["No.", "No, thanks.", "Don't.", "Cancel that.", "What time is it?", "Maybe", "", "Yes, I turned it on yesterday",
     "Is the door locked?", "yes yes he said and left", "Never mind"],
)  # fmt: skip
def test_nothing_else_is_a_yes(talk: Talk, other: str) -> None:
    talk.say("lock the front door")
    talk.say(other)
    assert talk.sent == []


def test_a_question_lapses_with_the_next_turn(talk: Talk) -> None:
    talk.say("lock the front door")
    assert talk.say("no thanks") == "All right, I do nothing."
    talk.say("yes")
    assert talk.sent == []


def test_an_unclear_answer_is_asked_about_once_more(talk: Talk) -> None:
    talk.say("lock the front door")
    assert talk.say("Hmm.") == "Please say yes or no. Shall I lock the front door?"
    assert talk.say("yes") == "The front door is locked."


def test_a_correction_is_asked_about_anew(talk: Talk) -> None:
    talk.say("unlock the front door")
    assert talk.say("no, the back door") == "Shall I unlock the back door?"
    assert talk.say("yes") == "The back door is unlocked."


def test_both_doors_are_one_question(talk: Talk) -> None:
    assert talk.say("lock both doors") == "Shall I lock the front door and lock the back door?"
    assert talk.say("yes") == "The front door is locked. The back door is locked."


def test_what_needs_no_yes_is_done_before_the_question(talk: Talk) -> None:
    told = talk.say("turn off the kitchen light and heat the oven to 200 degrees")
    assert told == "The kitchen light is off. Shall I heat the oven to 200 degrees?"
    assert talk.say("yes") == "The oven is on at 200 degrees."


def test_a_hotter_oven_is_asked_about_with_the_new_temperature(talk: Talk) -> None:
    talk.house.states["kitchen/oven"]["on"] = True
    assert talk.say("make the oven hotter") == "Shall I set the oven to 190 degrees?"
    assert talk.say("yes") == "The oven is on at 190 degrees."


def test_an_oven_that_is_off_cannot_get_hotter(talk: Talk) -> None:
    assert talk.say("make the oven hotter").startswith("The oven is off")


def test_good_night_is_asked_about_once(talk: Talk) -> None:
    assert talk.say("Good night.") == "Shall I switch everything off and lock both doors?"
    assert talk.say("yes") == "All lights and the oven are off. Both doors are locked."


def test_everything_off_is_done_at_once(talk: Talk) -> None:
    told = talk.say("Everything off.")
    assert told.startswith("All lights and the oven are off.")


def test_what_is_missing_is_asked_for_and_taken_from_the_answer(talk: Talk) -> None:
    assert talk.say("turn on the light") == "In which room?"
    assert talk.say("the bedroom") == "The bedroom light is on."
    assert talk.say("preheat the oven") == "To what temperature?"
    assert talk.say("one eighty") == "Shall I heat the oven to 180 degrees?"


def test_questions_are_answered_from_the_states(talk: Talk) -> None:
    assert talk.say("Is the front door locked?") == "The front door is unlocked."
    assert talk.say("Are the doors locked?") == "The front door is unlocked. The back door is locked."
    assert talk.say("Is the light in the kitchen on?") == "The kitchen light is off."
    assert talk.say("How hot is the oven?") == "The oven is off."
    assert talk.sent == []


def test_what_happened_is_told_as_the_device_reports_it(talk: Talk) -> None:
    talk.broken = {"reported": {"kitchen/light": {"on": False, "brightness_percent": 60}}}
    assert talk.say("turn on the kitchen light") == "The kitchen light is off."


DOWN = "the MQTT broker at 127.0.0.1:1883 cannot be reached (refused); nothing was sent, and nothing will be done later"


@pytest.mark.parametrize("heard", ["turn on the kitchen light", "Is the front door locked?", "brighter in the kitchen"])
def test_a_broker_that_is_down_is_told(talk: Talk, heard: str) -> None:
    talk.broken = {"error": DOWN}
    assert talk.say(heard) == (
        "That did not work: the MQTT broker cannot be reached; nothing was sent, and nothing will be done later."
    )


def test_devices_that_are_away_or_silent_are_told(talk: Talk) -> None:
    talk.broken = {"reported": {"kitchen/light": {"on": True}}, "refused": {"bedroom/light": "away, nothing was sent"},
                   "silent": ["living_room/light"]}  # fmt: skip
    assert talk.say("all lights on") == (
        "The kitchen light is on. The bedroom light refused: away, nothing was sent. "
        "The living room light has not answered."
    )


@pytest.mark.parametrize("result", [None, "x", 3, [], {}, {"reported": 1}, {"reported": {"kitchen/light": None}}])
def test_a_strange_result_is_not_fatal(talk: Talk, result: object) -> None:
    talk.broken = result
    assert talk.say("turn on the kitchen light")
    assert talk.say("is the kitchen light on?")
    assert talk.say("make the kitchen light brighter")


def test_stop_is_heard_while_a_tool_works(talk: Talk) -> None:
    answer = talk.dialogue.answer("turn on the kitchen light")
    assert isinstance(answer, CallThen)
    talk.dialogue.begin(answer)  # and no result comes
    assert "may still be done" in talk.say("Actually, stop.")
    assert talk.say("turn it off again") == "The kitchen light is off."


def test_small_talk_moves_nothing(talk: Talk) -> None:
    for heard in ("Hello.", "Tell me a story.", "Repeat after me, turn on the kitchen light.", "Thank you.", "Stop."):
        assert talk.say(heard)
    assert talk.calls == []


@pytest.mark.parametrize("tools", [{}, {"publish": tool("topic", "payload")}, {"get_state": tool("device")}])
def test_without_its_tools_the_house_is_not_known(tools: dict[str, ToolDefinition]) -> None:
    answer = Dialogue(tools).answer("Good night.")
    assert isinstance(answer, Say)
    assert answer.text.startswith("Goodbye")


def test_other_tools_are_still_called() -> None:
    answer = Dialogue({**ASKING, "weather": tool()}).answer("What is the weather?")
    assert isinstance(answer, CallTool)
    assert answer.name == "weather"
