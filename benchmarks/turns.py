"""Barge-in, measured: how soon a voice ducks the agent, and what does not.

``make bench-turns`` runs it; ``--json FILE`` keeps the result, ``--only echo`` does one part of it. Everything is in
media time, counted in samples: the microphone goes through Uplink and the assist block by block, and the agent's voice,
our synthesizer's, through Playout. Only the row that says what it costs depends on this machine.

- onset: from the sample where a recorded voice begins to the first sample of the first block of Playout that is ducked,
  in silence and in noise 10 dB below the voice, and how much of the voice was kept from the model as if it were echo;
  also with the synthesizer as the user, whose voice is then the agent's own. The voice begins at the first 10 ms that
  come within 20 dB of the loudest 10 ms of the recording, with two more such in the 40 ms after it, and after 200 ms
  without (100 ms at the start of a recording).
- echo: what Playout gave, later and quieter, through nothing, a small loudspeaker and a room, or a bad room; and how
  often the local service, given what is sent of it, would take it for an interruption.
- noise: nothing but noise at the microphone, 10 dB below a voice.
- double talk: onsets while the echo goes on.

Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.audio import Playout, Resampler, Uplink, VadConfig
from sonicrtc.bargein import Assist
from sonicrtc.bench.report import machine
from sonicrtc.config import BargeInConfig

Sound = NDArray[np.float32]  # mono, 16 kHz, full scale is 1

RATE_HZ = 16_000
BLOCK = RATE_HZ // 50
#: Human speech: Debian's package pocketsphinx-testdata.
RECORDINGS = Path("/usr/share/pocketsphinx/test/data")
VOICE_DBFS = -26.0
NOISE_DB = 10.0
LEAD_S = 2.5  # the agent speaks so long before the user does
ALIGNMENTS = 3
SENTENCES = (
    "It is a quarter past three in the afternoon, and the weather in Rome is sunny with a light wind from the west.",
    "Once upon a time there was a small village by the sea, where every house had a blue door.",
    "The people who lived there went fishing before sunrise, and came home when the bells rang at noon.",
    "One day a stranger arrived with a heavy suitcase, and nobody knew what was inside.",
    "He asked for a room, paid for a whole month, and said that he was waiting for a letter.",
    "Your next meeting is on Thursday at half past nine, with Maria and the team from Berlin.",
    "To reset the device, hold the button for ten seconds until the light blinks three times.",
    "The train to the airport leaves every twenty minutes from platform four.",
    "I am sorry, I did not understand that. Could you please say it again in other words?",
    "Vegetables should be cooked slowly, in a covered pan, with a little butter and a pinch of salt.",
    "The museum opens at ten and closes at six, except on Mondays when it stays closed all day long.",
    "There are seven wonders of the ancient world, and only one of them is still standing today.",
)


# -- sounds -----------------------------------------------------------------------------------------


def read(path: Path) -> Sound:
    """Return a recording: 16-bit mono WAV of a known rate, or raw at 16 kHz."""
    if path.suffix == ".raw":
        samples, rate = np.fromfile(path, "<i2"), RATE_HZ
    else:
        with wave.open(str(path)) as file:
            samples, rate = np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()
    return np.asarray(Resampler(rate, RATE_HZ).push(samples) / 32768, np.float32)


def recordings(directories: Sequence[Path] = ()) -> list[Sound]:
    """Return the human speech: of `directories` where some are given."""
    if directories:
        return [sound for d in directories for p in sorted(d.rglob("*.wav")) if len(sound := read(p)) > RATE_HZ]
    names = ["librivox/*.wav", "cards/*.wav", "*.raw", "tidigits/*.raw"]
    return [read(path) for name in names for path in sorted(RECORDINGS.glob(name))]


def levels_dbfs(sound: Sound) -> NDArray[np.float32]:
    """Return the level of every 10 ms."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    return np.asarray(10 * np.log10((frames**2).mean(1) + 1e-12), np.float32)


def at_level(sound: Sound, dbfs: float) -> Sound:
    """Return `sound` with its speech, the 10 ms that come within 25 dB of the loudest, at `dbfs`."""
    levels = levels_dbfs(sound)
    active = 10 * np.log10((10 ** (levels[levels > levels.max() - 25] / 10)).mean())
    return np.asarray(sound * 10 ** ((dbfs - active) / 20), np.float32)


def onsets(sound: Sound) -> list[int]:
    """Return where a voice begins, by the rule above, in samples."""
    levels = levels_dbfs(sound)
    loud = levels > levels.max() - 20
    found: list[int] = []
    quiet = 0
    for i, is_loud in enumerate(loud):
        if is_loud and quiet >= (20 if found else 10) and loud[i : i + 5].sum() >= 3:
            found.append(160 * i)
        quiet = 0 if is_loud else quiet + 1
    return found


