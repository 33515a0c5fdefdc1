"""The rule dialogue, as a table."""

from __future__ import annotations

from datetime import datetime

import pytest

from sonicrtc.local.sonic.brain import ToolDefinition
from sonicrtc.local.sonic.speech import phrases
from sonicrtc.local.sonic.speech.answers import CallTool, Say
from sonicrtc.local.sonic.speech.dialogue import Dialogue


def tool(description: str, **properties: dict[str, object]) -> ToolDefinition:
    return ToolDefinition(
        description=description,
        schema={"type": "object", "properties": properties, "required": list(properties)},
    )


TOOLS = {
    "get_date_and_time": tool("Current local date and time."),
    "weather": tool("Tell the weather in a city.", city={"type": "string"}),
    "switchLight": tool("Switch the light.", state={"type": "string", "enum": ["on", "off"]}),
    "get_door_state": tool("Says whether the front door is locked."),
    "set_heating": tool("Set the heating.", room={"type": "string"}, celsius={"type": "number"}),
}


def dialogue(**settings: object) -> Dialogue:
    return Dialogue(TOOLS, now=lambda: datetime(2026, 11, 22, 15, 5), **settings)  # type: ignore[arg-type]


def said(heard: str) -> str:
    answer = dialogue().answer(heard)
    assert isinstance(answer, Say)
    return answer.text


def called(heard: str) -> tuple[str, dict[str, object]]:
    answer = dialogue().answer(heard)
    assert isinstance(answer, CallTool)
    return answer.name, dict(answer.arguments)


@pytest.mark.parametrize(
    ("heard", "beginning"),
    [
        ("Hello.", "Hello! I am Sonic."),
        ("A low.", "Hello!"),
        ("Hi there, can you help me?", "I can tell you the time"),
        ("Good morning.", "Hello!"),
        ("What can you do?", "I can tell you the time"),
        ("What is your name?", "My name is Sonic."),
        ("How are you?", "I am well"),
        ("Thanks a lot.", "You are welcome."),
        ("Thank you, good-bye.", "Goodbye!"),
        ("Stop.", "Okay."),
        ("Can you hear me?", "Yes"),
        ("Tell me a story.", "Once there was"),
        ("Repeat after me, the quick brown fox.", "The quick brown fox."),
        ("Can you repeat after me: I like tea?", "I like tea?"),
        ("Please say hello world.", "Hello world."),
        ("Repeat after me, what time is it?", "What time is it?"),
        ("Count from five to eight.", "Five, six, seven, eight."),
        ("Count down from three.", "Three, two, one, zero."),
        ("Count to a hundred.", "That would take long, so I stop at 50. One, two"),
        ("He was not an ill-disposed young man,", "I heard: He was not an ill-disposed young man. But I do not know"),
    ],
)
def test_an_answer_in_words(heard: str, beginning: str) -> None:
    assert said(heard).startswith(beginning)


@pytest.mark.parametrize("text", ["Hello! I am Ada.", 'He said "no" twice.', "What time is it?", "Count\nto three"])
def test_what_the_client_makes_it_say_is_said_as_it_is(text: str) -> None:
    assert said(f'Say exactly this to the user, and nothing else: "{text}"') == text


def test_a_foreign_voice_says_once_that_it_has_english_only() -> None:
    french = dialogue(voice_id="ambre")
    greeting = french.answer('Say exactly this to the user, and nothing else: "Bonjour!"')
    assert isinstance(greeting, Say)
    assert greeting.text == "Bonjour!"
    french.remember(greeting, greeting.text)
    first = french.answer("Hello.")
    assert isinstance(first, Say)
    assert "I cannot speak French" in first.text
    assert first.text.endswith("How can I help you?")
    french.remember(first, first.text)
    again = french.answer("Say that again.")
    assert isinstance(again, Say)
    assert again.text == "Hello! I am Sonic. How can I help you?"


def test_a_tools_answer_is_excused_as_it_was_guessed() -> None:
    answer = dialogue(voice_id="tina").answer("What time is it?")
    assert isinstance(answer, CallTool)
    assert "I cannot speak German" in answer.tell({"time": "3:05 PM"})
    assert answer.guess == answer.tell({"time": "3:05 PM", "date": "2026-11-22", "weekday": "Sunday"})


def test_a_prompt_that_wants_another_language_is_excused_too() -> None:
    prompt = "You are kind. Always speak Portuguese (Brazil), whatever language the user speaks."
    answer = dialogue(voice_id="matthew", system_prompt=prompt).answer("Hello.")
    assert isinstance(answer, Say)
    assert "I cannot speak Portuguese" in answer.text


@pytest.mark.parametrize("voice", ["matthew", "kiara", "somebody new"])
def test_a_voice_that_speaks_english_excuses_nothing(voice: str) -> None:
    answer = dialogue(voice_id=voice).answer("Hello.")
    assert isinstance(answer, Say)
    assert answer.text.startswith("Hello!")


def test_what_an_earlier_stream_excused_is_not_excused_again() -> None:
    excuse = phrases.ENGLISH_ONLY.format(language="French")
    answer = dialogue(voice_id="ambre", history=(("USER", "Hi"), ("ASSISTANT", f"{excuse} Hello!"))).answer("Hello.")
    assert isinstance(answer, Say)
    assert answer.text.startswith("Hello!")


