"""What to answer: a few rules, so that everything else of a conversation can be tried without a model.

A rule either gives text to say or asks for a tool of the client. The dialogue knows nothing of
audio, and its answers have no side effect: a prepared answer that is dropped leaves no trace.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sonicrtc.local.sonic.brain import ToolDefinition
from sonicrtc.local.sonic.speech import phrases
from sonicrtc.local.sonic.speech.answers import Answer, CallThen, CallTool, Say
from sonicrtc.local.sonic.speech.home.talk import HouseTalk, Talked, house_tools
from sonicrtc.local.sonic.speech.text import number_words, parse_number, spoken_words
from sonicrtc.local.sonic.speech.toolmatch import ToolMatch, match_tool, tell_result

#: The tool that tells time and date, when the client offers it.
CLOCK_TOOL = "get_date_and_time"
#: Counting further would take longer than a client has to keep.
COUNT_MAX = 50
_COUNT_GROUP = 5


class Dialogue:
    """The rules, and the little that is remembered between turns.

    Parameters
    ----------
    tools : mapping of str to ToolDefinition
        What the client offers.
    tool_choice : str
        ``"auto"``, ``"any"`` or ``"tool:<name>"``.
    system_prompt : str
        Read for two things: ``your name is ...`` or ``you are called ...``, and ``speak French``.
    history : sequence of (role, text)
        Earlier conversation; its last ASSISTANT text can be repeated.
    voice_id : str
        Where it or the prompt wants another language than English, the user is told once that there is none.
    now : callable
        Guesses what the clock tool will say.
    """

    def __init__(
        self,
        tools: Mapping[str, ToolDefinition] | None = None,
        *,
        tool_choice: str = "auto",
        system_prompt: str = "",
        history: Sequence[tuple[str, str]] = (),
        voice_id: str = "",
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._tools = tools or {}
        self._tool_choice = tool_choice
        named = re.search(r"\b(?:your name is|you are called)\s+(\w+)", system_prompt, re.IGNORECASE)
        self._name = named[1] if named else "Sonic"
        self._last_said = next((text for role, text in reversed(history) if role == "ASSISTANT"), "")
        self._asked_for: ToolMatch | None = None
        asked = phrases.FOREIGN_ASKED.search(system_prompt)
        language = asked[1] if asked else phrases.FOREIGN_VOICES.get(voice_id)
        excuse = phrases.ENGLISH_ONLY.format(language=language) if language else ""
        self._excuse = "" if any(excuse in text for _, text in history) else excuse
        self._now = now
        tools_of_house = house_tools(self._tools)
        self._house = HouseTalk(tools_of_house) if tools_of_house else None
        self._talked = Talked()
        self._running = False

    def begin(self, call: CallTool | CallThen) -> None:
        """Take that `call` is made now: whoever interrupts it may want to know what became of it."""
        self._running = True
        if isinstance(call, CallThen) and call.talked is not None:
            self._talked = call.talked

    def remember(self, answer: Answer, said: str) -> None:
        """Keep what was really answered, for "say that again" and for a question that was asked back."""
        if self._excuse and said.startswith(self._excuse):
            said, self._excuse = said.removeprefix(self._excuse).strip(), ""
        self._last_said = said
        self._asked_for = answer.asks_for if isinstance(answer, Say) else None
        talked = answer.talked if isinstance(answer, Say) else None
        self._talked = talked or self._talked.lapsed()
        self._running = False

    def answer(self, heard: str) -> Answer:
        """Return the answer to `heard`, the user's words as text."""
        if verbatim := phrases.SAY_EXACTLY.match(heard):
            return Say(text=verbatim["what"])
        return self._excused(self._answer(heard))

    def _excused(self, answer: Answer) -> Answer:
        """Put before the first answer of one's own that the wished language is not spoken here."""
        excuse = self._excuse
        if not excuse:
            return answer
        if isinstance(answer, Say):
            return replace(answer, text=f"{excuse} {answer.text}")
        guess = f"{excuse} {answer.guess}" if answer.guess else None
        if isinstance(answer, CallThen):
            then = answer.then
            return replace(answer, then=lambda result: self._excused(then(result)), guess=guess)
        tell = answer.tell
        return replace(answer, tell=lambda result: f"{excuse} {tell(result)}", guess=guess)

    def _answer(self, heard: str) -> Answer:
        words = _normalise(heard)
        forced = self._forced_tool(heard)
        if forced is not None:
            return forced
        if self._running and phrases.STOP.search(words):
            return Say(text=phrases.STOPPED)
        answer = self._first_rule(heard, words) or self._first_rule(heard, self._repair(words))
        if answer is not None:
            return answer
        if self._asked_for is not None:
            return self._call(self._asked_for.with_argument(heard))
        quoted = heard.strip().rstrip(",.;:")
        return Say(
            text=f"I heard: {quoted}{'' if quoted[-1:] in ('?', '!') else '.'} But I do not know how to help with that."
        )

    def _first_rule(self, heard: str, words: str) -> Answer | None:
        return (
            self._repeat(heard, words)
            or self._count(words)
            or self._time_or_date(words)
            or (self._house.answer(heard, self._talked) if self._house else None)
            or self._tool(heard, words)
            or self._small_talk(words)
        )

    # -- rules ------------------------------------------------------------------------------------

    def _repeat(self, heard: str, words: str) -> Answer | None:
        if phrases.REPEAT_LAST.search(words):
            return Say(text=self._last_said or "I have not said anything yet.")
        match = phrases.REPEAT.match(heard)
        if match is None or (phrases.TIME.search(words) and not re.search(r"\brepeat\b|after me", words)):
            return None
        what = match["what"].strip()
        return Say(text=what[0].upper() + what[1:] + ("" if what[-1] in ".!?" else "."))

    def _count(self, words: str) -> Answer | None:
        if phrases.COUNT_BARE.match(words):
            return Say(text=_counted(range(1, 21)))
        down = phrases.COUNT_DOWN.search(words)
        up = None if down else phrases.COUNT.search(words)
        match = down or up
        top = parse_number(match["top"].split()) if match else None
        if match is None or top is None:
            return None
        if top > COUNT_MAX:
            return Say(text=f"That would take long, so I stop at {COUNT_MAX}. " + _counted(range(1, COUNT_MAX + 1)))
        if down:
            return Say(text=_counted(range(top, -1, -1)))
        bottom = parse_number(match["bottom"].split()) if match["bottom"] else 1
        return Say(text=_counted(range(bottom or 0, top + 1))) if (bottom or 0) <= top else None

    def _time_or_date(self, words: str) -> Answer | None:
        time = phrases.TIME.search(words) is not None
        date = phrases.DATE.search(words) is not None and not phrases.NOT_DATE.search(words)
        if not (time or date):
            return None
        if CLOCK_TOOL not in self._tools:
            if match_tool(words, words, self._tools) is not None:
                return None
            return Say(text="I cannot know that: this call gives me no clock to look at.")

        def tell(result: Any) -> str:
            return _tell_clock(result, time=time, date=date)

        now = self._now()
        likely = {"time": f"{now:%I:%M %p}".lstrip("0"), "date": f"{now:%Y-%m-%d}", "weekday": f"{now:%A}"}
        return CallTool(name=CLOCK_TOOL, arguments={}, tell=tell, guess=tell(likely))

    def _tool(self, heard: str, words: str) -> Answer | None:
        own = {CLOCK_TOOL, *(self._house.names if self._house else ())}
        others = {name: tool for name, tool in self._tools.items() if name not in own}
        found = match_tool(heard, words, others)
        return None if found is None else self._call(found)

    def _forced_tool(self, heard: str) -> Answer | None:
        wanted = self._tool_choice.removeprefix("tool:")
        if wanted == self._tool_choice or wanted not in self._tools:
            return None
        found = match_tool(heard, _normalise(heard), {wanted: self._tools[wanted]}, at_least=0)
        return None if found is None else self._call(found)

    def _small_talk(self, words: str) -> Answer | None:
        for pattern, text in phrases.SMALL_TALK:
            if re.search(pattern, words):
                return Say(text=text.format(name=self._name))
        return None

    # -- parts ------------------------------------------------------------------------------------

    def _call(self, found: ToolMatch) -> Answer:
        if found.missing is not None:
            return Say(text=f"For the {found.title} I need the {found.missing}. Which one?", asks_for=found)

        def tell(result: Any) -> str:
            return tell_result(found.title, result)

        return CallTool(name=found.name, arguments=found.arguments, tell=tell)

    def _repair(self, words: str) -> str:
        """Replace words that no rule knows by the nearest that one does."""
        known = [*phrases.LEXICON, *(word for name in self._tools for word in re.findall(r"[a-z]{4,}", name.lower()))]
        return " ".join(_nearest(word, known) for word in words.split())


