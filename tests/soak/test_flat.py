"""The rule that judges a long run, on series made up for it."""

from __future__ import annotations

import random

import pytest
from tests.soak.flat import Bound, judge_count, judge_difference, judge_growth, slope, table

BOUND = Bound(rate=64.0, noise=512.0)  # kB, per 1000 cycles
Points = list[tuple[float, float]]


def run(*, length: float = 10.0, per_unit: float = 0.0, warm_up: float = 0.0, noise: float = 0.0) -> Points:
    """100 readings of a process of 100 MB."""
    chance = random.Random(1)
    xs = [length * i / 100 for i in range(1, 101)]
    return [(x, 100_000 + per_unit * x + warm_up * min(x, length / 4) + chance.uniform(-noise, noise)) for x in xs]


def test_a_level_series_is_flat() -> None:
    finding = judge_growth("rss", run(), BOUND)
    assert (finding.growth, finding.flat) == (0, True)


def test_noise_alone_is_flat() -> None:
    assert judge_growth("rss", run(noise=300), BOUND).flat


def test_growth_in_the_warm_up_is_not_judged() -> None:
    assert judge_growth("rss", run(warm_up=5000), BOUND).flat


@pytest.mark.parametrize("noise", [0, 300])
def test_a_leak_of_a_hundred_and_fifty_bytes_a_cycle_is_found(noise: float) -> None:
    assert not judge_growth("rss", run(per_unit=150, noise=noise), BOUND).flat


def test_growth_at_the_bound_is_flat_and_above_it_is_not() -> None:
    bound = Bound(rate=100, noise=0)
    assert judge_growth("rss", run(per_unit=99), bound).flat
    assert not judge_growth("rss", run(per_unit=101), bound).flat


def test_a_short_run_is_allowed_its_noise_and_no_more() -> None:
    assert judge_growth("rss", run(length=0.2, per_unit=2000), BOUND).flat
    assert not judge_growth("rss", run(length=0.2, per_unit=6000), BOUND).flat


def test_one_outlier_moves_nothing() -> None:
    points = run()
    points[70] = (points[70][0], 200_000)
    points[-1] = (points[-1][0], 150_000)
    assert judge_growth("rss", points, BOUND).flat


def test_one_outlier_moves_nothing_in_a_few_points_either() -> None:
    points = [(float(x), 100.0) for x in range(15)]
    points[-2] = (13.0, 5000.0)
    assert judge_growth("rss", points, Bound(rate=0, noise=1)).flat


def test_shrinking_is_flat() -> None:
    assert judge_growth("rss", run(per_unit=-1000), BOUND).flat


def test_a_leak_that_grows_in_steps_is_found() -> None:
    """An allocator takes memory in large pieces: the series is a staircase."""
    points = [(x, y // 2000 * 2000) for x, y in run(per_unit=600)]
    assert not judge_growth("rss", points, BOUND).flat


@pytest.mark.parametrize("at", [45, 60, 85])
def test_a_single_step_is_found_wherever_it_is(at: int) -> None:
    points = [(x, y + 1000 * (n >= at)) for n, (x, y) in enumerate(run(noise=100))]
    assert not judge_growth("rss", points, BOUND).flat


def test_what_is_left_in_the_end_may_be_noise_and_no_more() -> None:
    assert judge_difference("objects", 1000, 1060, noise=60).flat
    assert not judge_difference("objects", 1000, 1061, noise=60).flat


def test_many_points_give_the_same_slope_as_few() -> None:
    points = [(x / 10, 3 * x / 10) for x in range(5000)]
    assert slope(points) == pytest.approx(3)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 5 points or more to judge, got 3"):
        judge_growth("rss", [(float(x), 0.0) for x in range(4)], BOUND)


def test_a_count_has_to_be_the_same_every_time() -> None:
    assert judge_count("threads", [9, 9, 9]).flat
    assert not judge_count("threads", [9, 9, 10]).flat
    assert not judge_count("threads", [9, 8, 9]).flat


def test_the_table_names_what_grows() -> None:
    findings = [judge_count("threads", [9, 9]), judge_count("files", [20, 21])]
    lines = table({"cycles": findings}, {"cycles": "1000 cycles"}).splitlines()
    assert [line.split()[0] + " " + line.split()[-1] for line in lines[1:]] == ["threads flat", "files GROWS"]
