"""The machine by bytes and events: no loop, no socket, no clock."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonicrtc.config import SonicConfig
from sonicrtc.errors import SonicClosedError, SonicProtocolError
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.protocol import Failed, Phase, SonicProtocol
from sonicrtc.sonic.wire import ToolSpec

CONFIG = SonicConfig(instructions="Be kind.", temperature=0.5)
TOOL = ToolSpec(name="time", description="Tell the time.", input_schema={"type": "object"})


def machine(**options: Any) -> SonicProtocol:
    count = itertools.count(1)
    return SonicProtocol(CONFIG, new_name=lambda: f"n{next(count)}", **options)


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
    subject.send_tool_result("use-1", {"time": "3:45 PM"})
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


def test_a_turn_without_final_text_ends_when_the_user_speaks_again() -> None:
    subject = opened()
    start(subject, "au", "AUDIO", "ASSISTANT")
    told(subject, contentEnd={"contentId": "au", "type": "AUDIO", "stopReason": "END_TURN"})
    assert start(subject, "u", "TEXT", "USER", "FINAL") == [said.TurnEnded(stop_reason="END_TURN")]
    assert told(subject, completionEnd={"stopReason": "END_TURN"}) == []


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


def test_a_tool_call_without_arguments_has_none() -> None:
    subject = opened(tools=[TOOL])
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "u", "content": ""})
    assert told(subject, contentEnd={"contentId": "t", "stopReason": "TOOL_USE"}) == [
        said.ToolRequest(tool_use_id="u", name="time", arguments={})
    ]


@pytest.mark.parametrize("content", ["[1,2]", "Ulm", "{", "7"])
def test_arguments_that_are_no_object_are_sent_back_to_the_model(content: str) -> None:
    subject = opened(tools=[TOOL])
    told(subject, toolUse={"contentId": "t", "toolName": "time", "toolUseId": "u", "content": content})
    assert told(subject, contentEnd={"contentId": "t", "stopReason": "TOOL_USE"}) == []
    assert "expected a JSON object" in sent(subject)[1]["toolResult"]["content"]


def test_usage_is_told_in_totals() -> None:
    totals = {"input": {"speechTokens": 5, "textTokens": 1}, "output": {"speechTokens": 9, "textTokens": 2}}
    assert told(opened(), usageEvent={"totalTokens": 17, "details": {"delta": {}, "total": totals}}) == [
        said.UsageReported(input_speech_tokens=5, input_text_tokens=1, output_speech_tokens=9, output_text_tokens=2)
    ]


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


# --- whatever comes -------------------------------------------------------------------------------

IDS = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {
            "contentStart": st.fixed_dictionaries(
                {
                    "contentId": IDS,
                    "type": st.sampled_from(["TEXT", "AUDIO", "TOOL"]),
                    "role": st.sampled_from(["USER", "ASSISTANT", "TOOL"]),
                    "additionalModelFields": st.sampled_from(['{"generationStage":"SPECULATIVE"}', "{}", "nonsense"]),
                }
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "textOutput": st.fixed_dictionaries(
                {
                    "contentId": IDS,
                    "content": st.sampled_from(["hello", '{ "interrupted" : true }', "{", ""]),
                    "role": st.sampled_from(["USER", "ASSISTANT"]),
                }
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "audioOutput": st.fixed_dictionaries(
                {"contentId": IDS, "content": st.sampled_from(["AAE=", "", "AAEC", "?"])}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "toolUse": st.fixed_dictionaries(
                {"contentId": IDS, "toolName": st.just("time"), "toolUseId": IDS, "content": st.text(max_size=6)}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "contentEnd": st.fixed_dictionaries(
                {
                    "contentId": IDS,
                    "stopReason": st.sampled_from(["PARTIAL_TURN", "END_TURN", "INTERRUPTED", "TOOL_USE", "NEW"]),
                }
            )
        }
    ),
    st.dictionaries(st.sampled_from(["completionStart", "completionEnd", "usageEvent", "later"]), JSON, max_size=1),
)


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_fail_by_name(data: bytes) -> None:
    subject = opened()
    subject.receive(data)
    assert subject.state is Phase.OPEN or (
        isinstance(subject.state, Failed) and isinstance(subject.state.error, SonicProtocolError)
    )


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=12), st.sampled_from([Phase.OPEN, Phase.CLOSING]))
def test_any_order_of_events_ends_in_a_named_state(events: list[dict[str, Any]], phase: Phase) -> None:
    subject = opened(tools=[TOOL])
    if phase is Phase.CLOSING:
        subject.close()
    turns, interruptions = 0, 0
    for event in events:
        for heard in told(subject, **event):
            assert isinstance(heard, said.SonicEvent)
            turns += isinstance(heard, said.TurnEnded)
            interruptions += isinstance(heard, said.Interrupted)
    assert subject.state is phase or (
        isinstance(subject.state, Failed) and isinstance(subject.state.error, SonicProtocolError)
    )
    assert turns <= len(events)
    assert interruptions <= len(events)
