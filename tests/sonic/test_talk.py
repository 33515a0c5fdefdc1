"""What goes on in a conversation, and what the next stream is given of it."""

from __future__ import annotations

import pytest

from sonicrtc.config import SonicConfig
from sonicrtc.errors import SonicClosedError
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.protocol import CONTINUE, SonicEvent
from sonicrtc.sonic.talk import Seed, Talk

CONFIG = SonicConfig()
CHUNK = b"\1\0" * 512  # 32 ms
SECOND = bytes(48_000)  # of the model's audio


class Told:
    """A conversation on a clock that the test moves."""

    def __init__(self) -> None:
        self.talk = Talk()
        self.now_s = 100.0
        self.stream = 0
        self.seed()

    def seed(self, *, broken: bool = False) -> Seed:
        self.stream += 1
        return self.talk.seed(CONFIG, stream=self.stream, broken=broken, now_s=self.now_s)

    def speak(self, seconds: float, *, voiced: bool = True) -> None:
        for _ in range(int(seconds / 0.032)):
            self.now_s += 0.032
            self.talk.hear(CHUNK, voiced=voiced, now_s=self.now_s)
            if voiced:
                self.talk.sent_voice(self.now_s)

    def hear(self, *events: SonicEvent, stream: int | None = None) -> list[SonicEvent]:
        number = self.stream if stream is None else stream
        sent = self.talk.tape.end
        return [t for e in events for t in self.talk.take(e, stream=number, sent=sent, now_s=self.now_s)]

    def ask(self, text: str = "hello") -> None:
        self.speak(1)
        self.speak(2, voiced=False)
        self.hear(said.UserText(text=text))

    def answer(self, text: str = "Hi.", seconds: int = 1) -> None:
        self.hear(announced(text), said.AudioChunk(pcm=SECOND * seconds, content_id="a"))


def announced(text: str) -> said.AssistantText:
    return said.AssistantText(text=text, stage="speculative", content_id="t")


def final(text: str) -> said.AssistantText:
    return said.AssistantText(text=text, stage="final", content_id="f")


ENDED = said.TurnEnded(stop_reason="END_TURN")
TOOL = said.ToolRequest(tool_use_id="u", name="weather", arguments={})


def lines(seed: Seed) -> list[str]:
    return [message.text for message in seed.history]


def test_a_conversation_that_is_answered_leaves_nothing_to_repeat() -> None:
    told = Told()
    told.ask("what time is it")
    told.answer("It is five.")
    told.hear(final("It is 5."), ENDED)
    told.now_s += 2
    seed = told.seed()
    assert lines(seed) == ["what time is it", "It is 5."]
    assert (seed.texts, seed.replay_from) == ((), told.talk.tape.end)
    assert told.talk.scene(told.now_s).is_gap


def test_what_the_model_did_not_even_hear_is_heard_again() -> None:
    told = Told()
    told.speak(1, voiced=False)
    told.speak(1)
    seed = told.seed(broken=True)
    assert (seed.history, seed.texts) == ((), ())
    assert seed.replay_from == pytest.approx(0.7 * 16_000, abs=1024)


def test_what_it_heard_and_did_not_answer_is_heard_again_and_told_as_the_same() -> None:
    told = Told()
    told.ask("turn on")
    seed = told.seed(broken=True)
    assert (lines(seed), seed.replay_from) == ([], 0)
    (again,) = told.hear(said.UserText(text="turn on the light"))
    assert again == said.UserText(text="turn on the light", again=True)
    assert [m.text for m in told.talk.history] == ["turn on the light"]
    told.answer()
    (next_text,) = told.hear(said.UserText(text="thanks"))
    assert next_text == said.UserText(text="thanks")


def test_two_utterances_that_were_not_answered_may_be_understood_as_one() -> None:
    told = Told()
    told.ask("turn off")
    told.ask("the light")
    seed = told.seed(broken=True)
    assert (lines(seed), seed.replay_from) == ([], 0)
    told.hear(said.UserText(text="turn off the light"))
    assert [m.text for m in told.talk.history] == ["turn off the light"]


def test_what_was_typed_is_told_to_the_next_stream_although_what_was_said_after_it_is_heard_again() -> None:
    told = Told()
    told.talk.send_text("my name is Ada", typed=True)
    told.ask("who am I")
    seed = told.seed(broken=True)
    assert (lines(seed), seed.texts) == (["my name is Ada"], ())


