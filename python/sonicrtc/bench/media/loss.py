"""What a lossy network does to what a server hears: word errors of a recogniser behind it, and delay.

A server that returns its caller's audio is called over a network that loses packets on the way to it and none on
the way back: what comes back is what it has heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sonicrtc.bench import processes
from sonicrtc.bench.harness import rotated
from sonicrtc.bench.media.calls import Calls
from sonicrtc.bench.media.capacity import TRIES, Window, overdue_s, round_trips
from sonicrtc.bench.media.figures import CLOCK_HZ, LOAD_LATE_S, LOAD_LATE_SHARE, Spread, unwrapped
from sonicrtc.bench.media.impairment import Impairment
from sonicrtc.bench.media.session import Arrivals, LightCall
from sonicrtc.bench.media.speech import Sentence, Words, understood
from sonicrtc.bench.media.tapes import (
    PACKETS_PER_S,
    PAUSE,
    Decoder,
    Samples,
    Tape,
    down_to_16k,
    marks,
    utterances,
)
from sonicrtc.bench.processes import ServerUnderTest
from sonicrtc.errors import PeerError

if TYPE_CHECKING:
    from sonicrtc.local.sonic.speech.recognizer import Recognizer

type Say = Callable[[str], None]

#: Calls that speak, and calls that measure delay.
SPEAKING, MARKING = 4, 4
_SETTLE_S = 2.0
#: What of an utterance's echo is listened to: from a little before to what the pause after it allows.
_LAG = PAUSE - 10
_PATIENCE = CLOCK_HZ // 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a server heard over one network.

    Parameters
    ----------
    server, network : str
        Whose, and the losses.
    lost : float
        Share of packets that the network lost.
    words : Words
        Errors of the recogniser.
    round_trip_ms : Spread
        Of marks, five a second in each of the calls that measure delay.
    marks_missing : float
        Share of marks that never came back.
    load_late : float
        Share of packets that the load generator sent 10 ms or more too late.
    texts : tuple of str
        What was understood, sentence by sentence.
    """

    server: str
    network: str
    lost: float
    words: Words
    round_trip_ms: Spread
    marks_missing: float
    load_late: float
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReport:
    """What :func:`run` found.

    Parameters
    ----------
    codec : Words
        Errors when the same packets are decoded without any network or server.
    heard : tuple of Heard
        For each server and network.
    """

    codec: Words
    heard: tuple[Heard, ...]

    def added_ms(self, heard: Heard) -> float | None:
        """Return how much later marks came back, in the mean, than the same server's median without losses."""
        clean = next((h for h in self.heard if h.server == heard.server and h.lost == 0), None)
        if clean is None or clean.round_trip_ms.p50 is None or heard.round_trip_ms.mean is None:
            return None
        return heard.round_trip_ms.mean - clean.round_trip_ms.p50


async def run(
    servers: Sequence[ServerUnderTest], networks: Sequence[Impairment], sentences: Sequence[Sentence],
    recognizer: Recognizer, *, rounds: int = 1, say: Say = lambda line: None,
) -> LossReport:  # fmt: skip
    """Call each server over each network, in turns, and recognise what it heard.

    Where packets are lost, that is done `rounds` times with other losses, and counted together.
    """
    shares = [tuple(sentences[n::SPEAKING]) for n in range(min(SPEAKING, len(sentences)))]
    tapes = [utterances(sentence.samples for sentence in share) for share in shares]
    ordered = [sentence for share in shares for sentence in share]
    direct = [heard for tape in tapes for heard in _direct(tape)]
    codec, _ = await understood(recognizer, ordered, direct)
    say(f"words: {codec.percent:.1f} % wrong of {codec.words} without any network")
    found = []
    for turn, network in enumerate(networks):
        for name in rotated([server.name for server in servers], turn):
            server = next(server for server in servers if server.name == name)
            talks = []
            for seed in range(1 if network.is_none else rounds):
                tries = [await _over(server, network, tapes, ordered, recognizer, seed)]
                while tries[-1].load_late > LOAD_LATE_SHARE and len(tries) < TRIES:
                    say(f"words: {name}, {network.name} lost: the load was late, once more")
                    tries.append(await _over(server, network, tapes, ordered, recognizer, seed))
                talks.append(min(tries, key=lambda one: one.load_late))
            heard = _together(name, network, talks)
            say(
                f"words: {name}, {network.name} lost: {heard.words.percent:.1f} % wrong,"
                f" round trip {heard.round_trip_ms.mean or 0:.0f} ms"
            )
            found.append(heard)
    return LossReport(codec=codec, heard=tuple(found))