@pytest.mark.parametrize("heard", ["Count to thirty.", "Count to 30.", "Come to thirty.", "Count the thirty.",
                                   "Can you count aloud to thirty, please?"])  # fmt: skip
def test_it_counts_sentence_by_sentence(heard: str) -> None:
    assert said(heard).startswith("One, two, three, four, five. Six, seven,")
    assert said(heard).endswith("twenty-nine, thirty.")


@pytest.mark.parametrize(
    "heard",
    ["What time is it?", "What's the time?", "Could you tell me the time, please?", "Do you know what time it is?",
     "What time is at?", "Wet time is it?", "What tame is it?", "Say the time.", "The time."],
)  # fmt: skip
def test_the_time_is_asked_from_the_tool(heard: str) -> None:
    assert called(heard) == ("get_date_and_time", {})


def test_time_and_date_are_told_as_the_page_shows_them_and_guessed_alike() -> None:
    answer = dialogue().answer("Tell me the date and the time.")
    assert isinstance(answer, CallTool)
    told = answer.tell({"time": "3:05 PM", "date": "2026-11-22", "weekday": "Sunday", "timezone": "UTC"})
    assert told == "It is 3:05 PM. Today is Sunday, November 22, 2026."
    assert answer.guess == told


def test_an_iso_date_with_a_time_is_understood() -> None:
    answer = dialogue().answer("What is the date to-day?")
    assert isinstance(answer, CallTool)
    assert answer.tell({"date": "2026-11-22T15:05:00+01:00"}) == "Today is Sunday, November 22, 2026."


@pytest.mark.parametrize("result", [{"error": "clock broken"}, {}, None, "noon", 12, ["x"]])
def test_a_strange_clock_result_is_told_and_not_fatal(result: object) -> None:
    answer = dialogue().answer("What time is it?")
    assert isinstance(answer, CallTool)
    assert answer.tell(result)


def test_without_a_clock_tool_it_cannot_know() -> None:
    answer = Dialogue({}).answer("What time is it?")
    assert isinstance(answer, Say)
    assert "cannot know" in answer.text


@pytest.mark.parametrize(
    ("heard", "call"),
    [
        ("What's the weather in Paris?", ("weather", {"city": "Paris"})),
        ("Weather in New York, please.", ("weather", {"city": "New York"})),
        ("What is the weather like in London today?", ("weather", {"city": "London"})),
        ("Turn on the light.", ("switchLight", {"state": "on"})),
        ("Please switch off the lights", ("switchLight", {"state": "off"})),
        ("Is the door locked?", ("get_door_state", {})),
    ],
)
def test_a_tool_that_the_words_name_is_called(heard: str, call: tuple[str, dict[str, object]]) -> None:
    assert called(heard) == call


def test_a_tool_that_needs_more_than_one_text_is_never_called() -> None:
    assert said("Set the heating.").startswith("I heard")


def test_a_missing_argument_is_asked_for_and_taken_from_the_next_words() -> None:
    talk = dialogue()
    question = talk.answer("What's the weather?")
    assert isinstance(question, Say)
    talk.remember(question, question.text)
    call = talk.answer("Paris, please.")
    assert isinstance(call, CallTool)
    assert call.arguments == {"city": "Paris"}


def test_a_prepared_answer_that_is_dropped_leaves_no_trace() -> None:
    talk = dialogue()
    talk.answer("What's the weather?")
    assert isinstance(talk.answer("Paris, please."), Say)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"city": "Paris", "temperature_c": 21, "sky": "sunny"},
         "Weather: city Paris, temperature 21 degrees Celsius, sky sunny."),
        ({"summary": "Sunny all day"}, "Sunny all day."),
        ({"error": "no such city"}, "The weather did not work: no such city."),
        ("21 degrees", "21 degrees."),
        ({"days": [{"sky": "sunny"}, {"sky": "grey"}]}, "Weather: days sky sunny, sky grey."),
        (None, "Done."),
    ],
)  # fmt: skip
def test_any_result_is_put_into_words(result: object, told: str) -> None:
    answer = dialogue().answer("What's the weather in Paris?")
    assert isinstance(answer, CallTool)
    assert answer.tell(result) == told


def test_a_forced_tool_is_called_whatever_was_said() -> None:
    answer = dialogue(tool_choice="tool:weather").answer("Hello in Rome")
    assert isinstance(answer, CallTool)
    assert answer.arguments == {"city": "Rome"}


def test_it_says_again_what_it_said() -> None:
    talk = dialogue(history=[("USER", "hi"), ("ASSISTANT", "Hello from before.")])
    assert talk.answer("Say that again.") == Say(text="Hello from before.")
    talk.remember(Say(text="New."), "New.")
    assert talk.answer("Please repeat that.") == Say(text="New.")


def test_its_name_comes_from_the_system_prompt() -> None:
    answer = dialogue(system_prompt="You are kind. Your name is Ada.").answer("Who are you?")
    assert isinstance(answer, Say)
    assert "Ada" in answer.text


@pytest.mark.parametrize("heard", ["?", "...", "\n", "(" * 2000, "say", "repeat", "count to", "time " * 500])
def test_any_text_gets_an_answer(heard: str) -> None:
    assert dialogue().answer(heard) is not None
