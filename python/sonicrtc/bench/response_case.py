"""How fast the agent answers: ten spoken questions to the demo, everything on this machine.

``response_ms`` is the time from the end of the caller's speech to the first sound of the answer,
without the pause that the model waits for by design; see ``sonicrtc call --help``.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sonicrtc.caller import CallOptions, CallReport, Clip, HeadlessCall, read_wav
from sonicrtc.errors import SonicRtcError

_START_S = 120.0
_STOP_S = 15.0
_QUESTION_RATE_HZ = 16_000


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
    for number, question in enumerate(questions):
        wav = wavs / f"question-{number}.wav"
        if not wav.exists():
            await asyncio.to_thread(_speak, question.text, wav)
        report = await HeadlessCall(CallOptions(url=url), Clip(read_wav(wav))).run()
        yield Response(question=question, report=report)


async def run(say: Callable[[str], None] = print, questions: tuple[Question, ...] = QUESTIONS) -> int:
    """Start the demo, ask, and print each time and the median.

    Returns
    -------
    int
        0, or 1 when an answer was wrong or missing.
    """
    times_ms: list[float] = []
    problems = 0
    say("response_ms: end of speech to first sound, without the model's documented pause")
    with tempfile.TemporaryDirectory(prefix="sonicrtc-bench-") as directory:
        async with demo() as url:
            async for response in measure(url, Path(directory), questions):
                problem = response.problem
                if problem is None and response.report.response_ms is not None:
                    times_ms.append(response.report.response_ms)
                    say(f"{response.report.response_ms:8.0f} ms  {response.question.text}")
                else:
                    problems += 1
                    say(f"    FAILED   {response.question.text}  {problem}")
    if times_ms:
        median_ms = statistics.median(times_ms)
        say(f"{median_ms:8.0f} ms  median of {len(times_ms)}, from {min(times_ms):.0f} to {max(times_ms):.0f}")
    return 1 if problems else 0


@asynccontextmanager
async def demo(*arguments: str) -> AsyncIterator[str]:
    """Run ``sonicrtc demo`` on a free port and yield its address.

    Raises
    ------
    SonicRtcError
        It ended, or was not ready in time.
    """
    command = (sys.executable, "-P", "-m", "sonicrtc", "demo", "--no-browser", "--port", "0", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE)
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(_START_S):
            while "ready" not in lines:
                line = await process.stdout.readline()
                if not line:
                    raise SonicRtcError(f"the demo ended with status {await process.wait()} before it was ready")
                lines.append(line.decode().strip())
        yield lines[0]
    except TimeoutError as exc:
        raise SonicRtcError(f"the demo was not ready after {_START_S:g} s") from exc
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


def _speak(text: str, path: Path) -> None:
    from sonicrtc.local.sonic.speech.synthesizer import speak_to_wav

    speak_to_wav(text, path, _QUESTION_RATE_HZ)
