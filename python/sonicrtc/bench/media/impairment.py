"""A bad network in user space, by seed: the same seed loses and delays the same packets. No clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from sonicrtc.errors import ConfigError

#: How long a stall of Wi-Fi lasts, ms: evenly between the two (a channel scan, a burst of other traffic).
STALL_MS = (60.0, 350.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What a network does to the packets of one direction.

    Parameters
    ----------
    loss : float
        Share of packets that are lost, 0 to 0.9.
    burst : float
        Mean length of a run of lost packets, at least 1. Above 1 the losses are those of a Gilbert-Elliott channel
        (E. N. Gilbert, Bell System Technical Journal 39, 1960) that loses everything while it is bad; at 1 every
        packet is lost or not by itself.
    delay_ms : float
        Added to every packet.
    jitter_ms : float
        Each packet comes up to so much later, evenly spread.
    reorder : bool
        Whether a packet may overtake another; otherwise one that is late holds up all behind it.
    stall_every_s : float
        Mean time between stalls, 0 for none: nothing comes for 60 to 350 ms, and then all at once, in order.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: bool = False
    stall_every_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.loss <= 0.9:
            raise ConfigError(f"loss: expected 0 to 0.9, got {self.loss}")
        if not 1 <= self.burst <= 100:
            raise ConfigError(f"burst: expected a mean length of 1 to 100 packets, got {self.burst}")
        if min(self.delay_ms, self.jitter_ms, self.stall_every_s) < 0:
            raise ConfigError(f"expected no negative times, got {self}")

    @property
    def is_none(self) -> bool:
        """Whether every packet arrives at once."""
        return not (self.loss or self.delay_ms or self.jitter_ms or self.stall_every_s)

    @property
    def name(self) -> str:
        """What the losses are called in a table: ``5 %`` or ``5 % in 3s``."""
        return f"{100 * self.loss:g} %" + (f" in {self.burst:g}s" if self.burst > 1 else "")


def parse_losses(text: str, base: Impairment | None = None) -> tuple[Impairment, ...]:
    """Read ``0,5,10,5x3``: losses in percent, each with the mean length of its runs.

    Raises
    ------
    ConfigError
        It is not such a list.
    """
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)(?:x(\d+(?:\.\d+)?))?\s*", part)
        if match is None:
            raise ConfigError(f"loss: expected percents such as 0,5,10,5x3, got {part!r}")
        found.append(replace(base or Impairment(), loss=float(match[1]) / 100, burst=float(match[2] or 1)))
    return tuple(found)


class Link:
    """One direction of a network.

    Parameters
    ----------
    impairment : Impairment
        What it does.
    seed : int
        Which packets it does it to. Losses depend on a packet's number alone, not on what delays it.
    """

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self._impairment = impairment
        self._lost = _losses(impairment, Random(f"loss {seed}"))
        self._late = Random(f"late {seed}")
        self._stalls = _stalls(impairment, Random(f"stall {seed}"))
        self._stall: tuple[float, float] | None = None
        self._started_s: float | None = None
        self._last_s = float("-inf")
        self.packets = 0
        self.lost_packets = 0

    def due_s(self, now_s: float) -> float | None:
        """Take a packet that is sent at `now_s` and return when it arrives; None when it never does."""
        if self._started_s is None:
            self._started_s = now_s
        self.packets += 1
        late_s = (self._impairment.delay_ms + self._late.uniform(0, self._impairment.jitter_ms)) / 1000
        if next(self._lost):
            self.lost_packets += 1
            return None
        due_s = self._after_stall(now_s - self._started_s) + self._started_s + late_s
        if not self._impairment.reorder:
            due_s = max(due_s, self._last_s)
        self._last_s = max(self._last_s, due_s)
        return due_s

    def _after_stall(self, at_s: float) -> float:
        """Return when a packet that is sent `at_s` after the first one gets through."""
        while self._stall is None or self._stall[1] <= at_s:
            self._stall = next(self._stalls)
        return self._stall[1] if self._stall[0] <= at_s else at_s


def _losses(impairment: Impairment, random: Random) -> Iterator[bool]:
    """Yield for each packet whether it is lost."""
    loss, burst = impairment.loss, impairment.burst
    if burst == 1:
        while True:
            yield random.random() < loss
    to_bad, to_good = loss / (burst * (1 - loss)), 1 / burst
    bad = False
    while True:
        bad = random.random() >= to_good if bad else random.random() < to_bad
        yield bad


def _stalls(impairment: Impairment, random: Random) -> Iterator[tuple[float, float]]:
    """Yield the beginnings and ends of stalls, in s after the first packet."""
    if not impairment.stall_every_s:
        while True:
            yield (float("inf"), float("inf"))
    at_s = 0.0
    while True:
        begin_s = at_s + random.expovariate(1 / impairment.stall_every_s)
        at_s = begin_s + random.uniform(*STALL_MS) / 1000
        yield (begin_s, at_s)
