"""What a sentence wants of the house: commands, a question about its state, a question back, a refusal, or nothing.

Pure functions of the text and of what was talked about before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sonicrtc.local.sonic.speech.home import frames
from sonicrtc.local.sonic.speech.home.frames import Frame, manner, read_frame
from sonicrtc.local.sonic.speech.home.house import ROOMS
from sonicrtc.local.sonic.speech.home.meaning import NOTHING, Meaning, Memory
from sonicrtc.local.sonic.speech.home.resolve import asked_about, resolve
from sonicrtc.local.sonic.speech.home.tokens import Token, tokenise

UNSAFE = "I only send what the devices of this house take, and to no other topic."
LATER = "I can only act at once, not at another time."
ABSENT = "The house does not have that, so I do nothing."


@dataclass(slots=True)
class _Clause:
    tokens: list[Token]
    asked: bool = False
    corrects: bool = False
    denied: bool = False
    excepted: bool = False
    but: bool = False
    how: str = ""


def understand(text: str, memory: Memory | None = None) -> Meaning:
    """Return what `text` wants.

    Parameters
    ----------
    text : str
        As recognised or typed; any text is allowed.
    memory : Memory, optional
        What was talked about before.
    """
    memory = memory or Memory()
    tokens = tokenise(text)
    found = _read(tokens, memory)
    if found.kind in ("act", "state"):
        return found
    repaired = tokenise(text, repair=True)
    again = _read(repaired, memory) if repaired != tokens else found
    about_the_house = any(token.tag in ("light", "door", "doors", "oven") for token in tokens)
    return again if again.kind in ("act", "state") or (again.kind == "ask" and about_the_house) else found


def _read(tokens: Sequence[Token], memory: Memory) -> Meaning:
    tags = {token.tag for token in tokens}
    if any(token.text in ('"', "“", "”") for token in tokens):
        return NOTHING  # quoted speech
    if "unsafe" in tags and any(token.tag == "unsafe" and token.text in ("publish", "subscribe") for token in tokens):
        return Meaning(kind="refuse", text=UNSAFE)
    clauses = _whole_question(_clauses(tokens))
    for clause in clauses:
        clause.how = manner(clause.tokens, asked=clause.asked)
    if not clauses or any(clause.how == frames.TALK for clause in clauses):
        return NOTHING
    if any(clause.how == "absent" for clause in clauses):
        return Meaning(kind="refuse", text=ABSENT)
    questions = [clause for clause in clauses if clause.how == frames.QUESTION]
    commands = [clause for clause in clauses if clause.how in (frames.COMMAND, frames.HINT, frames.NAMING)]
    if questions:
        asked = [clause for clause in clauses if clause.how in (frames.QUESTION, frames.NAMING)]
        subject = read_frame([token for clause in asked for token in clause.tokens])
        return asked_about(subject, memory)
    if not commands:
        return NOTHING
    follows = bool(tokens) and (
        tokens[0].tag in ("and", "fix") or any(token.text in ("too", "as well") for token in tokens)
    )
    named = any(clause.how != frames.NAMING for clause in commands)
    context = [read_frame(clause.tokens) for clause in clauses if clause.how == frames.CONTEXT]
    for mentioned in (frame for frame in context if frame.kind in ("light", "lock", "oven") or frame.rooms):
        memory = replace(memory, last=mentioned)  # "I am done with the oven, turn it off"
    wishes = _merge(commands, memory, follows=follows, named=named)
    if wishes and ("later" in tags or _timed(tokens)):
        return Meaning(kind="refuse", text=LATER)
    return resolve(wishes, memory)


def _timed(tokens: Sequence[Token]) -> bool:
    return any(
        token.tag == "timeunit" and tokens[at - 1].tag in ("num", "fill") for at, token in enumerate(tokens) if at
    )


def _clauses(tokens: Sequence[Token]) -> list[_Clause]:
    """Cut at conjunctions and marks; corrections, denials and exceptions are marked at what follows them."""
    clauses = [_Clause([])]

    def cut(**marks: bool) -> None:
        if clauses[-1].tokens:
            clauses.append(_Clause([]))
        for name in marks:
            setattr(clauses[-1], name, True)

    for token in tokens:
        match token.tag:
            case "mark":
                if token.text == "?":
                    clauses[-1].asked = True
                if token.text in ".,;:!?…":
                    cut()
            case "but":
                cut(but=True)
            case "and" | "because":
                cut()
                if token.tag == "because":
                    break  # reasons do not matter
            case "fix":
                cut(corrects=True)
            case "drop":
                cut(corrects=True, denied=True)
                clauses[-1].tokens.append(token)
                cut()
            case "not":
                cut(denied=True)
                clauses[-1].tokens.append(token)
            case "except":
                cut(excepted=True)
            case _:
                clauses[-1].tokens.append(token)
    return [clause for clause in clauses if clause.tokens]


def _whole_question(clauses: list[_Clause]) -> list[_Clause]:
    """Put together again a question about two things: "are the kitchen light and the oven off?"."""
    heads = [next((token.tag for token in clause.tokens if token.tag != "fill"), "") for clause in clauses]
    if len(clauses) > 1 and heads[0] in ("wh", "tobe", "qreq") and set(heads[1:]) <= frames.TARGETS | {""}:
        words = [token for clause in clauses for token in clause.tokens]
        return [_Clause(words, asked=any(clause.asked for clause in clauses))]
    return clauses


def _merge(clauses: Sequence[_Clause], memory: Memory, *, follows: bool, named: bool) -> list[Frame]:
    """Let clauses complete each other: what is said once counts for all that it was said of."""
    done: list[Frame] = []
    waiting: list[Frame] = []
    before = len(done)
    for clause in clauses:
        frame = read_frame(clause.tokens)
        if clause.denied:
            done, waiting = _denied(clause, frame, done, waiting)
        elif clause.excepted or (clause.but and done and done[-1].every and not frame.has_action):
            done = [*done[:-1], *_without(done[-1], frame)] if done else done
        elif clause.corrects and (done or waiting or memory.last):
            done, waiting = _corrected(frame, done, waiting, before, memory)
        elif _keeps(clause, frame, done):
            done = [*done[:-1], *_without(done[-1], frame)]
        else:
            before = len(done)
            done, waiting = _added(frame, done, waiting)
    return _completed(done, waiting, memory, follows=follows, named=named)


def _added(frame: Frame, done: list[Frame], waiting: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    if frame.has_target and not frame.has_action:
        if not done:
            return done, [*waiting, frame]
        last = done[-1]
        if not (last.rooms or last.doors or last.every) and last.kind in ("", "light") and _only_room(frame):
            return [*done[:-1], replace(last, rooms=frame.rooms)], waiting
        if _only_room(frame) and last.kind in ("light", "oven"):
            frame = replace(frame, kind="light")
        return [*done, frame.action_of(last)], waiting
    if frame.has_action and not frame.has_target:
        if waiting:
            return [*done, *(frame.target_of(target) for target in waiting)], []
        if done and _fits(frame, done[-1]):
            return [*done[:-1], done[-1].plus(frame)], waiting
        return [*done, frame], waiting
    if frame.has_target:
        if frame.it and not frame.kind and done:
            return _continued(frame, done), waiting
        if waiting and all(map(_only_room, waiting)) and not frame.rooms and frame.kind in ("", "light", "oven"):
            return [*done, replace(frame, rooms=tuple(room for target in waiting for room in target.rooms))], []
        if done and frame.kind == "light" and not frame.rooms and not frame.every and done[-1].kind in ("", "light"):
            frame = replace(frame, rooms=done[-1].rooms, every=done[-1].every)
        return [*done, *(frame.target_of(_of_kind(target, frame)) for target in waiting), frame], []
    return done, waiting


def _continued(frame: Frame, done: list[Frame]) -> list[Frame]:
    """ "... and set it to fifty percent"."""
    last = done[-1]
    if frame.rooms:
        return [*done, replace(frame, kind=last.kind or "light")]
    frame = replace(frame, it=False)
    return [*done[:-1], last.plus(frame)] if _fits(frame, last) else [*done, frame.target_of(last)]


def _only_room(frame: Frame) -> bool:
    return bool(frame.rooms) and not frame.kind and not frame.doors


def _of_kind(target: Frame, like: Frame) -> Frame:
    return replace(target, kind=like.kind) if _only_room(target) and like.kind == "light" else target


def _fits(action: Frame, last: Frame) -> bool:
    """Whether `action` can be part of the same message as `last`."""
    if action.act and last.act and action.act != last.act:
        return False
    if action.scene or last.scene or (action.act in ("lock", "unlock")) != (last.kind == "lock" and bool(action.act)):
        return False
    return not (action.change or last.change)


def _keeps(clause: _Clause, frame: Frame, done: list[Frame]) -> bool:
    keeps = any(token.tag == "keep" for token in clause.tokens)
    return keeps and bool(done) and (done[-1].every or done[-1].kind == "everything") and frame.has_target


def _without(frame: Frame, left_out: Frame) -> list[Frame]:
    """All lights, or everything, but one."""
    rooms = tuple(room for room in (frame.rooms or ROOMS) if room not in left_out.rooms or left_out.kind == "oven")
    if frame.kind == "everything":
        oven = [] if left_out.kind == "oven" else [replace(frame, kind="oven", rooms=(), every=False)]
        return [replace(frame, kind="light", rooms=rooms, every=False), *oven]
    return [replace(frame, rooms=rooms, every=False)]


def _denied(clause: _Clause, frame: Frame, done: list[Frame], waiting: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    tags = {token.tag for token in clause.tokens}
    if "drop" in tags or tags <= {"not", "fill"}:
        return [], []
    if "keep" in tags and frame.has_target and frame.act:
        opposite = {"on": "off", "off": "on", "lock": "unlock", "unlock": "lock"}[frame.act]
        return [*done, replace(frame, act=opposite)], waiting
    if frame.has_target and not frame.has_action:  # "not the kitchen": what was said of it does not hold
        same = [left for left in done if not (set(left.rooms) & set(frame.rooms) or set(left.doors) & set(frame.doors))]
        return same or done, waiting
    return done, waiting


def _corrected(
    frame: Frame, done: list[Frame], waiting: list[Frame], before: int, memory: Memory
) -> tuple[list[Frame], list[Frame]]:
    if not done and not waiting:
        return ([_amended(memory.last, frame)] if memory.last and (frame.has_target or frame.has_action) else []), []
    if frame.has_target and frame.has_action and not frame.it:
        return [*done[:before], frame], []
    if not done:
        return done, [*waiting[:-1], _amended(waiting[-1], frame)]
    return [*done[:-1], _amended(done[-1], frame)], waiting


def _amended(last: Frame, fix: Frame) -> Frame:
    """Return `last` with what `fix` says instead."""
    fix = replace(fix, it=False)
    if fix.has_target and not fix.has_action:
        if _only_room(fix) and last.kind in ("light", "", "everything"):
            return replace(last, rooms=fix.rooms, every=False)
        return replace(fix.action_of(last), every=fix.every)
    if fix.has_action and not fix.has_target:
        cleared = replace(last, brightness=None, white=None, heat=None, number=None, change="", by=None)
        if fix.number is not None:  # a bare number is of the unit that it replaces
            for unit in ("heat", "white", "brightness"):
                if getattr(last, unit) is not None:
                    return cleared.plus(Frame(**{unit: fix.number}))  # type: ignore[arg-type]  # one of the three
        return (last if fix.act and not fix.change else cleared).plus(fix)
    return fix


def _completed(done: list[Frame], waiting: list[Frame], memory: Memory, *, follows: bool, named: bool) -> list[Frame]:
    """Take from what was talked about before what the sentence leaves open."""
    answers = [*done, *waiting]
    if memory.pending is not None and answers and not any(f.has_target and f.has_action for f in answers):
        merged = memory.pending
        for answer in answers:
            merged = merged.plus(replace(answer, it=False))
        rooms = tuple(room for answer in answers for room in answer.rooms)
        doors = tuple(door for answer in answers for door in answer.doors)
        return [replace(merged, rooms=rooms or merged.rooms, doors=doors or merged.doors)]
    if done or not waiting:
        return done
    if memory.last is not None and follows:
        return [_amended(memory.last, target) for target in waiting]
    return waiting if named else []
