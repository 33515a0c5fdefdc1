"""A libopus without sound, built by the compiler that builds the core: see scripted_opus.cpp."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sonicrtc.audio import OpusLibrary

#: Configurations of SILK (RFC 6716, table 2) by the ms of their packets.
_CONFIG = {10: 0, 20: 1, 40: 2, 60: 3}


@cache
def scripted_opus() -> OpusLibrary:
    """Build the library and load it."""
    source = Path(__file__).with_suffix(".cpp")
    compiler = os.environ.get("CXX", "c++")
    with TemporaryDirectory() as directory:
        library = Path(directory) / "libopus.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library)], check=True)
        return OpusLibrary(str(library))


def scripted_packet(number: int, ms: int = 20, *, fec: bool = True) -> bytes:
    """Return packet `number`, which decodes to frames of that value."""
    return bytes([_CONFIG[ms] << 3, 0xFF * fec, *number.to_bytes(2)])


def scripted_mark(ms: int = 20) -> bytes:
    """Return a packet of one byte, with which a sender goes quiet."""
    return bytes([_CONFIG[ms] << 3])
