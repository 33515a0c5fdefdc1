"""Every schema accepts what the documents show and refuses what they rule out."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.local_sonic import sdk

from sonicrtc.local.sonic.shapes import INPUT_EVENTS, OUTPUT_EVENTS, audio_flaw, flaw, validator

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

IDS = {"sessionId": "s", "promptName": "p", "completionId": "c"}
CONTENT = IDS | {"contentId": "i"}
COUNTS = {"input": {"speechTokens": 1, "textTokens": 0}, "output": {"speechTokens": 2, "textTokens": 3}}


def body(event: dict[str, Any]) -> dict[str, Any]:
    return dict(next(iter(event.values())))


#: A sound body of every event.
SOUND: dict[tuple[str, str], dict[str, Any]] = {
    ("input", "sessionStart"): body(sdk.session_start()),
    ("input", "promptStart"): body(sdk.prompt_start(tools=("clock",))),
    ("input", "contentStart"): body(sdk.audio_start()),
    ("input", "textInput"): body(sdk.text_input("c", "hi")),
    ("input", "audioInput"): body(sdk.audio(b"\0\1")),
    ("input", "toolResult"): body(sdk.tool_result("c", "id", "{}")[1]),
    ("input", "contentEnd"): body(sdk.content_end("c")),
    ("input", "promptEnd"): body(sdk.prompt_end()),
    ("input", "sessionEnd"): {},
    ("output", "completionStart"): IDS,
    ("output", "contentStart"): CONTENT
    | {
        "type": "TEXT",
        "role": "USER",
        "additionalModelFields": '{"generationStage":"FINAL"}',
        "textOutputConfiguration": sdk.TEXT_PLAIN,
    },
    ("output", "textOutput"): CONTENT | {"content": "hi", "role": "USER"},
    ("output", "audioOutput"): CONTENT | {"content": "AAE="},
    ("output", "toolUse"): CONTENT | {"content": "{}", "toolName": "clock", "toolUseId": "t"},
    ("output", "contentEnd"): CONTENT | {"type": "TEXT", "stopReason": "END_TURN"},
    ("output", "completionEnd"): IDS | {"stopReason": "END_TURN"},
    ("output", "usageEvent"): IDS
    | {"details": {"delta": COUNTS, "total": COUNTS}, "totalInputTokens": 1, "totalOutputTokens": 5, "totalTokens": 6},
}
REMOVE = object()

#: direction, event, path into the body, new value, what the flaw says
FLAWED: list[tuple[str, str, str, Any, str]] = [
    ("input", "sessionStart", "inferenceConfiguration.maxTokens", 10001, "maximum is 10000"),
    ("input", "sessionStart", "inferenceConfiguration.maxTokens", "1024", "expected integer"),
    ("input", "sessionStart", "inferenceConfiguration.topP", 1.5, "maximum is 1"),
    ("input", "sessionStart", "endpointingSensitivity", "HIGH", "does not belong here"),
    ("input", "sessionStart", "inferenceConfiguration.endpointingSensitivity", "HIGH", "does not belong here"),
    ("input", "sessionStart", "turnDetectionConfiguration.endpointingSensitivity", "high", "one of HIGH, MEDIUM, LOW"),
    ("input", "promptStart", "turnDetectionConfiguration", {}, "does not belong here"),
    ("input", "promptStart", "promptName", "", "minLength is 1"),
    ("input", "promptStart", "audioOutputConfiguration.sampleRateHertz", 48000, "one of 8000, 16000, 24000"),
    ("input", "promptStart", "audioOutputConfiguration.voiceId", "", "minLength is 1"),
    ("input", "promptStart", "audioOutputConfiguration.channelCount", 2, "expected 1"),
    ("input", "promptStart", "toolConfiguration.tools.0.toolSpec.inputSchema.json", {}, "expected string"),
    ("input", "promptStart", "toolConfiguration.toolChoice", {"auto": {}, "any": {}}, "toolChoice"),
    ("input", "contentStart", "role", "BOT", "expected one of SYSTEM"),
    ("input", "contentStart", "role", "ASSISTANT", "expected one of USER"),
    ("input", "contentStart", "audioInputConfiguration", REMOVE, "'audioInputConfiguration' is missing"),
    ("input", "contentStart", "audioInputConfiguration.sampleRateHertz", 44100, "one of 8000, 16000, 24000"),
    ("input", "contentStart", "audioInputConfiguration.mediaType", "audio/wav", "expected 'audio/lpcm'"),
    ("input", "contentStart", "type", "TEXT", "is missing"),
    ("input", "contentStart", "interactive", "true", "expected boolean"),
    ("input", "textInput", "content", {"text": "hi"}, "expected string"),
    ("input", "audioInput", "content", "not base64!", "pattern"),
    ("input", "toolResult", "content", {"time": "noon"}, "expected string"),
    ("input", "contentEnd", "contentName", REMOVE, "'contentName' is missing"),
    ("input", "promptEnd", "promptName", REMOVE, "'promptName' is missing"),
    ("output", "completionStart", "sessionId", REMOVE, "'sessionId' is missing"),
    ("output", "contentStart", "additionalModelFields", {"generationStage": "FINAL"}, "expected one of"),
    ("output", "textOutput", "role", "SYSTEM", "expected one of USER, ASSISTANT"),
    ("output", "audioOutput", "content", "a", "pattern"),
    ("output", "toolUse", "content", {}, "expected string"),
    ("output", "contentEnd", "stopReason", "DONE", "expected one of PARTIAL_TURN"),
    ("output", "completionEnd", "stopReason", REMOVE, "'stopReason' is missing"),
    ("output", "usageEvent", "details.total", REMOVE, "'total' is missing"),
]


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(document)
    *parents, last = path.split(".")
    at: Any = document
    for part in parents:
        at = at[int(part)] if isinstance(at, list) else at[part]
    if value is REMOVE:
        del at[last]
    else:
        at[last] = value
    return document


@pytest.mark.parametrize(("direction", "event"), SOUND)
def test_a_documented_event_is_accepted(direction: str, event: str) -> None:
    assert flaw(direction, event, SOUND[direction, event]) is None


@pytest.mark.parametrize(("direction", "event"), SOUND)
def test_a_field_that_is_not_documented_is_ignored(direction: str, event: str) -> None:
    assert flaw(direction, event, {**SOUND[direction, event], "futureField": 1}) is None


@pytest.mark.parametrize(("direction", "event", "path", "value", "says"), FLAWED)
def test_an_event_that_breaks_the_documents_is_refused(
    direction: str, event: str, path: str, value: Any, says: str
) -> None:
    said = flaw(direction, event, changed(SOUND[direction, event], path, value))
    assert said is not None
    assert says in said


def test_every_event_has_both_kinds_of_test() -> None:
    events = {("input", name) for name in INPUT_EVENTS} | {("output", name) for name in OUTPUT_EVENTS}
    assert SOUND.keys() == events
    assert {(direction, event) for direction, event, *_ in FLAWED} == events - {("input", "sessionEnd")}
    assert flaw("input", "sessionEnd", []) == "sessionEnd: expected object"


def test_every_schema_names_its_page() -> None:
    for direction, events in (("input", INPUT_EVENTS), ("output", OUTPUT_EVENTS)):
        for event in events:
            schema = validator(direction, event).schema
            assert isinstance(schema, dict)
            assert "page sonic-" in schema["$comment"]
            assert schema["title"] == event


def test_a_flaw_never_repeats_what_was_sent() -> None:
    for direction, event, path, _, _ in FLAWED:
        said = flaw(direction, event, changed(SOUND[direction, event], path, "my secret"))
        assert "my secret" not in (said or "")


NAMES = st.sampled_from(["", "p", "é", None, 7])
BASE64_LIKE = st.text(alphabet="AQgw09+/=-_ \n", max_size=9)
BODIES = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"promptName": NAMES, "contentName": NAMES, "content": st.one_of(NAMES, BASE64_LIKE)}
    ),
    st.fixed_dictionaries({"promptName": st.just("p"), "contentName": st.just("c"), "content": BASE64_LIKE}),
    st.lists(st.integers(), max_size=2),
    st.none(),
)


@patient
@given(BODIES)
def test_the_fast_check_of_audio_agrees_with_its_schema(document: Any) -> None:
    assert (audio_flaw(document) is None) == (flaw("input", "audioInput", document) is None), json.dumps(document)