def _direct(tape: Tape) -> list[Samples]:
    """Return each utterance of `tape`, decoded, at 16 kHz."""
    decoder = Decoder()
    audio = np.concatenate([decoder.decode(packet) for packet in tape.packets])
    frames = CLOCK_HZ // PACKETS_PER_S
    return [down_to_16k(audio[begin * frames : (end + _LAG) * frames]) for begin, end in tape.spoken]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """What became of all sentences, said once: counts, the round trips of marks in ms, and what was understood."""

    packets: int
    lost: int
    words: Words
    texts: tuple[str, ...]
    trips_ms: list[float]
    marks: int
    load_late: float


def _together(server: str, network: Impairment, talks: Sequence[_Talk]) -> Heard:
    trips_ms = [trip for talk in talks for trip in talk.trips_ms]
    return Heard(
        server=server, network=network.name,
        lost=sum(talk.lost for talk in talks) / max(1, sum(talk.packets for talk in talks)),
        words=Words(errors=sum(talk.words.errors for talk in talks), words=sum(talk.words.words for talk in talks)),
        texts=tuple(text for talk in talks for text in talk.texts), round_trip_ms=Spread.of(trips_ms),
        marks_missing=1 - len(trips_ms) / max(1, sum(talk.marks for talk in talks)),
        load_late=max(talk.load_late for talk in talks),
    )  # fmt: skip


async def _over(
    server: ServerUnderTest, network: Impairment, tapes: Sequence[Tape], sentences: Sequence[Sentence],
    recognizer: Recognizer, seed: int,
) -> _Talk:  # fmt: skip
    server_cores, load_cores = processes.split_cores()
    speaking = [
        LightCall(tape, repeats=False, up=network, seed=1000 + 100 * seed + n, keeps_payloads=True)
        for n, tape in enumerate(tapes)
    ]
    marked = marks()
    marking = [
        LightCall(marked, start=20 * n, up=network, seed=2000 + 100 * seed + n, keeps_payloads=True)
        for n in range(MARKING)
    ]
    with processes.on_cores(load_cores):
        async with processes.started(server, cores=server_cores) as running, Calls(running.url) as on:
            loop = asyncio.get_running_loop()
            await on.add([*marking, *speaking])
            begin_s = loop.time() + _SETTLE_S
            await asyncio.sleep(max(len(tape.packets) for tape in tapes) / PACKETS_PER_S + _SETTLE_S)
            window = Window(begin_s=begin_s, end_s=loop.time() - _SETTLE_S)
    if on.failures:
        raise PeerError(f"{server.name}: {on.failures[0]}")
    heard = [samples for call in speaking for samples in echoes(call)]
    words, texts = await understood(recognizer, sentences, heard)
    overdue = np.concatenate([overdue_s(call, window) for call in (*marking, *speaking)])
    packets, lost = np.sum([call.lost_up for call in (*marking, *speaking)], axis=0)
    return _Talk(
        packets=int(packets), lost=int(lost), words=words, texts=texts,
        trips_ms=[trip for call in marking for trip in round_trips(call, window)],
        marks=sum(_marks_sent(call, window) for call in marking), load_late=float(np.mean(overdue > LOAD_LATE_S)),
    )  # fmt: skip


def _marks_sent(call: LightCall, window: Window) -> int:
    begins = {place for place, _ in call.tape.marks}
    inside = window.of(call.track.sent_s)
    return sum(call.track.place(number) in begins for number in range(inside.start, inside.stop))


def echoes(call: LightCall) -> list[Samples]:
    """Return what came back of each utterance of a call, at 16 kHz."""
    began_s, audio = played(call.arrivals)
    sent_s = call.track.sent_s
    found = []
    for begin, end in call.tape.spoken:
        begin_s, end_s = sent_s[begin], sent_s[end - 1] + _LAG / PACKETS_PER_S
        first, last = (max(0, round((at_s - began_s) * CLOCK_HZ)) for at_s in (begin_s, end_s))
        found.append(down_to_16k(audio[first:last]))
    return found


def played(arrivals: Arrivals) -> tuple[float, Samples]:
    """Return what came back as a listener hears it, and since when; what is missing is silence.

    The listener plays by the timestamps of the first packet, and makes a pause when a packet comes more than 100 ms
    too late for that: there are servers whose timestamps stand still while they send nothing.
    """
    if arrivals.payloads is None or not arrivals.payloads:
        return 0.0, np.zeros(0, np.int16)
    began_s, stamps = arrivals.at_s[0], unwrapped(arrivals.timestamps)
    decoder, shift, places = Decoder(), 0, []
    for at_s, stamp, payload in zip(arrivals.at_s, stamps - stamps[0], arrivals.payloads, strict=True):
        late = round((at_s - began_s) * CLOCK_HZ) - int(stamp) - shift
        shift += late if late > _PATIENCE else 0
        places.append((int(stamp) + shift, decoder.decode(payload)))
    audio = np.zeros(max(at + len(piece) for at, piece in places), np.int16)
    for at, piece in places:
        if at >= 0:
            audio[at : at + len(piece)] = piece
    return began_s, audio
