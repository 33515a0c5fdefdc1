from __future__ import annotations

from collections.abc import Iterator

import pytest

from sonicrtc.local.state import LocalState


@pytest.fixture(scope="session")
def state() -> Iterator[LocalState]:
    with LocalState.open(None) as opened:
        yield opened
