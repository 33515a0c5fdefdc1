"""How a reply sounds once it was coded: PESQ (ITU-T P.862.2, wideband) without loss, and with 10 % of the packets lost.

Needs ``pip install pesq``, which is not among this project's packages: the code of the recommendation is the ITU's, for
measuring only. Run as ``python -m benchmarks.reply_quality``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.audio import AudioReceiver, Resampler
from sonicrtc.config import EncoderName, MediaConfig
from sonicrtc.local.sonic.speech.synthesizer import load_engine, render
from sonicrtc.rtc.media import MediaPath, media_path

REPLIES = (
    "The kitchen light is on now, and I have set the brightness to fifty percent.",
    "It is a quarter past nine on Monday morning.",
    "I am sorry, I did not find anything about that. Would you like me to search again?",
    "The front door is locked.",
    "Your meeting with the new customer was moved to Friday at ten o'clock.",
)
ENCODERS: tuple[EncoderName, ...] = ("default", "low_cpu")
SEEDS = 3
PACKET_S = 0.02

type Int16 = NDArray[np.int16]


def over(media: MediaPath, reply: Int16, loss: float, seed: int) -> tuple[Int16, float]:
    """Return what a listener without a playout clock hears of 24 kHz mono, at 16 kHz, and the bitrate in kb/s."""
    assert media.library is not None
    encoder, receiver = media.open_encoder(), AudioReceiver(media.library, interpolate=False)
    encoder.expected_loss_percent = round(100 * loss)
    random, heard, size, frames = Random(seed), [], 0, media.format.spoken_frames
    packets = len(reply) // frames
    for number in range(packets):
        packet = encoder.encode(reply[number * frames : (number + 1) * frames])
        size += len(packet)
        if number == 0 or random.random() >= loss:
            receiver.push(packet, number, 960 * number, PACKET_S * number)
            heard.append(receiver.audio.copy())
    return np.concatenate(heard), 8 * size / (packets * PACKET_S) / 1000


def main() -> None:
    pesq: Callable[..., Any] = importlib.import_module("pesq").pesq
    engine = load_engine()
    replies = [np.frombuffer(render(engine, text, 24_000), "<i2").astype(np.int16) for text in REPLIES]
    for name in ENCODERS:
        media = media_path(MediaConfig(encoder=name))
        for loss in (0.0, 0.1):
            scores, rates = [], []
            for reply in replies:
                original = Resampler(24_000, 16_000).push(reply).astype(np.int16)
                for seed in range(SEEDS if loss else 1):
                    heard, rate = over(media, reply, loss, seed)
                    both = min(len(original), len(heard))
                    scores.append(pesq(16_000, original[:both], heard[:both], "wb"))
                    rates.append(rate)
            print(
                f"{name}, {100 * loss:.0f} % lost: PESQ {np.mean(scores):.2f} ({min(scores):.2f} to {max(scores):.2f}),"
                f" {np.mean(rates):.0f} kb/s", flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
