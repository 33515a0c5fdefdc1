"""A caller who says pieces of human speech, a model that answers each with a tone of its own, and a page between.

The model knows the pieces: it answers number k with tone k when, and only when, it has heard that piece whole. So a
caller who hears the tones 1, 2, 3 was understood each time, has lost no answer and heard none twice.
"""

from __future__ import annotations

import asyncio
import itertools
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import numpy as np
from tests.call.pages import Page, calling
from tests.net.peers import Int16
from tests.speech import LIBRIVOX

from sonicrtc.audio import Resampler
from sonicrtc.calls import Calls
from sonicrtc.config import Config, ContinuityConfig, SonicConfig, VadConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.events import ModelEvent, TranscriptEvent
from sonicrtc.local.sonic import Emitter, Fault, LocalSonic, SessionSetup
from sonicrtc.local.sonic.brain import BrainInput, UserAudio, UserText
from sonicrtc.local.sonic.emitter import StopReason
from sonicrtc.local.state import LocalState
from sonicrtc.sonic.protocol import SonicEvent
from sonicrtc.sonic.session import SonicSession
from sonicrtc.sonic.stream import UplinkBlock
from sonicrtc.tools.registry import ToolRegistry

_PIECE_S = 0.6
_WINDOW = 320  # 20 ms at 16 kHz
_LOUD = 200.0  # RMS of a window in which somebody speaks
_PAUSE_WINDOWS = 20
_TONE_BLOCKS = 8  # of 20 ms
_BEFORE_WINDOWS = 10  # kept from before somebody speaks
#: How much a piece has to look like itself, as a correlation: Opus lies between. Others are below 0.3.
_WHOLE = 0.5
#: The gate closes between two pieces, and after the model has noticed the pause.
GATE = VadConfig(hangover_ms=700)
#: A number that is answered with four tones, one after the other, all of them sentences of their own.
STORY = 30
#: A piece that is four times as long.
LONG = 31


@cache
def pieces() -> dict[int, Int16]:
    """Return pieces of the recordings at 16 kHz by number, from 1."""
    assert LIBRIVOX.is_dir(), "apt-get install pocketsphinx-testdata"
    found: list[Int16] = []
    for path in sorted(LIBRIVOX.glob("*.wav")):
        with wave.open(str(path), "rb") as recording:
            sound = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").astype(np.int16)
        size = int(_PIECE_S * 16_000)
        found += [sound[start : start + size] for start in range(6400, sound.size - 14_400, size)]
    found = [piece for piece in found if min(map(_rms, np.array_split(piece, 4))) > 2 * _LOUD]
    numbered = dict(enumerate(found[:16], 1))
    return numbered | {STORY: found[16], LONG: np.concatenate(found[-4:])}


def likeness(heard: Int16, piece: Int16) -> tuple[float, int]:
    """Return how well `piece` is contained in `heard` at the best place, 1 at most, and that place."""
    if heard.size < piece.size:
        return 0.0, 0
    size = 1 << int(heard.size + piece.size).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size))
    product = np.fft.irfft(spectrum, size)[: heard.size - piece.size + 1]
    power = np.concatenate([[0.0], np.cumsum(heard.astype(float) ** 2)])
    energy = (power[piece.size :] - power[: -piece.size]) * np.sum(piece.astype(float) ** 2)
    likenesses = product / np.sqrt(np.maximum(energy, 1e12))
    place = int(np.argmax(likenesses))
    return float(likenesses[place]), place


def _rms(sound: Int16) -> float:
    return float(np.sqrt(np.mean(sound.astype(float) ** 2)))


def understood(heard: Int16) -> list[int]:
    """Return the numbers of the pieces that are in `heard` as a whole, in order."""
    found = {number: likeness(heard, piece) for number, piece in pieces().items()}
    return sorted((n for n, (like, _) in found.items() if like >= _WHOLE), key=lambda n: found[n][1])


