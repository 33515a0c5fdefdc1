"""The same page in Chromium and in Firefox ESR: it connects and gets its audio back."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Browse, Site

pytestmark = pytest.mark.browser
TONE_HZ = 660


def test_firefox_connects_and_gets_its_audio_back(loopback: Site, browse: Browse) -> None:
    prefs = {"media.navigator.audio.fake_frequency": TONE_HZ}

    found = browse("loopback", loopback, firefox=True, prefs=prefs, tone_hz=TONE_HZ)

    assert found["status"].startswith("Loopback")
    assert found["tone"]["hz"] == pytest.approx(TONE_HZ, abs=10)
    assert found["tone"]["amplitude"] > 0.03
