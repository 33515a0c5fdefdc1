"""The rule by which a gate fails, on a thousand seeded timings of each kind.

What holds, and is asserted: noise alone fails a gate in 0 of 1000 runs, with heavy tails, drifts and lucky
processes too; a slowdown of 1.3 fails it in more than 99 %; a candidate exactly at its budget in less than 1 %.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sonicrtc.bench.budgets import Budget
from sonicrtc.bench.harness import ratio

RUNS = 1000
PAIRS, GROUP = 8, 12
ROUNDS = PAIRS * GROUP
DRIFT = Budget(limit=1.10, at_least=False, reason="as between two builds")

type Noise = Callable[[np.random.Generator], np.ndarray[tuple[int], np.dtype[np.float64]]]


def quiet(random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return random.lognormal(0, 0.05, ROUNDS)


def heavy_tails(random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One sample in five is disturbed, some tenfold."""
    return quiet(random) * np.where(random.random(ROUNDS) < 0.2, 1 + random.pareto(1.5, ROUNDS), 1)


def lucky_processes(random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Each process has 2 % by chance for all of its life."""
    return quiet(random) * np.repeat(random.lognormal(0, 0.02, PAIRS), GROUP)


def failures(slowdown: float, noise: Noise, budget: Budget = DRIFT) -> int:
    failed = 0
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        machine = np.linspace(1, random.uniform(0.5, 2), ROUNDS)  # the clock rate drifts during the run
        times, reference = slowdown * machine * noise(random), machine * noise(random)
        found = ratio(list(times), list(reference), group=GROUP, resamples=200, seed=seed)
        failed += budget.verdict(found) == "FAIL"
    return failed


@pytest.mark.parametrize("noise", [quiet, heavy_tails, lucky_processes])
def test_a_build_beside_itself_never_fails(noise: Noise) -> None:
    assert failures(1.0, noise) == 0


@pytest.mark.parametrize("noise", [quiet, heavy_tails, lucky_processes])
def test_a_slowdown_of_thirty_percent_is_caught(noise: Noise) -> None:
    assert failures(1.3, noise) > 0.99 * RUNS


@pytest.mark.parametrize("noise", [quiet, heavy_tails, lucky_processes])
def test_a_candidate_exactly_at_its_budget_rarely_fails(noise: Noise) -> None:
    assert failures(1.10, noise) < 0.01 * RUNS
