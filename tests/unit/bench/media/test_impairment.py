"""The bad network in virtual time: 20 ms between packets, as many as the law of large numbers wants."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest

from sonicrtc.bench.media.impairment import STALL_MS, Impairment, Link, parse_losses
from sonicrtc.errors import ConfigError


def sent(packets: int, impairment: Impairment, seed: int = 1) -> list[float | None]:
    """Return how late each packet is, in ms; None for the lost ones."""
    link = Link(impairment, seed)
    due = [(n * 0.02, link.due_s(100 + n * 0.02)) for n in range(packets)]
    return [None if at is None else 1000 * (at - 100 - was) for was, at in due]


def lost(packets: int, impairment: Impairment, seed: int = 1) -> list[bool]:
    return [late is None for late in sent(packets, impairment, seed)]


def test_a_network_without_faults_delivers_every_packet_at_once() -> None:
    assert Impairment().is_none
    assert sent(100, Impairment()) == pytest.approx([0] * 100, abs=1e-9)


def test_random_losses_are_as_many_as_asked_for_and_independent() -> None:
    found = lost(50_000, Impairment(loss=0.1))
    assert sum(found) / len(found) == pytest.approx(0.1, abs=0.005)
    after_a_loss = [b for a, b in pairwise(found) if a]
    assert sum(after_a_loss) / len(after_a_loss) == pytest.approx(0.1, abs=0.02)


def test_bursts_have_the_share_and_the_mean_length_asked_for() -> None:
    found = lost(50_000, Impairment(loss=0.05, burst=3))
    runs = [len(list(run)) for is_lost, run in groupby(found) if is_lost]
    assert sum(found) / len(found) == pytest.approx(0.05, abs=0.005)
    assert sum(runs) / len(runs) == pytest.approx(3, abs=0.15)


def test_the_same_seed_loses_the_same_packets_whatever_delays_them() -> None:
    plain, delayed = Impairment(loss=0.05), Impairment(loss=0.05, delay_ms=30, jitter_ms=40, stall_every_s=1)
    assert lost(2000, plain, seed=7) == lost(2000, delayed, seed=7)
    assert lost(2000, plain, seed=7) != lost(2000, plain, seed=8)


def test_jitter_stays_within_its_bounds_and_in_order() -> None:
    late = [ms for ms in sent(5000, Impairment(delay_ms=10, jitter_ms=60)) if ms is not None]
    arrivals = [20 * n + ms for n, ms in enumerate(late)]
    assert min(late) >= 10 - 1e-6
    assert max(late) <= 70 + 1e-6
    assert max(late) > 65
    assert all(b - a > -1e-6 for a, b in pairwise(arrivals))


def test_with_reordering_packets_overtake_each_other() -> None:
    late = [ms for ms in sent(1000, Impairment(jitter_ms=60, reorder=True)) if ms is not None]
    arrivals = [20 * n + ms for n, ms in enumerate(late)]
    assert arrivals != sorted(arrivals)
    assert max(late) <= 60 + 1e-6


def test_a_stall_holds_packets_back_and_releases_them_at_once() -> None:
    late = [ms for ms in sent(30_000, Impairment(stall_every_s=3)) if ms is not None]
    held = [list(run) for is_held, run in groupby(late, key=lambda ms: ms > 1e-6) if is_held]
    ends = [[20 * n + ms for n, ms in enumerate(run)] for run in held]
    assert all(max(end) - min(end) < 1e-3 for end in ends)
    assert max(map(max, held)) <= STALL_MS[1] + 1e-6
    assert len(held) == pytest.approx(600 / (3 + sum(STALL_MS) / 2000), rel=0.2)


def test_losses_are_read_in_percent_with_the_length_of_their_runs() -> None:
    found = parse_losses("0, 5,10,2.5x3", Impairment(delay_ms=7))
    assert [(i.loss, i.burst, i.delay_ms) for i in found] == [(0, 1, 7), (0.05, 1, 7), (0.1, 1, 7), (0.025, 3, 7)]
    assert [i.name for i in found] == ["0 %", "5 %", "10 %", "2.5 % in 3s"]


@pytest.mark.parametrize("text", ["", "x", "5x", "-1", "95", "5x0.5", "5;3"])
def test_what_is_no_list_of_losses_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        parse_losses(text)


def test_negative_times_are_refused() -> None:
    with pytest.raises(ConfigError, match="negative"):
        Impairment(jitter_ms=-1)
