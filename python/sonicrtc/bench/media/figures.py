"""From recorded packets to figures: late packets, round trips, word errors. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Clock of Opus in RTP (RFC 7587 section 4.1), whatever the audio's rate.
CLOCK_HZ = 48_000
#: A packet that comes so much behind the earliest one's schedule is late: more than a listener's buffer holds.
LATE_MS = 40.0
#: Above this share of late packets a server does not keep up.
LATE_SHARE = 0.005
#: The load itself is late when it hands over more than this share of packets 10 ms or more after they were due.
LOAD_LATE_S, LOAD_LATE_SHARE = 0.01, 0.005
#: How long after it was sent a mark may come back.
ECHO_WITHIN_S = 1.4

_LOUD = 10 ** (-30 / 20)
_PURE = 0.7
#: Pitches of marks, in the order in which they follow each other.
PITCHES_HZ = (600, 900, 1200, 1500, 1800, 2100, 2400, 2700)
#: Pitch of the bursts by which a round trip is measured beside speech.
BURST_HZ = 1000


def unwrapped(timestamps: Sequence[int]) -> NDArray[np.int64]:
    """Return RTP timestamps of 32 bits without their wrap-around; packets may come out of order."""
    values = np.asarray(timestamps, np.int64)
    steps = np.remainder(np.diff(values) + 2**31, 2**32) - 2**31
    return np.asarray(np.concatenate((values[:1], values[:1] + np.cumsum(steps))), np.int64)


def lateness_ms(arrivals_s: Sequence[float], timestamps: Sequence[int]) -> NDArray[np.float64]:
    """Return how far each packet is behind the schedule of the earliest one.

    The schedule is the RTP timestamps': a packet whose timestamp is 20 ms higher is due 20 ms later.
    """
    if not len(arrivals_s):
        return np.zeros(0)
    behind = 1000 * (np.asarray(arrivals_s, float) - unwrapped(timestamps) / CLOCK_HZ)
    return np.asarray(behind - behind.min())


def late_share(lateness: NDArray[np.float64]) -> float:
    """Return the share of packets that are more than 40 ms late; 1 when there are none at all."""
    return float(np.mean(lateness > LATE_MS)) if lateness.size else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How values are spread; None where there are none."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float] | NDArray[np.float64]) -> Spread:
        """Sort `values`."""
        if not len(values):
            return cls(mean=None, p50=None, p95=None, p99=None, count=0)
        p50, p95, p99 = (float(p) for p in np.percentile(values, [50, 95, 99]))
        return cls(mean=float(np.mean(values)), p50=p50, p95=p95, p99=p99, count=len(values))


# -- round trips ------------------------------------------------------------------------------------


def pitch_of(audio: NDArray[np.int16], pitches_hz: Sequence[int], rate_hz: int = CLOCK_HZ) -> int | None:
    """Return which of `pitches_hz` sounds in `audio` (mono), be it for 10 ms only; None when none does.

    A mark is loud and nothing but its pitch, which speech never is.
    """
    window = rate_hz // 100  # whole periods of every mark
    windows = [audio[i : i + window] for i in range(0, len(audio) - window + 1, window // 2)]
    if not windows:
        return None
    scaled = np.stack(windows).astype(np.float64) / 32768
    power = np.mean(scaled**2, axis=1)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(window), pitches_hz) / rate_hz)
    shares = 2 * np.abs(scaled @ waves / window) ** 2 / np.maximum(power, 1e-12)[:, np.newaxis]
    shares[power < _LOUD**2 / 2] = 0
    row, pitch = divmod(int(np.argmax(shares)), len(pitches_hz))
    return pitches_hz[pitch] if shares[row, pitch] > _PURE else None


def beginnings(heard: Sequence[tuple[float, int | None]]) -> Iterator[tuple[float, int]]:
    """Yield when each mark was first heard, and its pitch."""
    before = None
    for at_s, hz in heard:
        if hz is not None and hz != before:
            yield at_s, hz
        before = hz


def round_trips_ms(sent: Iterable[tuple[float, int]], heard: Sequence[tuple[float, int | None]]) -> Iterator[float]:
    """Yield how long each mark took until the first packet that holds it came back; lost ones are left out.

    Parameters
    ----------
    sent : iterable of (s, Hz)
        When the packet with a mark's beginning was sent, and the mark's pitch.
    heard : sequence of (s, Hz or None)
        When each packet came, in that order, and the mark that it holds.
    """
    times = np.asarray([at_s for at_s, _ in heard])
    for sent_s, pitch in sent:
        first, last = np.searchsorted(times, [sent_s, sent_s + ECHO_WITHIN_S])
        found = next((at_s for at_s, hz in heard[first:last] if hz == pitch), None)
        if found is not None:
            yield 1000 * (found - sent_s)


# -- words ------------------------------------------------------------------------------------------


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest words to insert, delete or replace to get from `reference` to `heard` (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


# -- capacity ---------------------------------------------------------------------------------------


def next_calls(kept: dict[int, bool], *, first: int = 8, most: int = 512) -> int | None:
    """Return with how many calls to go on looking for the most that a server keeps up with; None when it is found.

    Half as many more each time until it is too much, then between the two, until they are 5 % apart.

    Parameters
    ----------
    kept : dict of int to bool
        For each number of calls that was tried, whether the server kept up.
    first, most : int
        Where to begin and where to end.
    """
    if not kept:
        return first
    good = max((calls for calls, kept_up in kept.items() if kept_up), default=0)
    bad = min((calls for calls, kept_up in kept.items() if not kept_up and calls > good), default=None)
    if bad is None:
        return None if good >= most else min(most, max(good + 1, good * 3 // 2))
    return None if bad - good <= max(1, good // 20) else (good + bad) // 2