def white(frames: int, random: np.random.Generator) -> Sound:
    """Return white noise with an RMS of 1."""
    return random.standard_normal(frames).astype(np.float32)


def pink(frames: int, random: np.random.Generator) -> Sound:
    """Return noise that falls by 3 dB an octave from 20 Hz on, with an RMS of 1."""
    hz = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    noise = np.fft.irfft(np.fft.rfft(random.standard_normal(frames)) / np.sqrt(np.maximum(hz, 20)), frames)
    return np.asarray(noise / noise.std(), np.float32)


def babble(frames: int, random: np.random.Generator, talkers: int = 6) -> Sound:
    """Return so many people who talk at once without a pause, with an RMS of 1."""
    people = [at_level(sound, 0) for sound in recordings()]
    mixed = np.zeros(frames, np.float32)
    for _ in range(talkers):
        order = random.permutation(len(people))
        talk = np.concatenate([people[i] for i in order])
        mixed += np.resize(np.roll(talk, random.integers(len(talk))), frames)
    return np.asarray(mixed / mixed.std(), np.float32)


NOISES = {"white": white, "pink": pink, "babble": babble}


def path_of(kind: str, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the impulse response from loudspeaker to microphone, with an energy of 1.

    A small loudspeaker starts at 300 Hz and is uneven; a room adds a tail of noise that falls by 60 dB in
    0.25 s, 6 dB below the direct sound, a bad one in 0.5 s and as loud as it.
    """
    if kind == "plain":
        return np.ones(1)
    decay_s, tail_db = {"room": (0.25, -6.0), "bad room": (0.5, 0.0)}[kind]
    t = np.arange(int(RATE_HZ * decay_s)) / RATE_HZ
    tail = random.standard_normal(len(t)) * 10 ** (-3 * t / decay_s)
    tail[:48] = 0
    response = tail / np.sqrt((tail**2).sum()) * 10 ** (tail_db / 20)
    response[0] = 1.0
    hz = [0, 200, 350, 900, 1500, 2500, 3500, 6500, 7500, 8000]
    gain = np.interp(np.fft.rfftfreq(512, 1 / RATE_HZ), hz, [0, 0.05, 0.7, 1, 0.6, 1.3, 0.9, 0.8, 0.2, 0])
    loudspeaker = np.roll(np.fft.irfft(gain), 128)[:256] * np.hanning(256)
    whole = np.convolve(loudspeaker, response)[128:]
    return np.asarray(whole / np.sqrt((whole**2).sum()))


def echo_of(voice: Sound, *, kind: str, lag_ms: int, gain_db: float) -> Sound:
    """Return what the microphone hears of the agent."""
    response = path_of(kind, np.random.default_rng(1))
    size = 1 << (len(voice) + len(response)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(response, size), size)[: len(voice)]
    late = np.concatenate([np.zeros(lag_ms * RATE_HZ // 1000), heard * 10 ** (gain_db / 20)])
    return np.asarray(late[: len(voice)], np.float32)


def agent_voice(seconds: float) -> Sound:
    """Return what the agent says: our synthesizer's voice, sentence after sentence."""
    from sonicrtc.local.sonic.speech.synthesizer import PiperEngine, render

    said: list[Sound] = []
    engine, frames = PiperEngine(), 0
    while frames < seconds * RATE_HZ:
        pcm = render(engine, SENTENCES[len(said) % len(SENTENCES)], RATE_HZ)
        said.append(np.asarray(np.frombuffer(pcm, "<i2") / 32768, np.float32))
        frames += len(said[-1])
    return np.concatenate(said)


# -- a call without a network -----------------------------------------------------------------------


def s16(sound: Sound) -> NDArray[np.int16]:
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)


def stereo(sound: Sound) -> NDArray[np.int16]:
    """Return `sound` as it comes from a caller: 48 kHz, shape (frames, 2)."""
    return np.repeat(Resampler(RATE_HZ, 48_000).push(s16(sound))[:, np.newaxis], 2, axis=1)


