"""The figures of the media path as a document and as tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sonicrtc.bench.harness import Ratio
from sonicrtc.bench.media.figures import LATE_SHARE, LOAD_LATE_SHARE

if TYPE_CHECKING:
    from sonicrtc.bench.media.capacity import CapacityReport
    from sonicrtc.bench.media.loss import LossReport

type Document = dict[str, Any]


def document(capacity: CapacityReport | None = None, loss: LossReport | None = None) -> Document:
    """Return what was found as JSON has it; what was not measured is left out."""
    made: Document = {}
    if capacity is not None:
        made["capacity"] = dataclasses.asdict(capacity)
        for row, load in zip(made["capacity"]["loads"], capacity.loads, strict=True):
            row["kept_up"] = load.kept_up
    if loss is not None:
        made["loss"] = dataclasses.asdict(loss)
        for row, heard in zip(made["loss"]["heard"], loss.heard, strict=True):
            row["words"]["percent"] = heard.words.percent
            row["added_ms"] = loss.added_ms(heard)
        made["loss"]["codec"]["percent"] = loss.codec.percent
    return made


def lines(media: Document) -> Iterator[str]:
    """Yield the tables."""
    if "capacity" in media:
        yield from _capacity_lines(media["capacity"])
    if "loss" in media:
        yield from _loss_lines(media["loss"])


def _capacity_lines(capacity: Document) -> Iterator[str]:
    yield "calls on one core, both sides talking"
    yield (
        f"  {'server':16}{'calls':>6}{'CPU %':>8}{'each %':>8}{'MB':>7}{'each MB':>9}"
        f"{'echo p50':>10}{'p95 ms':>8}{'late %':>8}{'missing %':>10}"
    )
    for load in capacity["loads"]:
        trip = load["round_trip_ms"]
        taken = f"{_n(load['cpu_percent'], 8, 1)}{_n(load['cpu_per_call'], 8, 2)}{_n(load['first_mb'], 7, 0)}"
        yield (
            f"  {load['server']:16}{load['calls']:6}{taken}{_n(load['per_call_mb'], 9, 2)}{_n(trip['p50'], 10, 0)}"
            f"{_n(trip['p95'], 8, 0)}{_n(100 * load['late'], 8, 2)}{_n(100 * load['missing'], 10, 2)}{_remark(load)}"
        )
    for name, calls in capacity["most_calls"].items():
        yield f"  {name}: {calls} calls with at most {100 * LATE_SHARE:g} % of the packets late"
    first = capacity["loads"][0]["server"] if capacity["loads"] else ""
    for name, found in capacity["beside_first"].items():
        yield f"  {name} takes {Ratio(**found)} times the CPU of {first} (least to most)"
    yield ""


def _remark(load: Mapping[str, Any]) -> str:
    """Say why a row means less than it seems to."""
    if load["connected"] < load["calls"]:
        return f"  only {load['connected']} connected: {load['failures'][0]}"
    return _load_remark(load["load_late"])


def _load_remark(load_late: float) -> str:
    return f"  the load itself was late: {100 * load_late:.1f} %" if load_late > LOAD_LATE_SHARE else ""


def _loss_lines(loss: Document) -> Iterator[str]:
    codec = loss["codec"]
    yield "what a server hears when packets to it are lost"
    yield f"  {'(no network)':28}{codec['percent']:15.1f} of {codec['words']} words"
    yield (
        f"  {'server':16}{'lost':>12}{'words wrong %':>15}{'points':>8}{'echo mean':>11}{'p99 ms':>8}"
        f"{'added ms':>10}{'marks lost %':>14}"
    )
    for heard in loss["heard"]:
        trip, percent = heard["round_trip_ms"], heard["words"]["percent"]
        yield (
            f"  {heard['server']:16}{heard['network']:>12}{_n(percent, 15, 1)}{percent - codec['percent']:+8.1f}"
            f"{_n(trip['mean'], 11, 0)}{_n(trip['p99'], 8, 0)}{_n(heard['added_ms'], 10, 0)}"
            f"{_n(100 * heard['marks_missing'], 14, 1)}{_load_remark(heard['load_late'])}"
        )
    yield ""


def _n(value: float | None, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:{width}.{digits}f}"