def _nearest(word: str, known: Iterable[str]) -> str:
    if len(word) < 4:
        return word
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return close[0] if close else word


def _normalise(heard: str) -> str:
    words = " ".join(spoken_words(heard))
    for pattern, meant in (*phrases.CONTRACTIONS, *phrases.MISHEARD):
        words = re.sub(pattern, meant, words)
    return words


def _counted(numbers: Sequence[int]) -> str:
    """Return the numbers in words, five to a sentence: each sentence is spoken by itself."""
    groups = [numbers[start : start + _COUNT_GROUP] for start in range(0, len(numbers), _COUNT_GROUP)]
    lines = [", ".join(number_words(number) for number in group) for group in groups]
    return " ".join(f"{line[0].upper()}{line[1:]}." for line in lines)


def _tell_clock(result: Any, *, time: bool, date: bool) -> str:
    """Put the clock tool's result into words; the time stays as the page shows it."""
    if not isinstance(result, Mapping) or "error" in result:
        return tell_result("clock", result)
    parts = []
    if time and isinstance(result.get("time"), str):
        parts.append(f"It is {result['time']}.")
    if date and isinstance(result.get("date"), str):
        try:
            day = datetime.fromisoformat(result["date"])
            parts.append(f"Today is {result.get('weekday') or f'{day:%A}'}, {day:%B} {day.day}, {day.year}.")
        except ValueError:
            parts.append(f"Today is {result['date']}.")
    return " ".join(parts) or tell_result("clock", result)
