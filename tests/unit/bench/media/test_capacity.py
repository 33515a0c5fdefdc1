"""From packets that were recorded by hand to what a measurement says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonicrtc.bench.harness import Ratio
from sonicrtc.bench.media import capacity, loss, tables, tapes
from sonicrtc.bench.media.capacity import CapacityReport, Load, Window
from sonicrtc.bench.media.figures import Spread
from sonicrtc.bench.media.loss import Heard, LossReport
from sonicrtc.bench.media.session import LightCall
from sonicrtc.bench.media.speech import Words
from sonicrtc.bench.processes import ServerUnderTest

NONE = Spread.of([])
LOAD = Load(
    server="a", calls=4, connected=4, cpu_percent=8.0, cpu_per_call=2.0, first_mb=80.0, per_call_mb=0.5,
    round_trip_ms=Spread.of([50.0]), connect_ms=NONE, late=0.0, missing=0.0, load_cpu_percent=9.0, load_late=0.0,
)  # fmt: skip
HEARD = Heard(
    server="a", network="0 %", lost=0.0, words=Words(errors=2, words=50), round_trip_ms=Spread.of([60.0, 60.0]),
    marks_missing=0.0, load_late=0.0, texts=(),
)  # fmt: skip


def recorded(tape: tapes.Tape, seconds: float, echo_ms: float, late: tuple[int, ...] = ()) -> LightCall:
    """Return a call from 100 s on whose packets all came back; those in `late` 50 ms later than the others."""
    call = LightCall(tape, keeps_payloads=True)
    call.track._began_s = 100.0
    for n in range(round(seconds * 50)):
        call.track.sent_s.append(100 + n * 0.02)
    for n in range(round(seconds * 50)):
        call.arrivals.at_s.append(100 + n * 0.02 + echo_ms / 1000 + 0.05 * (n in late))
        call.arrivals.timestamps.append(960 * n)
        assert call.arrivals.payloads is not None
        call.arrivals.payloads.append(tape.packets[call.track.place(n)])
    return call


def test_a_clean_echo_has_its_round_trip_and_nothing_late_or_missing() -> None:
    found = capacity.figures([recorded(tapes.marks(), 6, echo_ms=60)], Window(begin_s=101, end_s=104))
    assert found["round_trip_ms"].p50 == pytest.approx(60)
    assert (found["late"], found["missing"], found["load_late"]) == (0, 0, 0)


def test_late_packets_are_counted_in_the_window_only() -> None:
    call = recorded(tapes.marks(), 6, echo_ms=0, late=(60, 70, 250))
    found = capacity.figures([call], Window(begin_s=101, end_s=104))
    assert found["late"] == pytest.approx(2 / 150, rel=0.02)


def test_packets_that_never_came_are_missing() -> None:
    call = recorded(tapes.marks(), 3, echo_ms=0)
    assert capacity.figures([call], Window(begin_s=101, end_s=105))["missing"] == pytest.approx(0.5, abs=0.01)


def test_a_load_that_sends_too_late_is_noticed() -> None:
    call = recorded(tapes.marks(), 4, echo_ms=0)
    for n in range(100, 200):
        call.track.sent_s[n] += 0.011
    assert capacity.figures([call], Window(begin_s=100, end_s=104.5))["load_late"] == pytest.approx(0.5)


def test_a_server_keeps_up_when_all_calls_connect_and_few_packets_are_late() -> None:
    assert replace(LOAD, late=0.005).kept_up
    assert not replace(LOAD, late=0.006).kept_up
    assert not replace(LOAD, connected=3).kept_up


def test_servers_are_compared_where_both_kept_up() -> None:
    loads = [
        LOAD, replace(LOAD, server="b", cpu_per_call=6.0),
        replace(LOAD, calls=8, connected=8), replace(LOAD, server="b", calls=8, connected=8, cpu_per_call=90, late=0.5),
    ]  # fmt: skip
    servers = [ServerUnderTest(name="a"), ServerUnderTest(name="b")]
    assert dict(capacity._ratios(loads, servers)) == {"b": Ratio.exact(3.0)}


def test_what_came_back_is_played_by_its_timestamps_however_it_jitters() -> None:
    began_s, audio = loss.played(recorded(tapes.marks(), 0.4, echo_ms=100, late=(5, 12)).arrivals)
    assert began_s == pytest.approx(100.1)
    assert len(audio) == 20 * 960
    assert np.abs(audio[10 * 960 + 480 : 11 * 960]).max() > 10_000  # where the second mark sounds


def test_a_server_whose_timestamps_stand_still_in_a_pause_is_heard_with_the_pause() -> None:
    call = recorded(tapes.marks(), 0.4, echo_ms=100)
    for n in range(10, 20):
        call.arrivals.at_s[n] += 0.5
    _, audio = loss.played(call.arrivals)
    assert len(audio) == pytest.approx((20 + 25) * 960, abs=5)
    assert np.abs(audio[10 * 960 : 35 * 960]).max() < 2000
    assert np.abs(audio[35 * 960 + 480 : 36 * 960]).max() > 10_000


def test_nothing_came_back_of_a_call_without_packets() -> None:
    assert len(loss.played(LightCall(tapes.marks(), keeps_payloads=True).arrivals)[1]) == 0


def test_an_utterance_is_cut_out_where_it_was_sent() -> None:
    sound = np.rint(8000 * np.sin(np.arange(24_000) / 10)).astype(np.int16)
    tape = tapes.utterances([sound, sound])
    call = recorded(tape, len(tape.packets) / 50, echo_ms=200)
    first, second = loss.echoes(call)
    loud = [np.flatnonzero(np.abs(part.astype(int)) > 2000) for part in (first, second)]
    assert [found[0] / 16 for found in loud] == pytest.approx([207, 207], abs=15)
    assert [np.ptp(found) / 16 for found in loud] == pytest.approx([500, 500], abs=25)


def test_delay_is_added_over_the_same_servers_run_without_losses() -> None:
    lossy = replace(HEARD, network="5 %", lost=0.05, round_trip_ms=Spread.of([60.0, 80.0]))
    other = replace(lossy, server="b")
    report = LossReport(codec=Words(errors=1, words=50), heard=(HEARD, lossy, other))
    assert [report.added_ms(heard) for heard in report.heard] == [0, 10, None]


def test_the_tables_tell_everything_and_what_to_doubt() -> None:
    lossy = replace(HEARD, network="5 %", lost=0.05, words=Words(errors=5, words=50))
    report = CapacityReport(
        loads=(LOAD, replace(LOAD, server="b", connected=2, failures=("no connection",)), replace(LOAD, load_late=0.1)),
        most_calls={"a": 24}, beside_first={"b": Ratio.exact(3.0)},
    )  # fmt: skip
    made = tables.document(report, LossReport(codec=Words(errors=1, words=50), heard=(HEARD, lossy)))
    text = "\n".join(tables.lines(made))
    assert "only 2 connected: no connection" in text
    assert "the load itself was late: 10.0 %" in text
    assert "a: 24 calls with at most 0.5 % of the packets late" in text
    assert "b takes 3.00" in text
    assert "+8.0" in text
