"""The order of events, and the clock, without any I/O."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.local_sonic.sdk import (
    AUDIO,
    AUDIO_INPUT,
    MODEL_ID,
    audio,
    audio_start,
    closing,
    content_end,
    content_start,
    opening,
    prompt_end,
    prompt_start,
    session_end,
    session_start,
    text,
    text_input,
    tool_result,
)

from sonicrtc.local.sonic.brain import SessionSetup, ToolResult, UserAudio, UserText
from sonicrtc.local.sonic.referee import (
    AudioOpened,
    Failed,
    InputEnded,
    Limits,
    Outcome,
    PromptEnded,
    Referee,
    SessionEnded,
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

Event = dict[str, Any]
READY = (session_start(), prompt_start())
SYSTEM = text("system", "SYSTEM", "Be brief.")


def judge(*events: Event, referee: Referee | None = None, now_s: float = 0.0) -> list[Outcome | None]:
    referee = referee or Referee(model_id=MODEL_ID, now_s=0.0)
    return [referee.receive(json.dumps({"event": event}).encode(), now_s) for event in events]


def setup(*events: Event) -> SessionSetup:
    opened = judge(*events)[-1]
    assert isinstance(opened, AudioOpened), opened
    return opened.setup


def test_a_whole_session_is_accepted() -> None:
    outcomes = judge(*opening(), audio(b"\1\0"), *text("typed", "USER", "hi", interactive=True), *closing())
    assert [type(o) for o in outcomes if o is not None] == [
        AudioOpened, UserAudio, UserText, InputEnded, PromptEnded, SessionEnded,
    ]  # fmt: skip


def test_the_setup_tells_the_brain_what_the_client_said() -> None:
    start = session_start(turnDetectionConfiguration={"endpointingSensitivity": "LOW"})
    history = (*text("h1", "USER", "hello"), *text("h2", "ASSISTANT", "hi there"))
    told = setup(start, prompt_start(rate_hz=8000, tools=("clock",)), *SYSTEM, *history, audio_start())
    assert (told.sensitivity, told.pause_ms) == ("LOW", 2000)
    assert (told.input_rate_hz, told.output_rate_hz, told.voice_id) == (16000, 8000, "matthew")
    assert told.system_prompt == "Be brief."
    assert told.history == (("USER", "hello"), ("ASSISTANT", "hi there"))
    assert list(told.tools) == ["clock"]
    assert told.tools["clock"]["schema"]["type"] == "object"


def test_a_session_start_may_leave_out_every_configuration() -> None:
    told = setup({"sessionStart": {}}, prompt_start(), audio_start())
    assert (told.max_tokens, told.sensitivity) == (1024, "HIGH")


def test_a_long_system_prompt_may_come_in_pieces() -> None:
    pieces = (content_start("s", "SYSTEM"), text_input("s", "Be "), text_input("s", "kind."), content_end("s"))
    assert setup(*READY, *pieces, audio_start()).system_prompt == "Be kind."


def test_a_system_prompt_is_not_required() -> None:
    assert setup(*READY, audio_start()).system_prompt == ""


def test_a_tool_result_reaches_the_brain_once() -> None:
    referee = Referee(model_id=MODEL_ID, now_s=0)
    judge(*opening(tools=("clock",)), referee=referee)
    referee.tool_used("use-1")
    assert judge(*tool_result("t1", "use-1", '{"a": 1}'), referee=referee)[-1] == ToolResult("use-1", '{"a": 1}')
    assert isinstance(judge(*tool_result("t2", "use-1", "{}"), referee=referee)[0], Failed)


def with_tool(*events: Event) -> list[Outcome | None]:
    referee = Referee(model_id=MODEL_ID, now_s=0)
    judge(*opening(tools=("clock",)), referee=referee)
    referee.tool_used("use-1")
    return judge(*events, referee=referee)


@pytest.mark.parametrize("content", ["it is noon", '"noon"', "12", "[1]", "", "null", "[" * 5000])
def test_a_tool_result_must_be_a_json_object_in_a_string(content: str) -> None:
    failed = with_tool(*tool_result("t1", "use-1", content))[1]
    assert isinstance(failed, Failed)
    assert failed.kind == "validationException"
    assert "Tool Response parsing error" in failed.message


@pytest.mark.parametrize("choice", [{"auto": {}}, {"any": {}}, {"tool": {"name": "clock"}}])
def test_a_tool_choice_reaches_the_brain(choice: dict[str, dict[str, str]]) -> None:
    prompt = prompt_start(tools=("clock",))
    prompt["promptStart"]["toolConfiguration"]["toolChoice"] = choice
    told = setup(session_start(), prompt, audio_start()).tool_choice
    assert told in ("auto", "any", "tool:clock")
    assert told.partition(":")[0] == next(iter(choice))


OTHER_PROMPT = {"contentEnd": {"promptName": "another", "contentName": "system"}}
VIOLATIONS: dict[str, tuple[tuple[Event, ...], str]] = {
    "prompt first": ((prompt_start(),), "promptStart before sessionStart"),
    "content first": ((session_start(), *SYSTEM), "contentStart before promptStart"),
    "two sessions": ((session_start(), session_start()), "sessionStart may come only once"),
    "two prompts": ((*READY, prompt_start()), "promptStart may come only once"),
    "another prompt": ((*READY, *SYSTEM[:2], OTHER_PROMPT), "promptName is not that of promptStart"),
    "a content name twice": ((*READY, *SYSTEM, *text("system", "USER", "hi")), "contentName must be unique"),
    "two system prompts": ((*READY, *SYSTEM, *text("s2", "SYSTEM", "x")), "may come only once"),
    "system after history": ((*READY, *text("h", "USER", "x"), *SYSTEM), "before the conversation history"),
    "history from the assistant": ((*READY, *text("h", "ASSISTANT", "x")), "must start with a USER message"),
    "history after audio": ((*opening(), *text("h", "USER", "x")), "TEXT must be interactive"),
    "history of one too long": ((*READY, *text("h", "USER", "x" * 60_000)), "Chat history is over max limit"),
    "history too long": (
        (*READY, *(e for n in range(5) for e in text(f"h{n}", "USER", "x" * 50_000))), "Chat history is over max limit",
    ),
    "a system event too long": ((*READY, *text("s", "SYSTEM", "x" * 40_000)), "at most 32768 bytes"),
    "system during the call": ((*opening(), content_start("s", "SYSTEM", interactive=True)), "role USER"),
    "audio content inside a text": ((*READY, SYSTEM[0], audio_start()), "has not ended"),
    "audio inside a text": (
        (*opening(), content_start("t", "USER", interactive=True), audio(b"\0\0")), "audioInput inside a TEXT content",
    ),
    "a script before the system prompt": ((*READY, *text("s", "SYSTEM_SPEECH", "x")), "needs the SYSTEM text before"),
    "the system prompt after the script": (
        (*READY, *text("s", "SYSTEM_SPEECH", "x"), *SYSTEM), "needs the SYSTEM text before",
    ),
    "a script after the history": (
        (*READY, *SYSTEM, *text("h", "USER", "x"), *text("s", "SYSTEM_SPEECH", "y")), "before the conversation history",
    ),
    "an unknown voice": (
        (session_start(), prompt_start(audioOutputConfiguration=AUDIO_INPUT | {"voiceId": "greta"})),
        "voiceId: expected one of matthew",
    ),
    "a session without a prompt": ((session_start(), session_end()), "No prompts were received in the sequence"),
    "too many tokens": (
        (session_start(inferenceConfiguration={"maxTokens": 10_001}),), "maximum is 10000",
    ),
    "a sensitivity in the prompt": ((session_start(), prompt_start(endpointingSensitivity="HIGH")), "not belong here"),
    "a text inside a text": ((*READY, SYSTEM[0], content_start("h", "USER")), "has not ended"),
    "audio twice": (
        (*opening(), content_end(AUDIO), content_start("a2", "USER", kind="AUDIO", interactive=True)),
        "one AUDIO content serves the whole session",
    ),
    "audio not interactive": ((*READY, content_start(AUDIO, "USER", kind="AUDIO")), "must be interactive"),
    "audio before its start": ((*READY, audio(b"\0\0")), "the open AUDIO content"),
    "audio after its end": ((*opening(), content_end(AUDIO), audio(b"\0\0")), "the open AUDIO content"),
    "half a sample": ((*opening(), audio(b"\0\0\0")), "whole 16-bit samples"),
    "text after the audio": (
        (*opening(), content_end(AUDIO), *text("t", "USER", "x", interactive=True)), "needs the open AUDIO content",
    ),
    "text into audio": ((*opening(), text_input(AUDIO, "x")), "no open TEXT content"),
    "end of nothing": ((*READY, content_end("nothing")), "no open content"),
    "end twice": ((*READY, *SYSTEM, content_end("system")), "no open content"),
    "a result without a call": ((*opening(), *tool_result("t", "unknown", "{}")), "not that of a tool use"),
    "prompt ends too early": ((*opening(), prompt_end()), "content is still open"),
    "session ends too early": ((*READY, session_end()), "sessionEnd before promptEnd"),
    "session ends first": ((session_end(),), "sessionEnd before sessionStart"),
    "content after the prompt": ((*READY, prompt_end(), *SYSTEM), "after promptEnd"),
    "more after the session": ((*READY, prompt_end(), session_end(), session_end()), "after sessionEnd"),
    "an unknown event": ((session_start(), {"hello": {}}), "this event name is not known"),
    "two events in one": (({**session_start(), **prompt_start()},), "with one name"),
    "an unknown tool choice": (
        (session_start(), prompt_start(toolConfiguration={"tools": [], "toolChoice": {"tool": {"name": "x"}}})),
        "no such tool",
    ),
    "a tool twice": ((session_start(), prompt_start(tools=("a", "a"))), "name is not unique"),
    "a misplaced sensitivity": ((session_start(endpointingSensitivity="HIGH"),), "does not belong here"),
}  # fmt: skip


@pytest.mark.parametrize("case", VIOLATIONS)
def test_a_violation_is_a_validation_exception(case: str) -> None:
    events, says = VIOLATIONS[case]
    failed = next(o for o in judge(*events) if isinstance(o, Failed))
    assert failed.kind == "validationException"
    assert says in failed.message


TEXTS: dict[str, tuple[Event, ...]] = {
    "Invalid input request, please fix your input and try again.": (prompt_start(),),
    "Unable to parse input chunk. Please check input format contains correct format.": (
        session_start(endpointingSensitivity="LOW"),
    ),
    "Chat history is over max limit. Trim chat history and try again.": (*READY, *text("h", "USER", "x" * 60_000)),
    "No prompts were received in the sequence.": (session_start(), session_end()),
}


@pytest.mark.parametrize("begins", TEXTS)
def test_an_error_begins_with_the_text_of_the_service(begins: str) -> None:
    failed = next(o for o in judge(*TEXTS[begins]) if isinstance(o, Failed))
    assert failed.message.startswith(begins + " (")


def test_the_limits_of_the_history_can_be_set() -> None:
    history = (*text("a", "USER", "x" * 100), *text("b", "ASSISTANT", "y" * 100))
    for limits, fails in ((Limits(history_message_bytes=99), 1), (Limits(history_bytes=199), 1), (Limits(), 0)):
        outcomes = judge(*READY, *history, referee=Referee(model_id=MODEL_ID, now_s=0, limits=limits))
        assert len({o for o in outcomes if isinstance(o, Failed)}) == fails


def test_history_may_be_marked_interactive_as_in_the_documents_example() -> None:
    assert setup(*READY, *text("h", "USER", "hi", interactive=True), audio_start()).history == (("USER", "hi"),)


def test_a_script_for_the_transcripts_comes_behind_the_system_prompt() -> None:
    assert setup(*READY, *SYSTEM, *text("s", "SYSTEM_SPEECH", "x"), audio_start()).system_prompt == "Be brief."


def test_nova_2_5_ends_a_turn_after_less_of_a_pause() -> None:
    (*_, opened) = judge(*opening(), referee=Referee(model_id="amazon.nova-2-5-sonic", now_s=0))
    assert isinstance(opened, AudioOpened)
    assert opened.setup.pause_ms == 400


def test_a_tool_schema_must_be_json() -> None:
    prompt = prompt_start(tools=("clock",))
    prompt["promptStart"]["toolConfiguration"]["tools"][0]["toolSpec"]["inputSchema"]["json"] = "type: object"
    failed = judge(session_start(), prompt)[-1]
    assert isinstance(failed, Failed)
    assert "must be a JSON object in a string" in failed.message


def test_a_tool_block_needs_its_result() -> None:
    start, _, end = tool_result("t1", "use-1", "{}")
    assert isinstance(with_tool(start, end)[-1], Failed)


def test_a_failed_session_stays_failed() -> None:
    first, second = judge(prompt_start(), session_start())
    assert first is second


# -- the clock ------------------------------------------------------------------------------------


def test_a_session_ends_after_its_time() -> None:
    referee = Referee(model_id=MODEL_ID, now_s=100)
    judge(*opening(), referee=referee, now_s=100)
    for now_s in range(101, 580):
        judge(audio(b"\0\0"), referee=referee, now_s=now_s)
        assert referee.tick(now_s) is None
    failed = referee.tick(580)
    assert failed is not None
    assert failed.kind == "modelTimeoutException"


def test_a_session_ends_without_audio() -> None:
    referee = Referee(model_id=MODEL_ID, now_s=0, limits=Limits())
    judge(*opening(), referee=referee, now_s=10)
    assert referee.deadline_s == 65
    assert referee.tick(64.9) is None
    judge(audio(b"\0\0"), referee=referee, now_s=64.9)
    assert referee.tick(119.8) is None
    failed = referee.tick(119.9)
    assert failed is not None
    assert failed.kind == "validationException"
    assert "less than 55 seconds" in failed.message


def test_typed_text_keeps_a_session_alive() -> None:
    referee = Referee(model_id=MODEL_ID, now_s=0)
    judge(*opening(), referee=referee, now_s=0)
    judge(*text("typed", "USER", "hi", interactive=True), referee=referee, now_s=50)
    assert referee.deadline_s == 105


# -- fuzz -----------------------------------------------------------------------------------------

POOL = (
    *opening(), audio(b"\0\0"), audio(b"\0"), *SYSTEM, *text("t", "USER", "x", interactive=True),
    *text("h", "ASSISTANT", "y"), *tool_result("r", "use-1", "{}"), *closing(), {"other": 1}, {},
)  # fmt: skip


@patient
@given(st.lists(st.sampled_from(POOL), max_size=14))
def test_any_order_is_accepted_or_a_named_failure(events: list[Event]) -> None:
    referee = Referee(model_id=MODEL_ID, now_s=0)
    referee.tool_used("use-1")
    outcomes = judge(*events, referee=referee)
    failures = [o for o in outcomes if isinstance(o, Failed)]
    assert all(f.kind == "validationException" and f.message for f in failures)
    assert not failures or outcomes[-1] == failures[0]


@patient
@given(
    st.one_of(
        st.binary(max_size=40),
        st.recursive(st.none() | st.booleans() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode()),
    )
)
def test_bytes_that_are_no_event_are_a_validation_exception(payload: bytes) -> None:
    outcome = Referee(model_id=MODEL_ID, now_s=0).receive(payload, 0)
    assert isinstance(outcome, Failed)
    assert "Unable to parse input chunk" in outcome.message