def test_words_whose_audio_has_left_the_tape_are_sent_as_text() -> None:
    told = Told()
    told.ask("a long story")
    told.speak(15, voiced=False)
    seed = told.seed(broken=True)
    assert (lines(seed), seed.texts) == ([], ("a long story",))
    assert told.hear(said.UserText(text="and more")) == [said.UserText(text="and more")]


def test_an_answer_that_broke_off_is_to_be_finished() -> None:
    told = Told()
    told.ask()
    told.answer("Once upon a time")
    seed = told.seed(broken=True)
    assert lines(seed) == ["hello", "Once upon a"]  # in one second
    assert seed.texts == (CONTINUE,)
    assert not told.talk.turn_open


def test_the_rest_of_an_answer_is_asked_for_until_it_comes() -> None:
    told = Told()
    told.ask()
    told.answer("Once upon a time")
    told.seed(broken=True)
    assert told.talk.scene(told.now_s).awaited
    assert told.seed(broken=True).texts == told.seed().texts == (CONTINUE,)
    told.hear(announced("there was a king."), ENDED)
    assert told.seed(broken=True).texts == ()


def test_the_rest_of_an_answer_does_not_silence_its_beginning() -> None:
    told = Told()
    told.ask()
    told.answer("Once upon a time", seconds=9)
    told.seed(broken=True)
    assert told.hear(announced("there was a king.")) == [announced("there was a king.")]
    assert told.hear(said.UserText(text="wait")) == [said.UserText(text="wait")]


def test_an_answer_that_another_stream_is_still_giving_is_not() -> None:
    told = Told()
    told.ask()
    told.answer("Once upon a time")
    assert told.seed().texts == ()
    told.hear(announced("there was a king."), stream=1)
    assert told.talk.turn_open
    assert [m.text for m in told.talk.history] == ["hello", "Once upon a time there was a king."]


def test_an_older_streams_last_words_answer_nothing_that_the_newer_one_was_asked() -> None:
    told = Told()
    told.answer("Long ago")
    told.seed()
    told.talk.send_text("stop", typed=True)
    told.speak(1)
    told.hear(announced("in a land"), said.ToolRequest(tool_use_id="v", name="map", arguments={}), stream=1)
    assert told.talk.tape.unheard_ms > 900
    assert told.seed().texts == ("stop",)


@pytest.mark.parametrize("event", [said.UserText(text="wait"), announced("Yes?")])
def test_a_newer_stream_silences_what_an_older_one_left_to_be_played(event: SonicEvent) -> None:
    told = Told()
    told.ask()
    told.answer(seconds=20)
    told.hear(ENDED)
    told.seed()
    assert told.hear(event) == [said.Interrupted(), event]
    assert told.hear(event) == [event]


def test_typed_text_enters_the_conversation_where_the_model_takes_it_up() -> None:
    told = Told()
    told.talk.send_text("hello", typed=True)
    told.talk.send_text("(speak slowly)", typed=False)
    assert told.talk.scene(told.now_s).awaited
    assert told.seed(broken=True).texts == ("hello", "(speak slowly)")
    told.answer("Hi.")
    assert [m.text for m in told.talk.history] == ["hello", "Hi."]
    assert not told.talk.scene(told.now_s).awaited


def test_typed_text_that_the_model_repeats_was_said_once() -> None:
    told = Told()
    told.talk.send_text("hello", typed=True)
    echo = said.UserText(text=" hello")
    assert told.hear(echo) == [echo]
    assert told.seed(broken=True).texts == ("hello",)
    assert told.hear(echo) == [said.UserText(text=" hello", again=True)]
    told.answer("Hi.")
    assert [m.text for m in told.talk.history] == ["hello", "Hi."]


def test_what_we_told_the_model_to_say_was_not_said_by_the_user() -> None:
    told = Told()
    told.talk.send_text("(say hello)", typed=False)
    assert told.hear(said.UserText(text="(say hello)")) == []
    told.answer("Hello.")
    assert [m.text for m in told.talk.history] == ["Hello."]


def test_a_tools_result_goes_to_who_asked() -> None:
    told = Told()
    told.ask()
    told.hear(TOOL)
    assert told.talk.scene(told.now_s).awaited
    assert told.talk.tool_result("u", {"sky": "clear"}, stream=1) is None


def test_a_late_result_is_told_to_another_stream_in_words() -> None:
    told = Told()
    told.ask()
    told.hear(TOOL)
    told.seed(broken=True)
    assert told.talk.tool_result("u", {"sky": "clear"}, stream=2) == (
        'The tool weather, called before, returned: {"sky": "clear"}'
    )


