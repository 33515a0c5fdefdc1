"""The states and the events that tests/sonic/test_table.py walks, and how an outcome is written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping

from sonicrtc.config import SonicConfig
from sonicrtc.errors import SonicModelError
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.protocol import Failed, Phase, SonicProtocol
from sonicrtc.sonic.wire import ToolSpec

TOOL = ToolSpec(name="time", description="Tell the time.", input_schema={"type": "object"})
MARKER = '{ "interrupted" : true }'

#: How an event is written in the table.
LETTERS: Mapping[type, str] = {
    said.SessionOpened: "O",
    said.UserText: "U",
    said.AssistantText: "A",
    said.AudioChunk: "C",
    said.AudioEnded: "E",
    said.ToolRequest: "T",
    said.Interrupted: "I",
    said.TurnEnded: "X",
    said.UsageReported: "M",
    said.UnknownReceived: "?",
}

PHASES = {Phase.IDLE: "I", Phase.PREPARED: "P", Phase.OPEN: "O", Phase.CLOSING: "C", Phase.CLOSED: "D"}

Step = Callable[[SonicProtocol], list[said.SonicEvent] | None]


def new() -> SonicProtocol:
    count = itertools.count(1)
    return SonicProtocol(SonicConfig(), new_name=lambda: f"n{next(count)}", tools=[TOOL])


def raw(data: bytes) -> Step:
    return lambda machine: machine.receive(data)


def event(**members: object) -> Step:
    return raw(json.dumps({"event": members}).encode())


def start(content_id: str, type_: str, role: str, stage: str = "FINAL") -> Step:
    fields = {"additionalModelFields": json.dumps({"generationStage": stage})} if type_ == "TEXT" else {}
    return event(contentStart={"contentId": content_id, "type": type_, "role": role, **fields})


def text(content_id: str, content: str, role: str = "ASSISTANT") -> Step:
    return event(textOutput={"contentId": content_id, "content": content, "role": role})


def audio(content_id: str, content: str = "AAE=") -> Step:
    return event(audioOutput={"contentId": content_id, "content": content})


def use(content_id: str, tool_use_id: str, content: object = "{}") -> Step:
    return event(toolUse={"contentId": content_id, "toolName": "time", "toolUseId": tool_use_id, "content": content})


def end(content_id: str, type_: str, stop_reason: str | None) -> Step:
    return event(contentEnd={"contentId": content_id, "type": type_, "stopReason": stop_reason})


def usage(**details: object) -> Step:
    return event(usageEvent={"totalTokens": 3, "details": details})


def _begin(machine: SonicProtocol) -> None:
    machine.start()
    machine.begin()
    machine.take_outgoing()


def _prepare(machine: SonicProtocol) -> None:
    machine.start()
    machine.take_outgoing()


def _close(machine: SonicProtocol) -> None:
    machine.close()
    machine.take_outgoing()


_SPECULATIVE = (_begin, start("sp", "TEXT", "ASSISTANT", "SPECULATIVE"), text("sp", "Hi."))
_SPEAKING = (*_SPECULATIVE, start("au", "AUDIO", "ASSISTANT"), audio("au"))
STATES: Mapping[str, tuple[Step, ...]] = {
    "idle": (),
    "ready": (_prepare,),
    "open": (_begin,),
    "promised": _SPECULATIVE,
    "speaking": _SPEAKING,
    "spoken": (*_SPEAKING, end("au", "AUDIO", "END_TURN")),
    "silenced": (*_SPEAKING, start("m", "TEXT", "ASSISTANT"), text("m", MARKER)),
    "tool": (_begin, start("t", "TOOL", "TOOL"), use("t", "use"), end("t", "TOOL", "TOOL_USE")),
    "closing": (*_SPEAKING, _close),
    "closed": (*_SPEAKING, _close, SonicProtocol.ended),
    "failed": (*_SPEAKING, raw(b"?")),
}

_COUNTS = {"input": {"speechTokens": 2, "textTokens": 0}, "output": {"speechTokens": 1, "textTokens": 0}}
EVENTS: Mapping[str, Step] = {
    "completionStart": event(completionStart={"sessionId": "s", "completionId": "c"}),
    "contentStart USER TEXT": start("new", "TEXT", "USER"),
    "contentStart SPECULATIVE": start("new", "TEXT", "ASSISTANT", "SPECULATIVE"),
    "contentStart FINAL": start("new", "TEXT", "ASSISTANT"),
    "contentStart AUDIO": start("new", "AUDIO", "ASSISTANT"),
    "contentStart AUDIO again": start("au", "AUDIO", "ASSISTANT"),
    "contentStart TOOL": start("new", "TOOL", "TOOL"),
    "contentStart of a new type": start("new", "VIDEO", "ASSISTANT"),
    "textOutput USER": text("new", "hello", "USER"),
    "textOutput promised": text("sp", "Hi."),
    "textOutput ASSISTANT": text("new", "Hi."),
    "textOutput marker": text("new", MARKER),
    "textOutput marker again": text("m", MARKER),
    "audioOutput": audio("au"),
    "audioOutput of another block": audio("new"),
    "audioOutput, empty": audio("au", ""),
    "audioOutput, half a sample": audio("au", "AAEC"),
    "toolUse": use("new", "other"),
    "toolUse again": use("new", "use"),
    "toolUse late": use("t", "other"),
    "toolUse late, no object": use("t", "other", "[]"),
    "contentEnd TEXT PARTIAL_TURN": end("new", "TEXT", "PARTIAL_TURN"),
    "contentEnd TEXT END_TURN": end("new", "TEXT", "END_TURN"),
    "contentEnd TEXT INTERRUPTED": end("new", "TEXT", "INTERRUPTED"),
    "contentEnd TEXT NEW_REASON": end("new", "TEXT", "NEW_REASON"),
    "contentEnd promised END_TURN": end("sp", "TEXT", "END_TURN"),
    "contentEnd marker INTERRUPTED": end("m", "TEXT", "INTERRUPTED"),
    "contentEnd AUDIO PARTIAL_TURN": end("au", "AUDIO", "PARTIAL_TURN"),
    "contentEnd AUDIO END_TURN": end("au", "AUDIO", "END_TURN"),
    "contentEnd AUDIO INTERRUPTED": end("au", "AUDIO", "INTERRUPTED"),
    "contentEnd AUDIO, no reason": end("au", "AUDIO", None),
    "contentEnd TOOL TOOL_USE": end("t", "TOOL", "TOOL_USE"),
    "completionEnd": event(completionEnd={"stopReason": "END_TURN"}),
    "completionEnd, no reason": event(completionEnd={}),
    "usageEvent total": usage(delta=_COUNTS, total=_COUNTS),
    "usageEvent delta": usage(delta=_COUNTS),
    "usageEvent neither": usage(),
    "userSpeechEnd": event(userSpeechEnd={}),
    "no event": event(),
    "garbage": raw(b'{"event":{"textOutput":7}}'),
    "start()": SonicProtocol.start,
    "begin()": SonicProtocol.begin,
    "accepted()": lambda machine: machine.accepted("s"),
    "encode_audio()": lambda machine: None if machine.encode_audio(b"\0\0") else [],
    "send_text()": lambda machine: machine.send_text("hello"),
    "send_text() blank": lambda machine: machine.send_text(" "),
    "send_tool_result()": lambda machine: machine.send_tool_result("use", {}),
    "close()": SonicProtocol.close,
    "ended()": SonicProtocol.ended,
    "fail()": lambda machine: machine.fail(SonicModelError("gone")),
}  # fmt: skip


def brought_to(state: str) -> SonicProtocol:
    machine = new()
    for step in STATES[state]:
        step(machine)
    return machine


def outcome(state: str, name: str) -> str:
    """Do `name` in `state` and write what came of it, as tests/sonic/test_table.py explains."""
    machine = brought_to(state)
    before = _phase(machine)
    try:
        told = EVENTS[name](machine) or []
    except RuntimeError:
        return "!"
    sent = sum(len(events) for events in machine.take_outgoing())
    after = _phase(machine)
    written = "".join(LETTERS[type(heard)] for heard in told)
    return written + (f"+{sent}" if sent else "") + (f">{after}" if after != before else "") or "-"


def _phase(machine: SonicProtocol) -> str:
    state = machine.state
    return "F" if isinstance(state, Failed) else PHASES[state]
