from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sonicrtc.tools.builtin import date_and_time_tool, get_date_and_time

CEST = timezone(timedelta(hours=2), "CEST")


def test_the_date_and_time_are_told_in_words_and_figures() -> None:
    assert date_and_time_tool(lambda: datetime(2026, 7, 30, 15, 45, tzinfo=CEST))() == {
        "date": "2026-07-30",
        "time": "3:45 PM",
        "weekday": "Thursday",
        "spoken_date": "Thursday, July 30, 2026",
        "timezone": "CEST (UTC+02:00)",
    }


@pytest.mark.parametrize(("hour", "spoken"), [(0, "12:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")])
def test_the_twelve_hour_clock_has_no_zero(hour: int, spoken: str) -> None:
    assert date_and_time_tool(lambda: datetime(2026, 1, 1, hour, 5, tzinfo=CEST))()["time"] == spoken


def test_the_real_clock_is_local() -> None:
    told = get_date_and_time()
    assert told["date"] in {str(datetime.now().date()), str((datetime.now() - timedelta(minutes=1)).date())}
    assert "UTC" in told["timezone"]
