from __future__ import annotations

import pytest

from sonicrtc.bench.media import stations, tapes
from sonicrtc.bench.media.capacity import Window
from sonicrtc.bench.media.figures import beginnings
from sonicrtc.bench.media.session import LightCall


def call() -> LightCall:
    """Return a call from 100 s on whose packets come back 100 ms after they were sent."""
    tape = tapes.marks()
    made = LightCall(tape, keeps_payloads=True)
    assert made.arrivals.payloads is not None
    for n in range(80):
        made.track.sent_s.append(100 + n * 0.02)
        made.arrivals.at_s.append(100 + n * 0.02 + 0.1)
        made.arrivals.payloads.append(tape.packets[n])
    return made


def passed(after_s: float) -> list[tuple[float, int | None]]:
    """Return what a station notes that every mark reaches `after_s` after it was sent."""
    noted: list[tuple[float, int | None]] = []
    for place, hz in tapes.marks().marks:
        noted += [(100 + place * 0.02 + after_s, hz), (100 + place * 0.02 + after_s + 0.02, None)]
    return noted


def test_each_hop_is_the_time_from_one_station_to_the_next() -> None:
    noted = {"heard": passed(0.005), "answered": passed(0.030), "sent_delays_ms": [0.0, 2.0, 2.0]}
    found = {hop.name: hop.p50 for hop in stations.hops(call(), Window(begin_s=99, end_s=103), noted, [80.0])}
    assert found == pytest.approx(
        {
            "connect": 80, "mic packet to session": 5, "session to audioInput": 2, "session to audioOutput": 25,
            "audioOutput to RTP packet": 70, "round trip": 100,
        }
    )  # fmt: skip


def test_a_station_that_no_mark_reached_has_no_hop() -> None:
    noted = {"heard": passed(0.005), "answered": [], "sent_delays_ms": []}
    names = [hop.name for hop in stations.hops(call(), Window(begin_s=99, end_s=103), noted, [])]
    assert names == ["mic packet to session", "round trip"]


def test_a_mark_begins_with_the_first_block_that_holds_it() -> None:
    heard = [(1.0, None), (1.1, 600), (1.2, 600), (1.3, None), (1.4, 900), (1.5, 600)]
    assert list(beginnings(heard)) == [(1.1, 600), (1.4, 900), (1.5, 600)]


def test_the_address_of_the_model_is_found_in_what_its_service_exports() -> None:
    lines = ["export SONICRTC_SONIC_CA=/tmp/ca.pem", "export SONICRTC_SONIC_ENDPOINT=https://127.0.0.1:9"]
    assert stations._endpoint(lines) == "https://127.0.0.1:9"
