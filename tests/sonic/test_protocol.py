"""The machine by bytes and events: no loop, no socket, no clock."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from sonicrtc.config import SonicConfig
from sonicrtc.errors import ConfigError, SonicClosedError, SonicProtocolError
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.protocol import Failed, Phase, SonicProtocol
from sonicrtc.sonic.wire import ToolSpec

CONFIG = SonicConfig(instructions="Be kind.", temperature=0.5)
TOOL = ToolSpec(name="time", description="Tell the time.", input_schema={"type": "object"})


def machine(config: SonicConfig = CONFIG, **options: Any) -> SonicProtocol:
    count = itertools.count(1)
    return SonicProtocol(config, new_name=lambda: f"n{next(count)}", **options)


def opened(**options: Any) -> SonicProtocol:
    subject = machine(**options)
    subject.start()
    subject.begin()
    subject.take_outgoing()
    return subject


def sent(subject: SonicProtocol) -> list[dict[str, Any]]:
    return [json.loads(event)["event"] for events in subject.take_outgoing() for event in events]


def kinds(subject: SonicProtocol) -> list[str]:
    return [next(iter(event)) for event in sent(subject)]


def told(subject: SonicProtocol, **event: Any) -> list[said.SonicEvent]:
    return subject.receive(json.dumps({"event": event}).encode())


def start(
    subject: SonicProtocol, content_id: str, kind: str, role: str, stage: str | None = None
) -> list[said.SonicEvent]:
    fields = {"additionalModelFields": json.dumps({"generationStage": stage})} if stage else {}
    return told(subject, contentStart={"contentId": content_id, "type": kind, "role": role, **fields})


def text(
    subject: SonicProtocol, content_id: str, content: str, role: str, stage: str, stop: str = "PARTIAL_TURN"
) -> list[said.SonicEvent]:
    events = start(subject, content_id, "TEXT", role, stage)
    events += told(subject, textOutput={"contentId": content_id, "content": content, "role": role})
    return events + told(subject, contentEnd={"contentId": content_id, "type": "TEXT", "stopReason": stop})


# --- what is sent ---------------------------------------------------------------------------------


def test_a_session_begins_in_the_documented_order() -> None:
    subject = machine()
    subject.start()
    subject.begin()
    events = sent(subject)
    assert events == [
        {
            "sessionStart": {
                "inferenceConfiguration": {"maxTokens": 1024, "topP": 0.9, "temperature": 0.5},
                "turnDetectionConfiguration": {"endpointingSensitivity": "MEDIUM"},
            }
        },
        {
            "promptStart": {
                "promptName": "n1",
                "textOutputConfiguration": {"mediaType": "text/plain"},
                "audioOutputConfiguration": {
                    "mediaType": "audio/lpcm", "sampleRateHertz": 24000, "sampleSizeBits": 16, "channelCount": 1,
                    "voiceId": "matthew", "encoding": "base64", "audioType": "SPEECH",
                },
            }
        },
        {
            "contentStart": {
                "promptName": "n1", "contentName": "n3", "type": "TEXT", "interactive": False, "role": "SYSTEM",
                "textInputConfiguration": {"mediaType": "text/plain"},
            }
        },
        {"textInput": {"promptName": "n1", "contentName": "n3", "content": "Be kind."}},
        {"contentEnd": {"promptName": "n1", "contentName": "n3"}},
        {
            "contentStart": {
                "promptName": "n1", "contentName": "n2", "type": "AUDIO", "interactive": True, "role": "USER",
                "audioInputConfiguration": {
                    "mediaType": "audio/lpcm", "sampleRateHertz": 16000, "sampleSizeBits": 16, "channelCount": 1,
                    "audioType": "SPEECH", "encoding": "base64",
                },
            }
        },
    ]  # fmt: skip


def test_history_stands_between_the_system_prompt_and_audio() -> None:
    subject = machine()
    subject.start()
    subject.begin([Message("USER", "hi"), Message("ASSISTANT", "hello")])
    starts = [event["contentStart"] for event in sent(subject) if "contentStart" in event]
    assert [(s["role"], s["type"], s["interactive"]) for s in starts] == [
        ("SYSTEM", "TEXT", False),
        ("USER", "TEXT", False),
        ("ASSISTANT", "TEXT", False),
        ("USER", "AUDIO", True),
    ]


def test_tools_are_declared_with_their_schema_as_a_string() -> None:
    subject = machine(tools=[TOOL])
    subject.start()
    prompt = sent(subject)[1]["promptStart"]
    assert prompt["toolUseOutputConfiguration"] == {"mediaType": "application/json"}
    assert prompt["toolConfiguration"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "time",
                    "description": "Tell the time.",
                    "inputSchema": {"json": '{"type":"object"}'},
                }
            }
        ],
        "toolChoice": {"auto": {}},
    }


def test_a_typed_text_is_one_batch_so_that_no_audio_comes_between() -> None:
    subject = opened()
    subject.send_text("hello")
    (batch,) = subject.take_outgoing()
    events = [json.loads(event)["event"] for event in batch]
    assert [next(iter(event)) for event in events] == ["contentStart", "textInput", "contentEnd"]
    assert events[0]["contentStart"]["interactive"] is True


def test_blank_texts_are_not_sent() -> None:
    subject = SonicProtocol(SonicConfig(instructions=" "), new_name=lambda: "n")
    subject.start()
    subject.begin()
    subject.send_text(" \n")
    assert kinds(subject) == ["sessionStart", "promptStart", "contentStart"]


def test_a_tool_result_names_its_request() -> None:
    subject = opened(tools=[TOOL])
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "use-1"})
    assert subject.awaits("use-1")
    subject.send_tool_result("use-1", {"time": "3:45 PM"})
    assert not subject.awaits("use-1")
    begin, result, end = sent(subject)
    assert begin["contentStart"]["toolResultInputConfiguration"] == {
        "toolUseId": "use-1", "type": "TEXT", "textInputConfiguration": {"mediaType": "text/plain"},
    }  # fmt: skip
    assert (begin["contentStart"]["role"], begin["contentStart"]["type"]) == ("TOOL", "TOOL")
    assert result["toolResult"]["content"] == '{"time":"3:45 PM"}'
    assert end["contentEnd"]["contentName"] == begin["contentStart"]["contentName"]


def test_a_session_ends_in_the_documented_order() -> None:
    subject = opened()
    subject.close()
    assert kinds(subject) == ["contentEnd", "promptEnd", "sessionEnd"]
    subject.ended()
    assert subject.state is Phase.CLOSED


def test_an_announcement_asks_for_the_very_words() -> None:
    assert said.announcement("Time is up.") == 'Say exactly this to the user, and nothing else: "Time is up."'


def test_what_is_asked_of_a_closing_session_is_not_answered() -> None:
    subject = opened(tools=[TOOL])
    subject.close()
    subject.take_outgoing()
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "u", "content": "[]"})
    assert told(subject, contentEnd={"contentId": "t", "stopReason": "TOOL_USE"}) == []
    assert subject.take_outgoing() == []


def test_a_tool_request_is_answered_once() -> None:
    subject = opened(tools=[TOOL])
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "use-1"})
    subject.send_tool_result("use-1", {})
    with pytest.raises(RuntimeError, match="a tool request without a result"):
        subject.send_tool_result("use-1", {})


def beginning(config: SonicConfig, history: Sequence[Message] = (), **options: Any) -> list[dict[str, Any]]:
    subject = machine(config, **options)
    subject.start()
    subject.begin(history)
    return sent(subject)


CHOICES = [("auto", {"auto": {}}), ("any", {"any": {}}), ("time", {"tool": {"name": "time"}})]


@pytest.mark.parametrize(("choice", "on_the_wire"), CHOICES)
def test_the_choice_of_tools_is_told(choice: str, on_the_wire: dict[str, Any]) -> None:
    prompt = beginning(SonicConfig(tool_choice=choice), tools=[TOOL])[1]["promptStart"]
    assert prompt["toolConfiguration"]["toolChoice"] == on_the_wire


def test_a_choice_that_the_tools_do_not_offer_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="tool_choice: expected one of auto, any, time, got 'weather'"):
        machine(SonicConfig(tool_choice="weather"), tools=[TOOL])
    with pytest.raises(ConfigError, match="tool_choice: expected 'auto' when there are no tools, got 'any'"):
        machine(SonicConfig(tool_choice="any"))


def test_the_script_of_the_transcripts_is_a_block_of_its_own_as_it_was_written() -> None:
    events = beginning(SonicConfig(speech_script=" Devanagari \n"), history=[Message("USER", "hi")])
    roles = [event["contentStart"]["role"] for event in events if "contentStart" in event]
    texts = [event["textInput"]["content"] for event in events if "textInput" in event]
    assert roles == ["SYSTEM", "SYSTEM_SPEECH", "USER", "USER"]
    assert texts[1:] == [" Devanagari \n", "hi"]


def test_a_long_text_is_one_block_of_several_pieces() -> None:
    history = [Message("USER", "so " * 3000), Message("ASSISTANT", " ")]
    kinds_sent = [next(iter(event)) for event in beginning(SonicConfig(instructions=""), history=history)]
    assert kinds_sent[2:-1] == ["contentStart", "textInput", "textInput", "textInput", "contentEnd"]


LANGUAGES = [
    ("Be kind.", None, "matthew", "Be kind."),
    ("Be kind.", "de-DE", "matthew", "Be kind. Always speak German, whatever language the user speaks."),
    ("", "hi-IN", "kiara", "Always speak Hindi, whatever language the user speaks."),
    ("Sei nett.", "de-DE", "tina", "Sei nett."),
]


@pytest.mark.parametrize(("instructions", "language", "voice", "prompt"), LANGUAGES)
def test_a_voice_of_several_languages_is_told_which(
    instructions: str, language: str | None, voice: str, prompt: str
) -> None:
    assert said.system_prompt(SonicConfig(instructions=instructions, language=language, voice=voice)) == prompt


def test_misuse_of_our_own_raises() -> None:
    subject = machine()
    with pytest.raises(RuntimeError, match="expected a session that is open, got one that is"):
        subject.send_text("too early")
    subject.start()
    with pytest.raises(RuntimeError, match="expected a session that is idle"):
        subject.start()
    with pytest.raises(ValueError, match="must begin with the user"):
        subject.begin([Message("ASSISTANT", "hello")])
    subject.close()
    with pytest.raises(RuntimeError):
        subject.send_tool_result("t", {})


def test_a_prepared_session_that_is_not_needed_ends_without_audio() -> None:
    subject = machine()
    subject.start()
    subject.take_outgoing()
    subject.close()
    assert kinds(subject) == ["promptEnd", "sessionEnd"]


# --- what is received -----------------------------------------------------------------------------


def test_a_turn_is_told_in_order() -> None:
    subject = opened()
    told(subject, completionStart={"sessionId": "s-1", "completionId": "c"})
    events = text(subject, "u", "hello", "USER", "FINAL")
    events += text(subject, "sp", "Hi there.", "ASSISTANT", "SPECULATIVE")
    events += start(subject, "au", "AUDIO", "ASSISTANT")
    events += told(subject, audioOutput={"contentId": "au", "content": "AAECAw=="})
    events += told(subject, contentEnd={"contentId": "au", "type": "AUDIO", "stopReason": "END_TURN"})
    events += text(subject, "fi", "Hi there.", "ASSISTANT", "FINAL", "END_TURN")
    assert events == [
        said.UserText(text="hello"),
        said.AssistantText(text="Hi there.", stage="speculative", content_id="sp"),
        said.AudioChunk(pcm=b"\x00\x01\x02\x03", content_id="au"),
        said.AudioEnded(content_id="au", stop_reason="END_TURN"),
        said.AssistantText(text="Hi there.", stage="final", content_id="fi"),
        said.TurnEnded(stop_reason="END_TURN"),
    ]
    assert subject.session_id == "s-1"


@pytest.mark.parametrize("marker", ['{ "interrupted" : true }', '{"interrupted":true}', ' {"interrupted": true}\n'])
def test_the_interruption_marker_is_json_whatever_its_spaces(marker: str) -> None:
    subject = opened()
    start(subject, "au", "AUDIO", "ASSISTANT")
    events = text(subject, "m", marker, "ASSISTANT", "FINAL", "INTERRUPTED")
    assert events == [said.Interrupted(), said.TurnEnded(stop_reason="INTERRUPTED")]


@pytest.mark.parametrize("words", ["{ and so on", '{"interrupted":false}', "interrupted", '{"interrupted":"true"}'])
def test_other_words_are_words(words: str) -> None:
    subject = opened()
    assert text(subject, "t", words, "ASSISTANT", "FINAL") == [
        said.AssistantText(text=words, stage="final", content_id="t")
    ]


def test_audio_that_comes_behind_the_marker_is_thrown_away_and_the_next_turns_is_not() -> None:
    subject = opened()
    start(subject, "old", "AUDIO", "ASSISTANT")
    text(subject, "m", '{ "interrupted" : true }', "ASSISTANT", "FINAL", "INTERRUPTED")
    assert told(subject, audioOutput={"contentId": "old", "content": "AAE="}) == []
    told(subject, contentEnd={"contentId": "old", "type": "AUDIO", "stopReason": "INTERRUPTED"})
    start(subject, "new", "AUDIO", "ASSISTANT")
    assert told(subject, audioOutput={"contentId": "new", "content": "AAE="}) == [
        said.AudioChunk(pcm=b"\x00\x01", content_id="new")
    ]


def test_an_interruption_after_the_audio_ended_is_still_told() -> None:
    subject = opened()
    start(subject, "au", "AUDIO", "ASSISTANT")
    told(subject, contentEnd={"contentId": "au", "type": "AUDIO", "stopReason": "END_TURN"})
    events = text(subject, "m", '{ "interrupted" : true }', "ASSISTANT", "FINAL", "INTERRUPTED")
    assert events[0] == said.Interrupted()
    assert len([e for e in events if isinstance(e, said.Interrupted)]) == 1


STAGES = [
    ('{"generationStage":"SPECULATIVE"}', "speculative"),
    (' { "generationStage" : " speculative " } ', "speculative"),
    ({"generationStage": "SPECULATIVE"}, "speculative"),
    ('{"generationStage":"FINAL"}', "final"),
    ('{"generationStage":7}', "final"),
    ('["SPECULATIVE"]', "final"),
    ("SPECULATIVE", "final"),
    (7, "final"),
    (None, "final"),
]


@pytest.mark.parametrize(("fields", "stage"), STAGES)
def test_the_stage_is_read_however_it_is_written(fields: object, stage: said.Stage) -> None:
    subject = opened()
    block = {"contentId": "c", "type": "TEXT", "role": "ASSISTANT", "additionalModelFields": fields}
    told(subject, contentStart=block)
    assert told(subject, textOutput={"contentId": "c", "content": "Hi."}) == [
        said.AssistantText(text="Hi.", stage=stage, content_id="c")
    ]


def test_audio_that_an_interrupted_turn_had_promised_is_not_heard() -> None:
    subject = opened()
    for content_id in ("one", "two"):
        text(subject, content_id, "Hi.", "ASSISTANT", "SPECULATIVE")
    start(subject, "first", "AUDIO", "ASSISTANT")
    text(subject, "m", '{ "interrupted" : true }', "ASSISTANT", "FINAL", "INTERRUPTED")
    start(subject, "second", "AUDIO", "ASSISTANT")
    assert told(subject, audioOutput={"contentId": "second", "content": "AAE="}) == []
    start(subject, "next", "AUDIO", "ASSISTANT")
    assert len(told(subject, audioOutput={"contentId": "next", "content": "AAE="})) == 1


def test_an_old_turns_interruption_that_is_told_late_leaves_the_new_turn_alone() -> None:
    subject = opened()
    start(subject, "old", "AUDIO", "ASSISTANT")
    text(subject, "m", '{ "interrupted" : true }', "ASSISTANT", "FINAL", "INTERRUPTED")
    text(subject, "sp", "Well.", "ASSISTANT", "SPECULATIVE")
    start(subject, "new", "AUDIO", "ASSISTANT")
    late = told(subject, contentEnd={"contentId": "old", "type": "AUDIO", "stopReason": "INTERRUPTED"})
    assert late == [said.AudioEnded(content_id="old", stop_reason="INTERRUPTED")]
    assert told(subject, textOutput={"contentId": "m", "content": '{"interrupted":true}'}) == []
    assert len(told(subject, audioOutput={"contentId": "new", "content": "AAE="})) == 1


def test_audio_that_overtakes_its_beginning_belongs_to_one_turn() -> None:
    subject = opened()
    assert len(told(subject, audioOutput={"contentId": "au", "content": "AAE="})) == 1
    start(subject, "au", "AUDIO", "ASSISTANT")
    assert text(subject, "m", '{"interrupted":true}', "ASSISTANT", "FINAL", "INTERRUPTED") == [
        said.Interrupted(),
        said.TurnEnded(stop_reason="INTERRUPTED"),
    ]
    assert told(subject, audioOutput={"contentId": "au", "content": "AAE="}) == []


def test_a_block_that_is_begun_late_or_twice_uses_up_one_promise() -> None:
    subject = opened()
    for content_id in ("one", "two"):
        text(subject, content_id, "Hi.", "ASSISTANT", "SPECULATIVE")
    told(subject, audioOutput={"contentId": "first", "content": "AAE="})
    for _ in range(2):
        start(subject, "first", "AUDIO", "ASSISTANT")
    text(subject, "m", '{"interrupted":true}', "ASSISTANT", "FINAL", "INTERRUPTED")
    start(subject, "second", "AUDIO", "ASSISTANT")
    assert told(subject, audioOutput={"contentId": "second", "content": "AAE="}) == []


def test_a_text_that_begins_twice_promises_one_block() -> None:
    subject = opened()
    for _ in range(2):
        start(subject, "sp", "TEXT", "ASSISTANT", "SPECULATIVE")
    start(subject, "au", "AUDIO", "ASSISTANT")
    text(subject, "m", '{"interrupted":true}', "ASSISTANT", "FINAL", "INTERRUPTED")
    start(subject, "next", "AUDIO", "ASSISTANT")
    assert len(told(subject, audioOutput={"contentId": "next", "content": "AAE="})) == 1


@pytest.mark.parametrize("begins", [True, False])
def test_the_user_is_never_interrupted(begins: bool) -> None:
    subject = opened()
    start(subject, "au", "AUDIO", "ASSISTANT")
    if begins:
        start(subject, "u", "TEXT", "USER", "FINAL")
    told(subject, textOutput={"contentId": "u", "content": "hm", "role": "USER"})
    assert told(subject, contentEnd={"contentId": "u", "type": "TEXT", "stopReason": "INTERRUPTED"}) == []


def test_a_tool_request_that_is_told_twice_is_one() -> None:
    subject = opened(tools=[TOOL])
    events = []
    for content_id in ("a", "b"):
        told(subject, toolUse={"contentId": content_id, "toolName": "time", "toolUseId": "u"})
        events += told(subject, contentEnd={"contentId": content_id, "stopReason": "TOOL_USE"})
    assert events == [said.ToolRequest(tool_use_id="u", name="time", arguments={})]


def test_fields_that_nobody_needs_may_be_missing_or_null() -> None:
    subject = opened()
    told(subject, completionStart={"sessionId": None}, usageEvent={})
    told(subject, contentStart={"contentId": "c", "type": "AUDIO", "role": None})
    assert told(subject, contentEnd={"contentId": "c", "stopReason": None}) == [
        said.AudioEnded(content_id="c", stop_reason="")
    ]
    assert subject.state is Phase.OPEN


def test_a_turn_without_final_text_ends_when_the_user_speaks_again() -> None:
    subject = opened()
    start(subject, "au", "AUDIO", "ASSISTANT")
    told(subject, contentEnd={"contentId": "au", "type": "AUDIO", "stopReason": "END_TURN"})
    assert start(subject, "u", "TEXT", "USER", "FINAL") == [said.TurnEnded(stop_reason="END_TURN")]
    assert told(subject, completionEnd={"stopReason": "END_TURN"}) == []


def test_two_tools_in_one_block_are_both_requested() -> None:
    subject = opened(tools=[TOOL])
    for use in ("one", "two"):
        told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": use})
    assert told(subject, contentEnd={"contentId": "t", "stopReason": "TOOL_USE"}) == [
        said.ToolRequest(tool_use_id=use, name="time", arguments={}) for use in ("one", "two")
    ]


ARGUMENTS = ['{"city":"Ulm"}', json.dumps('{"city":"Ulm"}'), json.dumps(json.dumps('{"city":"Ulm"}'))]


@pytest.mark.parametrize("content", ARGUMENTS)
def test_a_tool_call_is_told_at_its_end_and_its_arguments_are_peeled(content: str) -> None:
    subject = opened(tools=[TOOL])
    start(subject, "t", "TOOL", "TOOL")
    use = {"contentId": "t", "toolName": "weather", "toolUseId": "use-1", "content": content}
    assert told(subject, toolUse=use) == []
    assert told(subject, contentEnd={"contentId": "t", "type": "TOOL", "stopReason": "TOOL_USE"}) == [
        said.ToolRequest(tool_use_id="use-1", name="weather", arguments={"city": "Ulm"})
    ]


@pytest.mark.parametrize("content", [None, "", " ", '""', "null", {}])
def test_no_arguments_are_an_empty_object(content: object) -> None:
    subject = opened(tools=[TOOL])
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "u", "content": content})
    assert told(subject, contentEnd={"contentId": "t", "stopReason": "TOOL_USE"}) == [
        said.ToolRequest(tool_use_id="u", name="time", arguments={})
    ]


@pytest.mark.parametrize("content", ["[1,2]", "Ulm", "{", "7", 7, [1]])
def test_arguments_that_are_no_object_are_sent_back_to_the_model(content: object) -> None:
    subject = opened(tools=[TOOL])
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "u", "content": content})
    assert told(subject, contentEnd={"contentId": "t", "stopReason": "TOOL_USE"}) == []
    assert "expected a JSON object" in sent(subject)[1]["toolResult"]["content"]


def counts(speech_in: int, text_in: int, speech_out: int, text_out: int) -> dict[str, Any]:
    return {
        "input": {"speechTokens": speech_in, "textTokens": text_in},
        "output": {"speechTokens": speech_out, "textTokens": text_out},
    }


USAGES: list[tuple[list[dict[str, Any]], tuple[int, int, int, int]]] = [
    ([{"delta": counts(1, 1, 1, 1), "total": counts(5, 1, 9, 2)}], (5, 1, 9, 2)),
    ([{"total": counts(5, 1, 9, 2)}, {"total": counts(4, 1, 0, 0)}], (5, 1, 9, 2)),
    ([{"delta": counts(5, 1, 9, 2)}, {"delta": counts(1, 0, 0, 3)}], (6, 1, 9, 5)),
    ([{"total": counts(5, 1, 9, 2)}, {"delta": counts(1, 0, 0, 3), "total": counts(6, 1, 9, 5)}], (6, 1, 9, 5)),
]


@pytest.mark.parametrize(("details", "totals"), USAGES)
def test_usage_is_told_in_totals_that_never_shrink(
    details: list[dict[str, Any]], totals: tuple[int, int, int, int]
) -> None:
    subject = opened()
    *_, told_last = [event for each in details for event in told(subject, usageEvent={"details": each})]
    assert isinstance(told_last, said.UsageReported)
    assert totals == (
        told_last.input_speech_tokens, told_last.input_text_tokens,
        told_last.output_speech_tokens, told_last.output_text_tokens,
    )  # fmt: skip


def test_an_unknown_event_is_surfaced() -> None:
    assert told(opened(), userSpeechEnd={"x": 1}) == [said.UnknownReceived(kind="userSpeechEnd", payload={"x": 1})]


def test_a_block_that_never_began_is_taken_for_what_its_event_says() -> None:
    subject = opened()
    assert told(subject, textOutput={"contentId": "x", "content": "hello", "role": "USER"}) == [
        said.UserText(text="hello")
    ]


def test_half_a_sample_fails_the_session() -> None:
    subject = opened()
    assert told(subject, audioOutput={"contentId": "a", "content": "AAEC"}) == []
    assert isinstance(subject.state, Failed)
    assert isinstance(subject.state.error, SonicProtocolError)


def test_an_end_while_open_is_a_loss() -> None:
    subject = opened()
    subject.ended()
    assert isinstance(subject.state, Failed)
    assert isinstance(subject.state.error, SonicClosedError)


def test_after_a_failure_nothing_is_said_and_the_first_error_stays() -> None:
    subject = opened()
    told(subject, audioOutput={"contentId": "a", "content": "AAEC"})
    failure = subject.state
    subject.fail(SonicClosedError("later"))
    assert told(subject, textOutput={"contentId": "x", "content": "hello", "role": "USER"}) == []
    assert subject.state is failure
