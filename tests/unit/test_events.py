from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicrtc import events
from sonicrtc.errors import MessageError
from sonicrtc.events import (
    AppEvent,
    ErrorEvent,
    HangUpMessage,
    InterruptedEvent,
    SessionEvent,
    SpeakingEvent,
    TextMessage,
    TimingEvent,
    ToolEvent,
    TranscriptEvent,
    UnknownEvent,
    UsageEvent,
)

FROM_SERVER = [
    SessionEvent(call_id="c", mode="sonic", model_id="m", voice="amy", endpointing="HIGH", endpoint_ms=1500, at_ms=1.5),
    TranscriptEvent(role="user", stage="final", text="grüß dich", turn=1),
    SpeakingEvent(role="assistant", active=True),
    InterruptedEvent(turn=2, played_ms=12.5),
    ToolEvent(tool_use_id="t", name="time", status="succeeded", result={"time": "3:45 PM"}, duration_ms=1.0),
    UsageEvent(input_speech_tokens=3),
    TimingEvent(turn=1, user_text_ms=10.0),
    ErrorEvent(code="sonic", message="what happened"),
    AppEvent(kind="lamp", data=[1, None, {"on": True}]),
    events.ModelEvent(
        status="recovering", stream=1, voice="amy", language="en-GB", code="sonic_closed", message="lost"
    ),
    events.EndedEvent(reason="hangup"),
]
FROM_PAGE = [
    TextMessage(text="hello"), AppEvent(kind="tap", data=None), HangUpMessage(),
    events.SettingsMessage(voice="amy", language="", temperature=0.5),
]  # fmt: skip


@pytest.mark.parametrize("message", FROM_SERVER, ids=lambda m: type(m).__name__)
def test_what_the_server_says_is_read_as_it_was(message: events.ServerEvent) -> None:
    assert events.decode_server(events.encode(message)) == message


@pytest.mark.parametrize("message", FROM_PAGE, ids=lambda m: type(m).__name__)
def test_what_the_page_says_is_read_as_it_was(message: events.ClientMessage) -> None:
    assert events.decode_client(events.encode(message)) == message


def test_the_member_type_tells_messages_apart() -> None:
    assert json.loads(events.encode(SpeakingEvent(role="user", active=False))) == {
        "type": "speaking", "at_ms": 0.0, "role": "user", "active": False,
    }  # fmt: skip


def test_a_kind_of_another_version_is_surfaced() -> None:
    assert events.decode_client('{"type":"wave","hand":"left"}') == UnknownEvent(
        kind="wave", data={"type": "wave", "hand": "left"}
    )


def test_the_pages_messages_are_not_the_servers() -> None:
    assert isinstance(events.decode_server('{"type":"text","text":"hi"}'), UnknownEvent)
    assert isinstance(events.decode_client('{"type":"ended","reason":"hangup"}'), UnknownEvent)


@pytest.mark.parametrize("wish", [5, [], {"voice": 1}, {"temperature": "hot"}])
def test_settings_in_an_offer_that_are_none_are_an_error(wish: object) -> None:
    assert events.read_settings({"voice": "amy", "hat": "red"}) == events.Settings(voice="amy")
    with pytest.raises(MessageError, match="the offer's settings"):
        events.read_settings(wish)


BAD = ["", "hello", "[]", '{"text":"no type"}', '{"type":5}', '{"type":"text"}', '{"type":"text","text":5}', b"\xff"]


@pytest.mark.parametrize("message", BAD)
def test_what_is_no_message_is_an_error(message: str | bytes) -> None:
    with pytest.raises(MessageError):
        events.decode_client(message)


def test_a_message_has_a_largest_size_both_ways() -> None:
    limit = events.MAX_MESSAGE_BYTES
    with pytest.raises(MessageError, match=f"at most {limit} bytes"):
        events.decode_client(json.dumps({"type": "text", "text": "x" * limit}))
    with pytest.raises(MessageError, match=f"at most {limit} bytes"):
        events.encode(TextMessage(text="é" * (limit // 2)))
    assert isinstance(events.decode_client(events.encode(TextMessage(text="x" * (limit - 100)))), TextMessage)


def test_data_that_json_cannot_hold_is_an_error() -> None:
    with pytest.raises(MessageError, match="cannot be written as JSON"):
        events.encode(AppEvent(kind="k", data=object()))


@given(st.binary(max_size=100) | st.text(max_size=100))
def test_any_message_is_read_or_refused_by_name(message: str | bytes) -> None:
    try:
        events.decode_client(message)
    except MessageError as error:
        assert error.code == "message"  # noqa: PT017


def test_a_deeply_nested_message_is_an_error() -> None:
    with pytest.raises(MessageError):
        events.decode_client('{"type":"app","kind":"k","data":' + "[" * 16_000)


def test_the_schema_knows_every_message() -> None:
    schema = events.json_schema()["$defs"]
    for message in (*FROM_SERVER, *FROM_PAGE):
        assert type(message).__name__ in schema
