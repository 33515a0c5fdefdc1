"""The short form of ``make soak``: enough to find one session in a hundred and fifty that stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parents[2]


def test_sessions_talks_and_calls_leave_nothing_behind() -> None:
    command = [sys.executable, "-m", "tests.soak.run", "--cycles", "150", "--minutes", "0.06", "--json", "-"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout or "null")
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["cycles"]["broken"] >= 30
    assert report["calls"] >= 2
    assert report["tally"]["words"] > 20