# --- the model ------------------------------------------------------------------------------------


class Listener:
    """Answers the pieces that it hears, when there is a pause; what it cannot make out, with tone 0."""

    #: While this is not set, what was heard is told, but not answered.
    may_answer = asyncio.Event()

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        heard, quiet_windows = [np.zeros(0, np.int16)], 0
        rest, spoke = np.zeros(0, np.int16), False
        async for item in inputs:
            match item:
                case UserAudio(pcm):
                    rest = np.concatenate([rest, np.frombuffer(pcm, "<i2")])
                case UserText():  # the answer was cut off: what was said of it is in the history
                    (_, asked), (_, answered) = setup.history[-2:]
                    await self._answer([n for n in replies(asked) if str(n) not in answered.split()], emit)
                case _:
                    raise AssertionError(f"nobody asked for {item}")
            while rest.size >= _WINDOW:
                window, rest = rest[:_WINDOW], rest[_WINDOW:]
                loud = _rms(window) > _LOUD
                quiet_windows = 0 if loud else quiet_windows + 1
                spoke = spoke or loud
                heard = [*heard, window][0 if spoke else -_BEFORE_WINDOWS :]
                if spoke and quiet_windows >= _PAUSE_WINDOWS:
                    numbers = " ".join(map(str, await asyncio.to_thread(understood, np.concatenate(heard)) or [0]))
                    heard, spoke = [], False
                    await emit.user_text(numbers)
                    await self.may_answer.wait()
                    await self._answer(replies(numbers), emit)

    async def _answer(self, numbers: list[int], emit: Emitter) -> None:
        for number in numbers:
            reason: StopReason = "END_TURN" if number == numbers[-1] else "PARTIAL_TURN"
            await emit.speculative(str(number))
            await emit.audio(_tone(number).tobytes(), flush=True)
            await emit.end_audio(reason)
            await emit.final(str(number), reason)


def replies(numbers: str) -> list[int]:
    """Return the tones that answer what was understood."""
    tones = [[STORY, 32, 33, 34] if number == str(STORY) else [int(number)] for number in numbers.split()]
    return list(itertools.chain(*tones))


