from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sonic.peer import make_authority

from sonicrtc.local.state import LocalState


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """CA file and server certificate with key, for the faulty peer."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def state() -> Iterator[LocalState]:
    """Keys and certificates of the local service."""
    with LocalState.open(None) as opened:
        yield opened
