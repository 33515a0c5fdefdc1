from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicrtc.errors import SonicProtocolError
from sonicrtc.sonic import wire


@given(st.binary(max_size=4096), st.text(max_size=20))
def test_an_audio_event_is_what_the_plain_encoding_gives(pcm: bytes, name: str) -> None:
    event = {"audioInput": {"promptName": name, "contentName": "audio", "content": base64.b64encode(pcm).decode()}}
    assert json.loads(wire.AudioInputEncoder(name, "audio").encode(pcm)) == {"event": event}


def test_the_exact_bytes_of_an_audio_event() -> None:
    data = wire.AudioInputEncoder("p", "a").encode(b"\x00\x01")
    assert data == b'{"event":{"audioInput":{"promptName":"p","contentName":"a","content":"AAE="}}}'


@given(st.text(max_size=400), st.integers(4, 50))
def test_split_text_loses_nothing_and_keeps_the_limit(text: str, limit: int) -> None:
    pieces = wire.split_text(text, limit)
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= limit for piece in pieces)


def test_text_is_split_at_spaces() -> None:
    assert wire.split_text("alpha beta gamma", 11) == ["alpha beta ", "gamma"]


def test_half_a_character_does_not_keep_the_rest_from_being_sent() -> None:
    assert wire.split_text("one \ud83d two") == ["one ? two"]


RESULTS = [
    ({"time": "3:45 PM"}, {"time": "3:45 PM"}),
    ("{plain}", {"result": "{plain}"}),
    ([1, 2], {"result": [1, 2]}),
    (None, {"result": None}),
    (wire.MediaType("text/plain"), {"mediaType": "text/plain"}),
]


@pytest.mark.parametrize(("result", "told"), RESULTS)
def test_a_tool_result_is_a_json_object_in_a_string(result: object, told: object) -> None:
    _, event, _ = wire.tool_result_block("p", "c", tool_use_id="t", result=result)
    assert json.loads(json.loads(event)["event"]["toolResult"]["content"]) == told


def test_an_unknown_kind_is_surfaced_with_what_it_holds() -> None:
    assert wire.decode(b'{"event":{"userSpeechEnd":{"at":1}}}') == [
        wire.Unknown(kind="userSpeechEnd", payload={"at": 1})
    ]


def test_unknown_members_are_ignored() -> None:
    data = b'{"later":1,"event":{"textOutput":{"contentId":"c","content":"hi","role":"USER","later":[]}}}'
    assert wire.decode(data) == [wire.TextOutput(content_id="c", content="hi", role="USER")]


def test_what_an_event_adds_and_the_total_are_two_things() -> None:
    data = (
        b'{"event":{"usageEvent":{"details":{"delta":{"input":{"textTokens":1}},"total":{"input":{"textTokens":9}}}}}}'
    )
    (usage,) = wire.decode(data)
    assert isinstance(usage, wire.Usage)
    assert usage.details == wire.UsageDetails(
        delta=wire.TokenCounts(input=wire.Tokens(text_tokens=1)),
        total=wire.TokenCounts(input=wire.Tokens(text_tokens=9)),
    )


BAD = [
    (b"", "truncated"),
    (b"not json", "malformed"),
    (b"\xff\xfe", "malformed"),
    (b'{"event":[]}', r"\$\.event"),
    (b'{"event":{"textOutput":{"contentId":"c"}}}', r"`content` - at `\$\.event\.textOutput`"),
    (b'{"event":{"audioOutput":{"contentId":"c","content":"A"}}}', r"\$\.event\.audioOutput\.content"),
    (
        b'{"event":{"usageEvent":{"details":{"total":{"input":{"speechTokens":"many"}}}}}}',
        r"total\.input\.speechTokens",
    ),
    (b"[" * 100_000, "cannot be read"),
    (b'{"event":{"x":' + b"[" * 100_000, "cannot be read"),
]


@pytest.mark.parametrize(("data", "told"), BAD)
def test_what_cannot_be_read_says_where(data: bytes, told: str) -> None:
    with pytest.raises(SonicProtocolError, match=told):
        wire.decode(data)
