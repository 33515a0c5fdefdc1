"""The machine under whatever the service and we do, in any order."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.sonic.walk import EVENTS, TOOL, brought_to

from sonicrtc.config import SonicConfig
from sonicrtc.errors import SonicError, SonicProtocolError
from sonicrtc.local.sonic.referee import Failed as Refused
from sonicrtc.local.sonic.referee import Referee, SessionEnded
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.protocol import Failed, Phase, SonicProtocol

IDS = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
STAGES = st.sampled_from(['{"generationStage":"SPECULATIVE"}', "{}", "nonsense"]) | JSON
REASONS = st.sampled_from(["PARTIAL_TURN", "END_TURN", "INTERRUPTED", "TOOL_USE", "NEW", None])
KINDS = st.sampled_from(["TEXT", "AUDIO", "TOOL"])
FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "contentStart": {"contentId": IDS, "type": KINDS, "role": st.sampled_from(["USER", "ASSISTANT", "TOOL"]),
                     "additionalModelFields": STAGES},
    "textOutput": {"contentId": IDS, "content": st.sampled_from(["hello", '{ "interrupted" : true }', "{", ""]),
                   "role": st.sampled_from(["USER", "ASSISTANT"])},
    "audioOutput": {"contentId": IDS, "content": st.sampled_from(["AAE=", "AAECAw==", ""])},
    "toolUse": {"contentId": IDS, "toolName": st.just("time"), "toolUseId": IDS,
                "content": st.sampled_from(["", "{}", "[]", '"{}"']) | JSON},
    "contentEnd": {"contentId": IDS, "type": KINDS, "stopReason": REASONS},
}  # fmt: skip
GOOD = st.one_of(
    st.dictionaries(st.sampled_from(["completionStart", "completionEnd", "userSpeechEnd"]), st.just({}), max_size=1),
    *(st.fixed_dictionaries({kind: st.fixed_dictionaries(fields)}) for kind, fields in FIELDS.items()),
)
BAD = st.dictionaries(st.sampled_from([*FIELDS, "completionStart", "usageEvent", "later"]), JSON, max_size=2)
SELDOM = st.integers(0, 19).map(lambda number: number == 19)


@given(st.binary(max_size=200), st.sampled_from(["open", "speaking", "silenced", "closing"]))
def test_any_bytes_are_accepted_or_fail_by_name(data: bytes, state: str) -> None:
    subject = brought_to(state)
    before = subject.state
    subject.receive(data)
    assert subject.state is before or (
        isinstance(subject.state, Failed) and isinstance(subject.state.error, SonicProtocolError)
    )


class AnyOrder(RuleBasedStateMachine):
    """Both sides do what they like; the referee judges what we send."""

    def __init__(self) -> None:
        super().__init__()
        count = itertools.count()
        self.machine = SonicProtocol(
            SonicConfig(speech_script="Latin"),
            new_name=lambda: f"n{next(count)}",
            tools=[TOOL],
        )
        self.referee = Referee(model_id="amazon.nova-2-sonic-v1:0", now_s=0.0)
        self.begun: set[str] = set()
        self.silenced: set[str] = set()
        self.requested: set[str] = set()

    @rule()
    @precondition(lambda self: self.machine.state is Phase.IDLE)
    def start(self) -> None:
        self.machine.start()

    @rule()
    @precondition(lambda self: self.machine.state is Phase.PREPARED)
    def begin(self) -> None:
        self.machine.begin([Message("USER", "hi"), Message("ASSISTANT", "Hello.")])

    @rule(event=GOOD)
    def hear(self, event: dict[str, Any]) -> None:
        if self.machine.state is Phase.IDLE:
            return
        self.referee.tool_used(event.get("toolUse", {}).get("toolUseId", ""))
        for heard in self.machine.receive(json.dumps({"event": event}).encode()):
            self.check(heard)
        self.begun |= {event[kind]["contentId"] for kind in FIELDS if kind in event}

    def check(self, heard: said.SonicEvent) -> None:
        match heard:
            case said.Interrupted():
                self.silenced |= self.begun
            case said.AudioChunk():
                assert heard.content_id not in self.silenced
            case said.ToolRequest():
                assert heard.tool_use_id not in self.requested
                self.requested.add(heard.tool_use_id)
            case _:
                pass

    @rule(text=st.text(max_size=20))
    @precondition(lambda self: self.machine.state is Phase.OPEN)
    def write(self, text: str) -> None:
        self.machine.send_text(text)

    @rule(tool_use_id=IDS, result=JSON)
    @precondition(lambda self: self.machine.state is Phase.OPEN)
    def answer(self, tool_use_id: str, result: Any) -> None:
        if self.machine.awaits(tool_use_id):
            self.machine.send_tool_result(tool_use_id, result)

    @rule(event=BAD, now=SELDOM)
    def hear_nonsense(self, event: dict[str, Any], now: bool) -> None:
        if now:
            self.machine.receive(json.dumps({"event": event}).encode())

    @rule(now=SELDOM)
    @precondition(lambda self: self.machine.state in (Phase.PREPARED, Phase.OPEN))
    def close(self, now: bool) -> None:
        if now:
            self.machine.close()

    @rule(now=SELDOM)
    def lose(self, now: bool) -> None:
        if now:
            self.machine.ended()

    @invariant()
    def state_has_a_name(self) -> None:
        state = self.machine.state
        assert isinstance(state, Phase) or isinstance(state.error, SonicError)

    @invariant()
    def referee_is_content(self) -> None:
        for event in [event for events in self.machine.take_outgoing() for event in events]:
            outcome = self.referee.receive(event, 0.0)
            assert not isinstance(outcome, Refused), outcome
            assert isinstance(outcome, SessionEnded) == (event == b'{"event":{"sessionEnd":{}}}')


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


TELLINGS = [
    "textOutput marker", "contentEnd AUDIO INTERRUPTED", "contentEnd TEXT INTERRUPTED", "textOutput USER",
    "contentEnd AUDIO END_TURN", "textOutput marker again",
]  # fmt: skip


@given(st.sampled_from(["speaking", "spoken"]), st.permutations(TELLINGS))
def test_an_interruption_is_one_in_whatever_order_it_is_told(state: str, order: list[str]) -> None:
    machine = brought_to(state)
    told = [heard for name in order for heard in EVENTS[name](machine) or ()]
    assert len([heard for heard in told if isinstance(heard, said.Interrupted)]) == 1
    assert EVENTS["audioOutput"](machine) == []
