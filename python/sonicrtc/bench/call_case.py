"""How soon the agent answers: ten spoken questions to the demo, everything on this machine.

``response_ms`` is the time from the end of the caller's speech to the first sound of the answer,
without the pause that the model waits for by design; see ``sonicrtc call --help``.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sonicrtc.bench.harness import Timed, sample
from sonicrtc.bench.hops import Hop, hop
from sonicrtc.bench.processes import ServerUnderTest, started
from sonicrtc.bench.reference import Reference

if TYPE_CHECKING:
    from sonicrtc.caller import CallReport

type Say = Callable[[str], None]

_QUESTION_RATE_HZ = 16_000
#: Over which networks packets are followed to the session, beside a good one.
_LOSSES = "5,10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked and, as a regular expression on lower-case text, what a right answer contains."""

    text: str
    answer: str


QUESTIONS = (
    Question(text="What time is it?", answer=r"\b\d{1,2}:\d\d ?(am|pm)\b"),
    Question(text="What is the date today?", answer=r"\btoday is \w+day\b"),
    Question(text="Hello, how are you?", answer=r"\bi am well\b|\bhello\b"),
    Question(text="What can you do for me?", answer=r"\btime\b.*\brepeat\b"),
    Question(text="What is your name?", answer=r"\bmy name is\b"),
    Question(text="Please repeat after me: the sun is shining.", answer=r"\bsun is shining\b"),
    Question(text="Can you count to five, please?", answer=r"\bone, two, three, four, five\b"),
    Question(text="Please tell me a story.", answer=r"\bonce there was\b"),
    Question(text="Thank you very much.", answer=r"\bwelcome\b"),
    Question(text="Which color has the sky over Paris?", answer=r"\bi heard\b|\bdo not know\b"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One question's result."""

    question: Question
    report: CallReport

    @property
    def problem(self) -> str | None:
        """Why this is no right answer, or None."""
        if self.report.failure is not None:
            return self.report.failure
        if self.report.response_ms is None:
            return "nothing was heard"
        if re.search(self.question.answer, self.report.assistant_text.lower()) is None:
            return f"wrong answer: understood {self.report.user_text!r}, said {self.report.assistant_text!r}"
        return None


async def measure(url: str, wavs: Path, questions: tuple[Question, ...] = QUESTIONS) -> AsyncIterator[Response]:
    """Ask `questions` one after the other, each in a call of its own.

    Parameters
    ----------
    url : str
        Address of a server.
    wavs : Path
        Directory for the questions' recordings; those that are there are used again.
    """
    from sonicrtc.caller import CallOptions, Clip, HeadlessCall, read_wav

    for number, question in enumerate(questions):
        wav = wavs / f"question-{number}.wav"
        if not wav.exists():
            await asyncio.to_thread(_speak, question.text, wav)
        report = await HeadlessCall(CallOptions(url=url), Clip(read_wav(wav))).run()
        yield Response(question=question, report=report)


#: Stations of a turn, each from one mark of a TimingEvent to the next; the turn ends a pause after the speech.
_HOPS = {
    "end of turn to its text": ("turn_end_ms", "user_text_ms"),
    "text to first audio": ("user_text_ms", "first_audio_received_ms"),
    "first audio to played": ("first_audio_received_ms", "first_audio_played_ms"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question that was answered right: in ms, and in times of the reference work."""

    question: str
    response_ms: float
    number: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationReport:
    """What :func:`run` found.

    Parameters
    ----------
    answered : tuple of Answered
        In the order in which they were asked.
    problems : tuple of str
        Questions that were not answered, or wrong, and how.
    hops : tuple of Hop
        Where a turn's time went, after the pause by which the model takes it as ended.
    """

    answered: tuple[Answered, ...]
    problems: tuple[str, ...]
    hops: tuple[Hop, ...]

    @property
    def median_ms(self) -> float | None:
        """Median of the response times; None when nothing was answered."""
        return statistics.median(a.response_ms for a in self.answered) if self.answered else None


async def run(
    say: Say = lambda line: None, questions: tuple[Question, ...] = QUESTIONS, *, interruptions: int = 5,
    stations_s: int = 20,
) -> ConversationReport:  # fmt: skip
    """Start the demo, ask, break in, and report each time; then follow marks through a call from station to station."""
    from sonicrtc.bench import interruptions as breaking_in
    from sonicrtc.bench.media import stations
    from sonicrtc.bench.media.impairment import parse_losses

    responses: list[Response] = []
    numbers: list[float] = []
    hops: list[Hop] = []
    say("call: starting the demo")
    with tempfile.TemporaryDirectory(prefix="sonicrtc-bench-") as directory:
        async with demo() as url:
            async for response in measure(url, Path(directory), questions):
                responses.append(response)
                numbers.append((response.report.response_ms or 0.0) / 1000 / reference_s())
                say(f"call: {len(responses)} of {len(questions)} questions")
            silent_ms = await breaking_in.measure(url, Path(directory), _speak, interruptions)
            say(f"call: {len(silent_ms)} of {interruptions} interruptions")
            hops += [hop("barge-in to silence", "ms", silent_ms)] if silent_ms else []
    say("call: marks from station to station")
    hops += await stations.run(stations_s)
    for network in parse_losses(_LOSSES):
        lossy = await stations.run(stations_s, network)
        hops += [replace(one, name=f"the same, {network.name} lost") for one in lossy if one.name == stations.UP]
    found = summarize(responses, numbers)
    return replace(found, hops=(*found.hops, *hops))


def summarize(responses: Sequence[Response], numbers: Sequence[float]) -> ConversationReport:
    """Sort what came back into answers, problems and hops."""
    answered, problems = [], []
    for response, number in zip(responses, numbers, strict=True):
        text, time_ms = response.question.text, response.report.response_ms
        if response.problem is None and time_ms is not None:
            answered.append(Answered(question=text, response_ms=time_ms, number=number))
        else:
            problems.append(f"{text}  {response.problem}")
    return ConversationReport(answered=tuple(answered), problems=tuple(problems), hops=tuple(_hops(responses)))


def _hops(responses: Sequence[Response]) -> Iterator[Hop]:
    marks = []
    for response in responses:
        for event in response.report.events:
            if event["type"] == "timing" and event["user_speech_end_ms"] is not None:
                marks.append({**event, "turn_end_ms": event["user_speech_end_ms"] + response.report.endpoint_ms})
    for name, (start, end) in _HOPS.items():
        spans = [m[end] - m[start] for m in marks if m[start] is not None and m[end] is not None]
        if spans:
            yield hop(name, "ms", spans)


def reference_s() -> float:
    """Return what the reference work takes here, while no call is up: the least, for the demo is beside it."""
    return min(sample(Timed(Reference().work), 50) for _ in range(5))


@asynccontextmanager
async def demo(*arguments: str) -> AsyncIterator[str]:
    """Run ``sonicrtc demo`` on a free port and yield its address.

    Raises
    ------
    SonicRtcError
        It ended, or was not ready in time.
    """
    command = (sys.executable, "-P", "-m", "sonicrtc", "demo", "--no-browser", "--port", "0", *arguments)
    async with started(ServerUnderTest(name="the demo", command=command)) as running:
        yield running.url


def _speak(text: str, path: Path) -> None:
    from sonicrtc.local.sonic.speech.synthesizer import speak_to_wav

    speak_to_wav(text, path, _QUESTION_RATE_HZ)