@dataclass(slots=True)
class Rig:
    """Uplink, the assist and Playout, block by block, as a call drives them."""

    config: BargeInConfig = field(default_factory=BargeInConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    #: What one block cost, in us, while the agent spoke.
    spent_us: list[float] = field(default_factory=list)
    #: Blocks that the model was not to hear.
    muted: int = 0

    def run(self, microphone: Sound, voice: Sound) -> tuple[list[int], NDArray[np.int16]]:
        """Return where in the playout ducks began, in samples, and what the model would hear; it sends no marker."""
        uplink = Uplink(vad=self.vad)
        playout = Playout(RATE_HZ, 48_000, capacity_ms=3_600_000)
        assist = Assist(playout, self.config, self.vad)
        playout.push(s16(voice))
        heard = stereo(microphone)
        found: list[int] = []
        sent: list[NDArray[np.int16]] = []
        assist.pulled(playout.pull(960))
        for number in range(len(heard) // 960):
            buffer = heard[960 * number : 960 * (number + 1)]
            block = uplink.push(buffer)
            was_ducked, began_s = playout.ducked, time.perf_counter()
            self.muted += assist.heard(buffer, 960, block, 20.0 * (number + 1))
            heard_s = time.perf_counter()
            at = max(block.onset, 0)
            sent += [block.s16[:at].copy(), block.preroll.copy(), block.s16[at:].copy()]
            if playout.ducked and not was_ducked:
                found.append(BLOCK * (number + 1))
            pulled, pulled_s = playout.pull(960), time.perf_counter()
            assist.pulled(pulled)
            self.spent_us.append((heard_s - began_s + time.perf_counter() - pulled_s) * 1e6)
        return found, np.concatenate(sent)


def trials(
    voices: Sequence[Sound], noise: str, random: np.random.Generator, alignments: int = ALIGNMENTS
) -> Iterator[tuple[Sound, int]]:
    """Yield what the microphone hears and where in it a voice begins: every onset, at several places in a block."""
    bed = NOISES[noise](60 * RATE_HZ, random) * 10 ** ((VOICE_DBFS - NOISE_DB) / 20) if noise in NOISES else None
    for voice in (at_level(voice, VOICE_DBFS) for voice in voices):
        for onset in onsets(voice):
            for _ in range(alignments):
                before = min(onset, RATE_HZ // 5)
                lead = int(LEAD_S * RATE_HZ) + int(random.integers(BLOCK))
                spoken = voice[onset - before : onset + RATE_HZ]
                sound = np.concatenate([np.zeros(lead, np.float32), spoken])
                sound += white(len(sound), random) * np.float32(10 ** (-75 / 20))
                if bed is not None:
                    sound += np.roll(bed, random.integers(len(bed)))[: len(sound)].astype(np.float32)
                yield sound, lead + before


def while_speaks(
    agent: Sound, cases: Iterable[tuple[Sound, int]], random: np.random.Generator, **path: Any
) -> Iterator[tuple[Sound, int, Sound]]:
    """Put another piece of what the agent says beside each trial, and the echo of it into the microphone by `path`."""
    for microphone, onset in cases:
        begin = int(random.integers(len(agent)))
        said = np.roll(agent, -begin)[: len(microphone) + BLOCK]
        yield microphone + echo_of(said, **path)[: len(microphone)] if path else microphone, onset, said


# -- the study --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    part: str
    what: str
    figures: dict[str, float]
    goals: dict[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """Which of the goals, all of them upper bounds, were missed."""
        return [name for name, most in self.goals.items() if not self.figures[name] <= most]

    def __str__(self) -> str:
        shown = [
            f"{name} {value:.4g}" + (f" (<= {self.goals[name]:g})" if name in self.goals else "")
            for name, value in self.figures.items()
        ]
        return f"{'MISS' if self.missed else 'ok  '}  {self.part:11}  {self.what:32}  {', '.join(shown)}"


def onset_row(part: str, what: str, rig: Rig, cases: Iterable[tuple[Sound, int, Sound]], **goals: float) -> Row:
    """Measure onsets: what the microphone hears, where in it the voice begins, and what the agent says meanwhile.

    Where the agent was ducked already, by a false duck, nothing can be measured; these are counted.
    """
    delays, early, unheard, muted_before = [], 0, 0, rig.muted
    for microphone, onset, agent in cases:
        begins, _ = rig.run(microphone, agent)
        spoken = onset - RATE_HZ // 5  # where the recording was faded in
        if any(spoken - rig.config.release_ms * RATE_HZ // 1000 < at <= spoken for at in begins):
            early += 1
            continue
        after = [at for at in begins if at > spoken]
        unheard += not after
        delays.append(max(after[0] - onset, 0) / RATE_HZ * 1000 if after else float("inf"))
    figures = {
        "median_ms": float(np.median(delays)),
        "p90_ms": float(np.percentile(delays, 90, method="higher")),
        "onsets": len(delays),
        "unheard": unheard,
        "already_ducked": early,
        "muted_ms": 20 * (rig.muted - muted_before) / len(delays),
    }
    return Row(part=part, what=what, figures=figures, goals=goals)


def onset_rows(rig: Rig, voices: Sequence[Sound], voice: Sound) -> Iterator[Row]:
    goals = {"median_ms": 80.0, "p90_ms": 120.0, "unheard": 0.0, "muted_ms": 0.0}
    for noise in ("silence", *NOISES):
        cases = while_speaks(voice, trials(voices, noise, np.random.default_rng(3)), np.random.default_rng(7))
        yield onset_row("onset", f"in {noise}", rig, cases, **goals)
    alike = trials(np.array_split(voice, 10), "silence", np.random.default_rng(9))
    yield onset_row("onset", "of the agent's own voice", rig, while_speaks(voice, alike, np.random.default_rng(10)))


def barge_ins(sent: NDArray[np.int16]) -> int:
    """Return how often the local service's model would take it for an interruption."""
    from sonicrtc.local.sonic.speech.endpointing import Endpointer, SpeechSustained

    return sum(isinstance(event, SpeechSustained) for event in Endpointer(pause_ms=1500).push(sent))


def echo_rows(rig: Rig, voice: Sound) -> Iterator[Row]:
    quiet = white(len(voice), np.random.default_rng(4)) * np.float32(10 ** (-70 / 20))
    usual = (-20, 150)
    for kind in ("plain", "room", "bad room"):
        for gain_db in (-10, -20, -30):
            for lag_ms in (20, 150, 300, 400):
                said = voice if (gain_db, lag_ms) == usual else voice[: 60 * RATE_HZ]
                microphone = echo_of(said, kind=kind, lag_ms=lag_ms, gain_db=gain_db) + quiet[: len(said)]
                ducks, sent = rig.run(microphone, said)
                figures = {"ducks": len(ducks), "barge_ins": barge_ins(sent), "minutes": len(said) / RATE_HZ / 60}
                goals = {"ducks": 0.0, "barge_ins": 0.0} if kind != "bad room" else {}
                yield Row(part="echo", what=f"{kind}, {gain_db} dB, {lag_ms} ms", figures=figures, goals=goals)


def noise_rows(rig: Rig, voice: Sound, minutes: float) -> Iterator[Row]:
    frames = int(minutes * 60 * RATE_HZ)
    for name, make in NOISES.items():
        microphone = make(frames, np.random.default_rng(5)) * np.float32(10 ** ((VOICE_DBFS - NOISE_DB) / 20))
        ducks, _ = rig.run(microphone, np.resize(voice, frames))
        yield Row(part="noise", what=name, figures={"ducks_per_min": len(ducks) / minutes, "minutes": minutes},
                  goals={"ducks_per_min": 2.0})  # fmt: skip


def double_talk_rows(rig: Rig, voices: Sequence[Sound], voice: Sound) -> Iterator[Row]:
    for kind, gain_db in (("plain", -20), ("room", -20), ("room", -10)):
        path = {"kind": kind, "lag_ms": 150, "gain_db": gain_db}
        alone = trials(voices, "silence", np.random.default_rng(6))
        cases = while_speaks(voice, alone, np.random.default_rng(8), **path)
        yield onset_row("double talk", f"{kind}, {gain_db} dB, 150 ms", rig, cases)


PARTS = ("onset", "echo", "noise", "double")


def study(parts: Sequence[str], voices: Sequence[Sound], minutes: float, rig: Rig) -> Iterator[Row]:
    """Yield the rows of the table."""
    voice = agent_voice(180)
    if "onset" in parts:
        yield from onset_rows(rig, voices, voice)
    if "echo" in parts:
        yield from echo_rows(rig, voice)
    if "noise" in parts:
        yield from noise_rows(rig, voice, minutes)
    if "double" in parts:
        yield from double_talk_rows(rig, voices, voice)
    figures = {"median_us": float(np.median(rig.spent_us)), "mean_us": float(np.mean(rig.spent_us))}
    yield Row(part="cost", what="per 20 ms while the agent speaks", figures=figures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    parser.add_argument("--speech", type=Path, action="append", default=[], metavar="DIR", help="other recordings")
    parser.add_argument("--noise-minutes", type=float, default=5.0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    for row in study(options.only or PARTS, recordings(options.speech), options.noise_minutes, Rig()):
        print(row, flush=True)
        rows.append(row)
    missed = [row for row in rows if row.missed]
    print(f"{len(missed)} goals missed" if missed else "all goals met")
    if options.json is not None:
        head: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
        lines = [{"part": r.part, "what": r.what, "goals": r.goals, "missed": r.missed} | r.figures for r in rows]
        options.json.write_text(json.dumps(head | {"rows": lines}, indent=1) + "\n", "utf-8")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