def test_a_result_that_was_not_answered_is_told_again() -> None:
    told = Told()
    told.ask()
    told.hear(TOOL)
    told.talk.tool_result("u", 21, stream=1)
    seed = told.seed(broken=True)
    assert lines(seed) == ["hello"]
    assert seed.texts == ("The tool weather, called before, returned: 21",)


def test_a_request_whose_tool_was_called_is_not_repeated() -> None:
    told = Told()
    told.ask("switch on the light")
    told.hear(TOOL)
    assert told.seed(broken=True).replay_from == told.talk.tape.end


def test_the_agent_speaks_until_its_last_sample_was_due() -> None:
    told = Told()
    told.answer(seconds=3)
    told.hear(ENDED)
    assert told.talk.voice_until_s == told.now_s + 3
    told.now_s += 2.9
    assert told.talk.agent_speaks(told.now_s)
    told.now_s += 0.2
    assert not told.talk.agent_speaks(told.now_s)


@pytest.mark.parametrize(("stop_reason", "is_open"), [("END_TURN", False), ("PARTIAL_TURN", True)])
def test_an_answer_is_over_with_its_last_audio(stop_reason: str, is_open: bool) -> None:
    told = Told()
    told.answer()
    told.hear(said.AudioEnded(content_id="a", stop_reason=stop_reason))
    assert told.talk.turn_open is is_open


def test_an_interruption_silences_it_and_what_was_flushed_was_not_said() -> None:
    told = Told()
    told.ask()
    told.answer("One two three four.", seconds=2)
    told.hear(said.Interrupted(), ENDED)
    told.talk.flushed(24_000, told.now_s)
    assert not told.talk.agent_speaks(told.now_s)
    assert lines(told.seed()) == ["hello", "One two"]


def test_tokens_are_counted_over_all_streams() -> None:
    told = Told()
    usage = said.UsageReported(input_speech_tokens=10, output_text_tokens=3)
    told.hear(usage)
    told.seed()
    assert told.hear(usage) == [said.UsageReported(input_speech_tokens=20, output_text_tokens=6)]


def test_other_events_pass() -> None:
    told = Told()
    event = said.UnknownReceived(kind="news", payload=1)
    assert told.hear(event) == [event]
    assert told.talk.seed(CONFIG, stream=9, broken=False, now_s=0).history == ()
    assert said.Recovering(error=SonicClosedError("x")).error.code == "sonic_closed"


# --- a model that says nothing --------------------------------------------------------------------


def test_a_model_that_was_not_spoken_to_may_be_silent() -> None:
    told = Told()
    told.speak(0.2)
    assert told.talk.ignored_at_s(8) is None


def test_a_model_that_ignores_speech_is_noticed_once() -> None:
    told = Told()
    told.speak(1)
    spoke_until_s = told.now_s
    told.speak(3, voiced=False)
    assert told.talk.ignored_at_s(8) == spoke_until_s + 8
    assert told.talk.ignored_at_s(0) is None
    told.talk.stop_watching()
    assert told.talk.ignored_at_s(8) is None
    told.hear(said.UserText(text="hello"))
    assert told.talk.ignored_at_s(8) == told.now_s + 8


def test_a_text_that_is_not_answered_is_noticed_too() -> None:
    told = Told()
    told.talk.send_text("hello", typed=True)
    assert told.talk.ignored_at_s(8) == told.now_s + 8


def test_a_model_that_waits_for_a_tool_is_not_silent() -> None:
    told = Told()
    told.ask()
    told.hear(TOOL)
    told.speak(1)
    assert told.talk.ignored_at_s(8) is None


def test_a_model_that_fell_silent_while_it_spoke_is_noticed_when_what_it_sent_was_heard() -> None:
    told = Told()
    told.ask()
    told.answer(seconds=5)
    assert told.talk.ignored_at_s(8) == told.now_s + 5 + 8
    told.speak(1)
    assert told.talk.ignored_at_s(8) == pytest.approx(told.now_s + 4 + 8, abs=0.1)
    told.hear(ENDED)
    told.talk.tape.heard(told.talk.tape.end + 16_000)
    told.talk.tape.answered()
    assert told.talk.ignored_at_s(8) is None


def test_a_model_that_does_not_go_on_with_its_answer_is_silent() -> None:
    told = Told()
    told.answer(seconds=0)
    told.seed(broken=True)
    assert told.talk.ignored_at_s(8) == told.now_s + 8
