"""How the agent's voice is encoded for the network that carries it: no clock, no I/O, reports come in.

The receiver's reports (RFC 3550 section 6.4.2) tell which share of our packets it lost, and aiortc measures
the round trip by them. Loss asks for in-band FEC (RFC 6716 section 2.1.7), which is paid out of the bitrate;
a round trip that grows tells of a queue somewhere, and a smaller bitrate lets it shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Bounds of the bitrate in bit/s. Below the lower one Opus leaves FEC out although it was asked for it.
LEAST_BITRATE, MOST_BITRATE = 24_000, 48_000

#: Loss from which FEC is worth its bits, and the least and most that the encoder is told to expect.
_FEC_FROM = 0.01
_LEAST_PERCENT, _MOST_PERCENT, _STEP_PERCENT = 5, 30, 5
#: Loss goes into the smoothed one by this much of the difference: faster when it rises.
_RISE, _FALL = 0.5, 0.25
#: Packets of one second: a report of fewer says less. An agent that is silent sends three a second.
_WHOLE_REPORT = 50
_FULL_SEQUENCE = 1 << 32
#: More loss than this is taken for congestion, less than that for none.
_CONGESTED, _FREE = 0.12, 0.02
#: So much more round trip than the least one is a queue.
_QUEUE_S = 0.15
#: The least round trip is forgotten by so much of the difference: the route may change.
_FORGET = 0.02
_UP, _DOWN = 2_000, 0.85
_UNIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the receiver says of our packets.

    Parameters
    ----------
    lost : float
        Share of the packets since its last report that it did not get, 0 to 1.
    highest_sequence : int
        The newest sequence number that it got, with the count of its wraps above the lowest 16 bits.
    round_trip_s : float, optional
        Time to the receiver and back; None while it is not known.
    """

    lost: float
    highest_sequence: int
    round_trip_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What the encoder is set to.

    Parameters
    ----------
    bitrate : int
        Target in bit/s.
    expected_loss_percent : int
        Loss that in-band FEC is made for; 0 turns it off.
    """

    bitrate: int
    expected_loss_percent: int = 0


class Adaptation:
    """Follows the receiver's reports.

    FEC is off while less than 1 % is lost, else on for the smoothed loss in steps of 5 %, at least 5 %. The
    bitrate falls while more than 12 % is lost or packets queue up, rises by 2 kb/s a report while less
    than 2 % is lost, and stays within 24 to 48 kb/s.

    Parameters
    ----------
    bitrate : int
        Where to begin, in bit/s.
    """

    def __init__(self, *, bitrate: int) -> None:
        self.encoding = Encoding(bitrate=bitrate)
        #: Smoothed share of packets that were lost, 0 to 1.
        self.loss = 0.0
        self._highest_sequence: int | None = None
        self._least_round_trip_s: float | None = None

    def take(self, report: Report) -> Encoding | None:
        """Take a report; return the new setting when it changes, else None."""
        packets = self._packets(report.highest_sequence)
        if packets:
            rate = _RISE if report.lost > self.loss else _FALL
            self.loss += rate * min(1.0, packets / _WHOLE_REPORT) * (report.lost - self.loss)
        queued = self._is_queued(report.round_trip_s)
        encoding = Encoding(bitrate=self._bitrate(packets, queued=queued), expected_loss_percent=self._percent())
        if encoding == self.encoding:
            return None
        self.encoding = encoding
        return encoding

    def _packets(self, highest_sequence: int) -> int:
        """Return how many packets the report is about."""
        before, self._highest_sequence = self._highest_sequence, highest_sequence
        if before is None:
            return _WHOLE_REPORT
        packets = (highest_sequence - before) % _FULL_SEQUENCE
        return packets if packets < _FULL_SEQUENCE // 2 else 0

    def _is_queued(self, round_trip_s: float | None) -> bool:
        if round_trip_s is None:
            return False
        least_s = self._least_round_trip_s
        if least_s is None or round_trip_s < least_s:
            self._least_round_trip_s = round_trip_s
            return False
        self._least_round_trip_s = least_s + _FORGET * (round_trip_s - least_s)
        return round_trip_s > least_s + _QUEUE_S

    def _bitrate(self, packets: int, *, queued: bool) -> int:
        bitrate = self.encoding.bitrate
        if queued or self.loss > _CONGESTED:
            bitrate = int(bitrate * _DOWN) // _UNIT * _UNIT
        elif self.loss < _FREE and packets >= _WHOLE_REPORT // 2:
            bitrate += _UP
        return max(LEAST_BITRATE, min(MOST_BITRATE, bitrate))

    def _percent(self) -> int:
        if self.loss < _FEC_FROM:
            return 0
        steps = -(-100 * self.loss // _STEP_PERCENT)  # rounded up
        return max(_LEAST_PERCENT, min(_MOST_PERCENT, int(steps) * _STEP_PERCENT))
