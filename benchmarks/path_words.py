"""Word errors right behind the jitter buffer, without server, echo and second coding: over many losses, quickly.

Run as ``python -m benchmarks.path_words 0,5,10,5x3 --seeds 8 --speech DIR``.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import numpy as np

from sonicrtc.audio import AudioReceiver, OpusLibrary
from sonicrtc.bench.media.impairment import Impairment, Link, parse_losses
from sonicrtc.bench.media.speech import recorded, synthesized, understood
from sonicrtc.bench.media.tapes import PAUSE, Samples, Tape, utterances
from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer
from sonicrtc.rtc.opus import find_opus

PACKET_S, FRAMES = 0.02, 320


def heard(
    library: OpusLibrary, tape: Tape, network: Impairment, seed: int, *, twice: bool, both_sides: bool
) -> Samples:
    """Return what `tape` sounds like at 16 kHz behind `network`; with `twice` each packet holds the one before too."""
    link, receiver = Link(network, seed), AudioReceiver(library, interpolate=both_sides)
    audio: list[Samples] = []
    newest = 0
    for number in range(len(tape.packets)):
        at_s = number * PACKET_S
        while receiver.due_s is not None and receiver.due_s <= at_s:
            receiver.advance(receiver.due_s)
            audio.append(receiver.audio.copy())
        if link.due_s(at_s) is None:
            continue
        first = number - 1 if twice and number > newest + 1 else number
        for one in range(first, number + 1):
            receiver.push(tape.packets[one], one & 0xFFFF, 960 * one, at_s)
            audio.append(receiver.audio.copy())
        newest = number
    return np.concatenate(audio)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("losses", nargs="?", default="0,5,10,5x3")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument(
        "--speech", type=Path, action="append", default=[], help="recordings to say too; may be repeated"
    )
    parser.add_argument("--only-speech", action="store_true", help="leave out the sentences that ship")
    options = parser.parse_args()
    library = find_opus()
    assert library is not None
    said = [] if options.only_speech else list(synthesized())
    said += [sentence for directory in options.speech for sentence in recorded(directory)]
    tape, recognizer = utterances(sentence.samples for sentence in said), MoonshineRecognizer()
    for network in parse_losses(options.losses):
        for twice, both_sides in ((False, False), (False, True), (True, False), (True, True)):
            errors, words = [], 0
            for seed in range(1 if network.is_none else options.seeds):
                audio = heard(library, tape, network, seed, twice=twice, both_sides=both_sides)
                parts = [audio[begin * FRAMES : (end + PAUSE - 10) * FRAMES] for begin, end in tape.spoken]
                counted, _ = await understood(recognizer, said, parts)
                errors.append(counted.errors)
                words = counted.words
            print(
                f"{network.name}, {'twice' if twice else 'once'}, from {'both sides' if both_sides else 'before'}:"
                f" {100 * sum(errors) / len(errors) / words:.2f} % of {words} words wrong {errors}", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main())