def _tone(number: int) -> Int16:
    """Return 160 ms of sound and 120 ms of silence, 24 kHz."""
    n = np.arange(24_000 // 50 * _TONE_BLOCKS)
    sound = 8000 * np.sin(2 * np.pi * (500 + 100 * number) * n / 24_000)
    return np.concatenate([sound, np.zeros(24_000 * 120 // 1000)]).astype("<i2")


# --- the caller -----------------------------------------------------------------------------------


class Caller:
    """A microphone that never stops, and an ear for tones."""

    def __init__(self) -> None:
        self._to_say = np.zeros(0, np.int16)
        self._sounding: list[int] = []
        self._blocks = 0
        self.page: Page
        self.session: Tapped

    def say(self, *numbers: int) -> None:
        """Say pieces after what is being said, each with a short pause behind it."""
        for number in numbers:
            resampler = Resampler(input_rate_hz=16_000, output_rate_hz=48_000)
            spoken = [resampler.push(pieces()[number]), resampler.flush(), np.zeros(9600, np.int16)]
            self._to_say = np.concatenate([self._to_say, *spoken])

    def __call__(self, frames: int) -> Int16:
        block, self._to_say = self._to_say[:frames], self._to_say[frames:]
        return np.concatenate([block, np.zeros(frames - block.size, np.int16)])

    @property
    def tones(self) -> list[int]:
        """The tones that were heard so far; on a busy machine one may stutter, so its length tells how often."""
        for block in self.page.heard.blocks[self._blocks :]:
            self._sounding += [number for number in [_number(block)] if number is not None]
        self._blocks = len(self.page.heard.blocks)
        heard = [(number, len(list(blocks))) for number, blocks in itertools.groupby(self._sounding)]
        return [n for n, count in heard if count > 1 for _ in range(max(1, round(count / _TONE_BLOCKS)))]

    async def hears(self, number: int) -> None:
        """Wait until tone `number` was heard."""
        await self.page.heard.until(lambda: number in self.tones, timeout_s=30)

    def told(self) -> list[str]:
        """Return the codes of the errors that the page was told the call recovers from."""
        return [event.code for event in self.page.told(ModelEvent) if event.status == "recovering"]

    async def recovers(self, count: int) -> None:
        """Wait until the page was told so, `count` times."""
        await self.page.heard.until(lambda: len(self.told()) >= count)

    def shown(self) -> dict[int, str]:
        """Return what the page shows as the caller's words, by turn."""
        return {event.turn: event.text for event in self.page.told(TranscriptEvent) if event.role == "user"}


def _number(block: Int16) -> int | None:
    """Return the tone of 20 ms."""
    levels = 2 * np.abs(np.fft.rfft(block)) / block.size
    hz = int(np.argmax(levels)) * 48_000 / block.size
    return round((hz - 500) / 100) if levels.max() > 2000 and abs(hz % 100 - 50) > 40 else None


class Tapped(SonicSession):
    """The real session; what the gate gives it is kept."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.gated: list[Int16] = []

    def send_audio(self, block: UplinkBlock, *, captured_at_s: float) -> None:
        edge = max(0, block.onset)
        self.gated += [part.copy() for part in (block.s16[:edge], block.preroll, block.s16[edge:])]
        super().send_audio(block, captured_at_s=captured_at_s)

    def utterances(self) -> list[list[bytes]]:
        """Return what the caller said, each time until a pause of 300 ms, in windows of 20 ms."""
        sound = np.concatenate(self.gated)
        windows = sound[: sound.size // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
        found: list[list[bytes]] = []
        quiet = 15
        for window in windows:
            if _rms(window) <= _LOUD:
                quiet += 1
                continue
            found += [[]] if quiet >= 15 else []
            found[-1].append(window.astype("<i2").tobytes())
            quiet = 0
        return found


@asynccontextmanager
async def talking(
    state: LocalState, continuity: ContinuityConfig | None = None, first: Sequence[Fault] = (), vad: VadConfig = GATE
) -> AsyncIterator[tuple[LocalSonic, Caller]]:
    """Call an agent whose model is the local service, over WebRTC and the real AWS SDK."""
    Listener.may_answer = asyncio.Event()
    Listener.may_answer.set()
    caller = Caller()
    async with LocalSonic(state=state, brain=Listener, record=True) as service:
        for fault in first:
            service.faults.next(fault)
        config = Config(sonic=SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file), vad=vad)
        keys = StaticCredentials(state.keys)

        def open_session(sonic: SonicConfig, on_event: Callable[[SonicEvent], None]) -> SonicSession:
            caller.session = Tapped(sonic, credentials=keys, on_event=on_event, continuity=continuity)
            return caller.session

        async with (
            Calls(config, credentials=keys, tools=ToolRegistry(), open_session=open_session) as calls,
            calling(calls, caller) as caller.page,
        ):
            await service.records.until(lambda records: len(records) > 0)
            yield service, caller
        assert calls.opened == calls.closed == 1
    assert service.sessions.opened == service.sessions.closed


def streams_that_heard(service: LocalSonic, caller: Caller) -> list[list[int]]:
    """Return, for each utterance, the streams whose audio holds all of it that the gate let through.

    Only what the session says that it dropped, because the machine was too busy, may be missing.
    """
    streams = [record.audio for record in service.records]
    may_miss = caller.session.stats.dropped_ms / 10  # a gap of one chunk, 32 ms, is seen in three windows
    missing = [[sum(w not in audio for w in said) for audio in streams] for said in caller.session.utterances()]
    return [[index for index, count in enumerate(counts) if count <= may_miss] for counts in missing]
