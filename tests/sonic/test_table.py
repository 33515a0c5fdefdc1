"""Every state of the machine by every event and call, with what has to come of it.

A letter for each event that is told: O SessionOpened, U UserText, A AssistantText, C AudioChunk, E AudioEnded,
T ToolRequest, I Interrupted, X TurnEnded, M UsageReported, ? UnknownReceived. ``+n``: so many events are sent.
``>P >O >C >D >F``: the machine is now prepared (*ready*), open, closing, closed, failed. ``!``: misuse raises.
``-``: nothing at all.

Within an open session: *promised*, a SPECULATIVE text has come; *speaking*, its audio too; *spoken*, that audio has
ended with END_TURN; *silenced*, the marker came while speaking; *tool*, one was requested.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import msgspec
import pytest
from tests.sonic import walk
from tests.sonic.walk import EVENTS, STATES, audio, brought_to, end, outcome, start, text

from sonicrtc.sonic import protocol as said
from sonicrtc.sonic import wire
from sonicrtc.sonic.protocol import Phase, SonicProtocol

TABLE = """
                              | idle  ready  open  promised  speaking  spoken  silenced  tool  closing  closed  failed
completionStart               | -     -      -     -         -         -       -         -     -        -       -
contentStart USER TEXT        | -     -      -     -         -         X       -         -     -        -       -
contentStart SPECULATIVE      | -     -      -     -         -         -       -         -     -        -       -
contentStart FINAL            | -     -      -     -         -         -       -         -     -        -       -
contentStart AUDIO            | -     -      -     -         -         -       -         -     -        -       -
contentStart AUDIO again      | -     -      -     -         -         -       -         -     -        -       -
contentStart TOOL             | -     -      -     -         -         -       -         -     -        -       -
contentStart of a new type    | -     -      -     -         -         -       -         -     -        -       -
textOutput USER               | -     U      U     U         U         U       U         U     U        -       -
textOutput promised           | -     A      A     A         A         A       A         A     A        -       -
textOutput ASSISTANT          | -     A      A     A         A         A       A         A     A        -       -
textOutput marker             | -     I      I     IX        IX        IX      -         I     IX       -       -
textOutput marker again       | -     I      I     IX        IX        IX      -         I     IX       -       -
audioOutput                   | -     C      C     C         C         C       -         C     C        -       -
audioOutput of another block  | -     C      C     C         C         C       C         C     C        -       -
audioOutput, empty            | -     -      -     -         -         -       -         -     -        -       -
audioOutput, half a sample    | -     >F     >F    >F        >F        >F      >F        >F    >F       -       -
toolUse                       | -     -      -     -         -         -       -         -     -        -       -
toolUse again                 | -     -      -     -         -         -       -         -     -        -       -
toolUse late                  | -     -      -     -         -         -       -         T     -        -       -
toolUse late, no object       | -     -      -     -         -         -       -         +3    -        -       -
contentEnd TEXT PARTIAL_TURN  | -     -      -     -         -         -       -         -     -        -       -
contentEnd TEXT END_TURN      | -     -      -     X         X         X       -         -     X        -       -
contentEnd TEXT INTERRUPTED   | -     I      I     IX        IX        IX      -         I     IX       -       -
contentEnd TEXT NEW_REASON    | -     -      -     -         -         -       -         -     -        -       -
contentEnd promised END_TURN  | -     -      -     -         -         -       -         -     -        -       -
contentEnd marker INTERRUPTED | -     I      I     IX        IX        IX      -         I     IX       -       -
contentEnd AUDIO PARTIAL_TURN | -     E      E     E         E         -       E         E     E        -       -
contentEnd AUDIO END_TURN     | -     E      E     E         E         -       E         E     E        -       -
contentEnd AUDIO INTERRUPTED  | -     EI     EI    EIX       EIX       IX      E         EI    EIX      -       -
contentEnd AUDIO, no reason   | -     E      E     E         E         -       E         E     E        -       -
contentEnd TOOL TOOL_USE      | -     -      -     -         -         -       -         -     -        -       -
completionEnd                 | -     -      -     X         X         X       -         -     X        -       -
completionEnd, no reason      | -     -      -     X         X         X       -         -     X        -       -
usageEvent total              | -     M      M     M         M         M       M         M     M        -       -
usageEvent delta              | -     M      M     M         M         M       M         M     M        -       -
usageEvent neither            | -     -      -     -         -         -       -         -     -        -       -
userSpeechEnd                 | -     ?      ?     ?         ?         ?       ?         ?     ?        -       -
no event                      | -     -      -     -         -         -       -         -     -        -       -
garbage                       | -     >F     >F    >F        >F        >F      >F        >F    >F       -       -
start()                       | +5>P  !      !     !         !         !       !         !     !        !       !
begin()                       | !     +1>O   !     !         !         !       !         !     !        !       !
accepted()                    | -     O      O     O         O         O       O         O     O        -       -
encode_audio()                | -     -      -     -         -         -       -         -     -        -       -
send_text()                   | !     !      +3    +3        +3        +3      +3        +3    !        !       !
send_text() blank             | !     !      -     -         -         -       -         -     !        !       !
send_tool_result()            | !     !      !     !         !         !       !         +3    !        !       !
close()                       | !     +2>C   +3>C  +3>C      +3>C      +3>C    +3>C      +3>C  !        !       !
ended()                       | -     >F     >F    >F        >F        >F      >F        >F    >D       -       -
fail()                        | >F    >F     >F    >F        >F        >F      >F        >F    >F       -       -
"""
HEAD, *ROWS = TABLE.strip("\n").splitlines()
COLUMNS = HEAD.split("|")[1].split()
EXPECTED = {
    (state, name.strip()): cell
    for name, cells in (row.split("|") for row in ROWS)
    for state, cell in zip(COLUMNS, cells.split(), strict=True)
}


def test_the_table_has_a_cell_for_every_state_and_event() -> None:
    assert set(EXPECTED) == {(state, name) for state in STATES for name in EVENTS}


def test_the_table_has_every_kind_of_event_and_every_call() -> None:
    kinds = [field.encode_name for field in msgspec.structs.fields(wire._Members)]
    calls = {name for name, _ in inspect.getmembers(SonicProtocol, inspect.isfunction) if not name.startswith("_")}
    # Each row calls `receive` and `take_outgoing`; `awaits` changes nothing.
    assert not [kind for kind in kinds if not any(name.startswith(kind) for name in EVENTS)]
    assert calls - {name.partition("(")[0] for name in EVENTS} == {"receive", "take_outgoing", "awaits"}


@pytest.mark.parametrize(("state", "name"), EXPECTED)
def test_what_comes_of_an_event_in_a_state_stands_in_the_table(state: str, name: str) -> None:
    assert outcome(state, name) == EXPECTED[state, name]


def next_turn(machine: SonicProtocol) -> Iterator[said.SonicEvent]:
    for step in (
        start("q", "TEXT", "USER"), text("q", "And?", "USER"), end("q", "TEXT", "PARTIAL_TURN"),
        start("s", "TEXT", "ASSISTANT", "SPECULATIVE"), text("s", "So."), end("s", "TEXT", "PARTIAL_TURN"),
        start("a", "AUDIO", "ASSISTANT"), audio("a"), end("a", "AUDIO", "END_TURN"),
        start("f", "TEXT", "ASSISTANT"), text("f", "So."), end("f", "TEXT", "END_TURN"),
    ):  # fmt: skip
        yield from step(machine) or ()


GOES_ON = [
    (state, name)
    for (state, name), cell in EXPECTED.items()
    if brought_to(state).state is Phase.OPEN and cell != "!" and ">F" not in cell
]


@pytest.mark.parametrize(("state", "name"), GOES_ON)
def test_whatever_came_before_the_next_turn_is_heard_whole(state: str, name: str) -> None:
    machine = brought_to(state)
    EVENTS[name](machine)
    assert [heard for heard in next_turn(machine) if heard != said.TurnEnded(stop_reason="END_TURN")] == [
        said.UserText(text="And?"),
        said.AssistantText(text="So.", stage="speculative", content_id="s"),
        said.AudioChunk(pcm=b"\x00\x01", content_id="a"),
        said.AudioEnded(content_id="a", stop_reason="END_TURN"),
        said.AssistantText(text="So.", stage="final", content_id="f"),
    ]


@pytest.mark.parametrize("first", [name for name in EVENTS if "I" in EXPECTED["speaking", name]])
@pytest.mark.parametrize("second", [name for name in EVENTS if "I" in EXPECTED["speaking", name]])
def test_an_interruption_that_is_told_twice_is_one(first: str, second: str) -> None:
    machine = brought_to("speaking")
    told = [*(EVENTS[first](machine) or ()), *(EVENTS[second](machine) or ())]
    assert [walk.LETTERS[type(heard)] for heard in told if not isinstance(heard, said.AudioEnded)] == ["I", "X"]
    assert audio("au")(machine) == []
