"""The settings of one call's model: what a page may wish, what the application may change, and what is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.call.pages import calling, with_model

from sonicrtc.call import Call
from sonicrtc.config import Config, ServerConfig, SonicConfig
from sonicrtc.errors import ConfigError, SonicClosedError, SonicError
from sonicrtc.events import ErrorEvent, ModelEvent, SessionEvent, Settings, SettingsMessage, TranscriptEvent, encode
from sonicrtc.sonic.protocol import AssistantText, Recovering, StreamChanged, ToolRequest, UserText
from sonicrtc.tools.registry import ToolRegistry
from sonicrtc.tuning import Tuning

OPEN = Config(server=ServerConfig(allow_settings=("voice", "language", "temperature")))


def not_reached(config: SonicConfig) -> None:
    raise AssertionError("a wish that cannot be granted is not used")


def refuse(config: SonicConfig) -> None:
    raise ConfigError("refused")


def introduced(tuning: Tuning) -> SessionEvent:
    (session,) = tuning.introduce("c")
    assert isinstance(session, SessionEvent)
    return session


def test_a_wish_changes_what_is_wished_and_nothing_else() -> None:
    config = SonicConfig(instructions="Be brief.", language="fr-FR")
    tuning = Tuning(config, ("voice", "language"))
    used: list[SonicConfig] = []
    tuning.wish(Settings(voice="amy", language=""), used.append)
    assert used == [tuning.next] == [SonicConfig(instructions="Be brief.", voice="amy")]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Settings(instructions="You are rude."), "this page may change voice, language, not instructions"),
        (Settings(voice="amy", max_tokens=5), "not max_tokens"),
        (Settings(voice="nobody"), "voice: expected one of matthew"),
        (Settings(voice="amy", language="fr-FR"), "fr-FR is spoken by"),
    ],
)
def test_a_wish_that_cannot_be_granted_changes_nothing(wish: Settings, told: str) -> None:
    tuning = Tuning(SonicConfig(), ("voice", "language"))
    with pytest.raises(ConfigError, match=told):
        tuning.wish(wish, not_reached)
    assert tuning.next == SonicConfig()


def test_what_the_session_refuses_changes_nothing() -> None:
    tuning = Tuning(SonicConfig())
    with pytest.raises(ConfigError, match="refused"):
        tuning.change({"tool_choice": "map"}, refuse)
    assert tuning.next == SonicConfig()


def test_wishes_add_up() -> None:
    tuning = Tuning(SonicConfig(), ("voice", "temperature"))
    for settings in (Settings(voice="amy"), Settings(temperature=0.1)):
        tuning.wish(settings, lambda config: None)
    assert tuning.next == SonicConfig(voice="amy", temperature=0.1)


def test_without_a_model_there_is_nothing_to_set() -> None:
    tuning = Tuning(None, ("voice",))
    with pytest.raises(SonicError, match="no model"):
        tuning.wish(Settings(voice="amy"), not_reached)
    with pytest.raises(SonicError, match="no model"):
        tuning.change({"voice": "amy"}, not_reached)
    assert introduced(tuning).may_change == ()


def test_a_voice_tells_its_language_unless_it_follows_the_speaker() -> None:
    told = [introduced(Tuning(SonicConfig(voice=voice))).language for voice in ("lupe", "arjun", "tiffany")]
    assert told == ["es-US", "en-IN", ""]
    assert introduced(Tuning(SonicConfig(voice="tiffany", language="it-IT"))).language == "it-IT"


async def test_the_page_is_told_what_it_can_choose_from() -> None:
    async with with_model(Config(sonic=SonicConfig(greeting="Hello!"))) as (calls, _), calling(calls) as page:
        session = await page.until(SessionEvent)
    assert (session.voice, session.language, session.may_change, session.greets) == (
        "matthew", "", ("voice", "language"), True,
    )  # fmt: skip
    assert [voice.name for voice in session.voices if "fr-FR" in voice.languages] == ["ambre", "florian"]
    assert ("fr-FR", "French") in [(language.code, language.name) for language in session.languages]


async def test_what_the_offer_wishes_holds_from_the_first_stream_on() -> None:
    wish = {"voice": "ambre", "language": "fr-FR"}
    async with with_model(OPEN) as (calls, models), calling(calls, settings=wish) as page:
        session = await page.until(SessionEvent)
        assert (models[0].config.voice, models[0].config.language) == ("ambre", "fr-FR")
        assert (session.voice, session.language) == ("ambre", "fr-FR")
        assert not models[0].changes


@pytest.mark.parametrize(
    ("wish", "code"), [({"voice": "nobody"}, "config"), ({"instructions": "Lie."}, "config"), ("amy", "message")]
)
async def test_an_offer_that_wishes_the_impossible_is_answered_and_told(wish: object, code: str) -> None:
    async with with_model() as (calls, models), calling(calls, settings=wish) as page:
        error = await page.until(ErrorEvent)
        assert error.code == code
        assert isinstance(page.told()[0], SessionEvent)
        assert models[0].config == SonicConfig()


async def test_a_page_changes_voice_and_is_told_when_it_holds() -> None:
    async with with_model(OPEN) as (calls, models), calling(calls) as page:
        await page.until(SessionEvent)
        page.peer.send(encode(SettingsMessage(voice="ambre", temperature=0.2)))
        await models[0].until(lambda: len(models[0].changes) == 1)
        config, tools = models[0].changes[0]
        assert (config.voice, config.temperature, tools) == ("ambre", 0.2, None)
        models[0].say(StreamChanged(number=2, config=config))
        told = await page.until(ModelEvent)
        assert (told.status, told.stream, told.voice, told.language) == ("ready", 2, "ambre", "fr-FR")


async def test_a_page_that_wishes_too_much_is_told_and_nothing_changes() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        await page.until(SessionEvent)
        page.peer.send(encode(SettingsMessage(instructions="Give me a discount.")))
        error = await page.until(ErrorEvent)
        assert error.code == "config"
        assert "may change voice, language, not instructions" in error.message
        assert models[0].changes == []


async def test_in_loopback_a_wish_is_told_to_be_in_vain() -> None:
    async with with_model(Config(server=ServerConfig(loopback=True))) as (calls, _), calling(calls) as page:
        await page.until(SessionEvent)
        page.peer.send(encode(SettingsMessage(voice="amy")))
        assert "no model" in (await page.until(ErrorEvent)).message


async def test_the_application_may_change_everything_and_the_tools() -> None:
    tools = ToolRegistry()
    tools.add(lambda: 1, name="lamp", description="Switch the lamp.")
    tools.add(lambda: 2, name="door", description="Open the door.")
    async with with_model(tools=tools) as (calls, models), calling(calls) as page:
        await page.call.configure(instructions="You are a butler.", voice="amy", top_p=0.5, tools=["door"])
        await page.call.configure(endpointing="HIGH")
        (first, offered), (second, unchanged) = models[0].changes
        assert (first.instructions, first.voice, first.top_p, offered) == ("You are a butler.", "amy", 0.5, ["door"])
        assert (second.voice, second.endpointing, unchanged) == ("amy", "HIGH", None)
        with pytest.raises(ConfigError, match="tools: expected some of lamp, door, got window"):
            await page.call.configure(voice="tina", tools=["window"])
        with pytest.raises(ConfigError, match="temperature"):
            await page.call.configure(temperature=3.0)
        assert len(models[0].changes) == 2


async def test_a_tool_that_is_not_offered_any_more_is_not_run_whoever_asks_for_it() -> None:
    tools, switched = ToolRegistry(), list[object]()
    tools.add(switched.append, name="lamp", description="Switch the lamp.", schema={"type": "object"})
    async with with_model(tools=tools) as (calls, models), calling(calls) as page:
        await page.call.configure(tools=[])
        models[0].say(ToolRequest(tool_use_id="1", name="lamp", arguments={}))
        await models[0].until(lambda: "1" in models[0].results)
        assert "unknown tool" in str(models[0].results["1"])
        assert switched == []


async def test_a_broken_stream_is_told_as_recovering_and_then_as_ready() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        await page.until(SessionEvent)
        models[0].say(Recovering(error=SonicClosedError("the stream was lost")))
        models[0].say(StreamChanged(number=2, config=models[0].config))
        await page.until(ModelEvent, 2)
        assert [(e.status, e.stream, e.code, e.message) for e in page.told(ModelEvent)] == [
            ("recovering", 1, "sonic_closed", "the stream was lost"), ("ready", 2, "", ""),
        ]  # fmt: skip
        assert page.told(ErrorEvent) == []


async def test_what_the_user_said_is_told_again_in_its_turn() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        models[0].say(UserText(text="What dime"))
        models[0].say(UserText(text="What time is it?", again=True))
        await page.until(TranscriptEvent, 2)
        assert {e.turn for e in page.told(TranscriptEvent)} == {1}


async def test_words_that_come_before_the_connection_are_told_behind_the_introduction() -> None:
    async with with_model() as (calls, models):

        async def answer(offer: dict[str, Any], client_id: str | None = None) -> Call:
            call = await calls.answer(offer, client_id)
            models[0].say(AssistantText(text="Hello!", stage="speculative", content_id="t"))
            return call

        async with calling(SimpleNamespace(answer=answer)) as page:
            await page.until(TranscriptEvent)
            assert [type(event) for event in page.told()] == [SessionEvent, TranscriptEvent]
