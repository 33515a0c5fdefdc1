"""How the encoder follows the receiver's reports; no clock, reports come in as values."""

from __future__ import annotations

import pytest

from sonicrtc.rtc.adaptation import LEAST_BITRATE, MOST_BITRATE, Adaptation, Encoding, Report


class Line:
    """Reports of 50 packets each, about one sender."""

    def __init__(self, bitrate: int = 32_000) -> None:
        self.adaptation = Adaptation(bitrate=bitrate)
        self._sequence = 1000

    def report(self, lost: float = 0.0, *, round_trip_s: float | None = 0.05, packets: int = 50) -> Encoding | None:
        self._sequence += packets
        return self.adaptation.take(Report(lost=lost, highest_sequence=self._sequence, round_trip_s=round_trip_s))

    def after(self, reports: int, lost: float = 0.0, *, round_trip_s: float | None = 0.05) -> Encoding:
        for _ in range(reports):
            self.report(lost, round_trip_s=round_trip_s)
        return self.adaptation.encoding


def test_without_loss_there_is_no_fec_and_the_bitrate_rises_to_the_most() -> None:
    line = Line()
    assert line.report() == Encoding(bitrate=34_000)
    assert line.after(20) == Encoding(bitrate=MOST_BITRATE)
    assert line.report() is None


@pytest.mark.parametrize(("lost", "percent"), [(0.009, 0), (0.011, 5), (0.05, 5), (0.07, 10), (0.1, 10), (0.9, 30)])
def test_lasting_loss_is_expected_in_steps_of_5_percent(lost: float, percent: int) -> None:
    assert Line().after(40, lost).expected_loss_percent == percent


def test_one_report_of_2_percent_turns_fec_on_and_a_few_without_loss_off() -> None:
    line = Line()
    assert line.after(1, 0.03).expected_loss_percent == 5
    assert line.after(1).expected_loss_percent == 5
    assert line.after(1).expected_loss_percent == 0


def test_a_report_of_few_packets_says_little() -> None:
    line = Line()
    line.report()
    line.report(1 / 3, packets=3)
    assert line.adaptation.loss == pytest.approx(0.01)


@pytest.mark.parametrize("packets", [0, -5])
def test_a_report_of_no_new_packet_says_nothing(packets: int) -> None:
    line = Line()
    line.report()
    assert line.report(1.0, packets=packets) is None


def test_the_count_of_packets_survives_its_wrap() -> None:
    adaptation = Adaptation(bitrate=MOST_BITRATE)
    adaptation.take(Report(lost=0.0, highest_sequence=2**32 - 10))
    adaptation.take(Report(lost=0.1, highest_sequence=40))
    assert adaptation.loss == pytest.approx(0.05)


def test_the_bitrate_holds_at_10_percent_and_falls_to_the_least_beyond() -> None:
    line = Line()
    line.after(20)
    assert line.after(40, 0.1).bitrate == MOST_BITRATE
    assert line.after(40, 0.3).bitrate == LEAST_BITRATE


def test_the_bitrate_stays_when_an_agent_is_silent() -> None:
    line = Line()
    line.report()
    assert line.report(packets=3) is None


def test_a_queue_on_the_way_lowers_the_bitrate_until_it_has_gone() -> None:
    line = Line()
    line.after(20)
    assert line.after(3, round_trip_s=0.3).bitrate < MOST_BITRATE
    assert line.after(20, round_trip_s=0.06).bitrate == MOST_BITRATE


def test_a_longer_route_is_no_queue_for_ever() -> None:
    line = Line()
    line.after(1)
    assert line.after(10, round_trip_s=0.25).bitrate == LEAST_BITRATE
    assert line.after(120, round_trip_s=0.25).bitrate == MOST_BITRATE


def test_an_unknown_round_trip_is_no_queue() -> None:
    assert Line().after(20, round_trip_s=None).bitrate == MOST_BITRATE
