"""What a process holds: memory by several measures, threads, tasks, files."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.soak.flat import Bound

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024
_SETTLE_S = 10.0
#: Connections that are still being taken apart hold some hundred kB or more; they get this long for it.
_MEMORY_SETTLE_S = 2.0
_NATIVE_KB, _HEAP_KB = 128, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at this process.

    Parameters
    ----------
    rss_kb : float
        Resident memory.
    heap_kb : float
        What malloc has given out: native code, and Python's larger objects; 0 without glibc.
    native_kb : float
        What the AWS SDK's native library holds; 0 when it does not count.
    blocks, objects : int
        Python's small blocks, and objects that its garbage collector follows.
    threads, tasks, files : int
        Of the operating system, of asyncio, and open descriptors.
    """

    rss_kb: float
    heap_kb: float
    native_kb: float
    blocks: int
    objects: int
    threads: int
    tasks: int
    files: int

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.threads, self.tasks, self.files


#: Of a process's resident memory a part is free, and how much depends on the order of things.
RESIDENT = Bound(rate=256, noise=2048)
#: What is judged by its growth: per 1000 cycles, read at rest.
GROWTH: dict[str, Bound] = {
    "rss_kb": RESIDENT,
    "heap_kb": Bound(rate=32, noise=256),
    "native_kb": Bound(rate=8, noise=64),
    "blocks": Bound(rate=200, noise=2000),
    "objects": Bound(rate=50, noise=60),
}
#: Per minute, read while streams come and go: one that is just opening has some thousand blocks, and how much audio
#: waits in it depends on what else the machine does. What is left for good is judged at rest.
GROWTH_IN_TALK: dict[str, Bound] = {
    "rss_kb": RESIDENT,
    "heap_kb": RESIDENT,
    "native_kb": Bound(rate=32, noise=1024),
    "blocks": Bound(rate=200, noise=4000),
    "objects": Bound(rate=50, noise=1500),
}
COUNTS = ("threads", "tasks", "files")


_MALLINFO2 = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip


class _MallInfo2(ctypes.Structure):
    """``struct mallinfo2`` (mallinfo(3))."""

    _fields_ = [(name, ctypes.c_size_t) for name in _MALLINFO2]


_libc = ctypes.CDLL(None)


def _heap_kb() -> float:
    if not hasattr(_libc, "mallinfo2"):
        return 0.0
    _libc.mallinfo2.restype = _MallInfo2
    info = _libc.mallinfo2()
    return float(info.uordblks + info.hblkhd) / 1024


def _native_kb() -> float:
    if not os.environ.get("AWS_CRT_MEMORY_TRACING"):
        return 0.0
    from awscrt._test import native_memory_usage

    return float(native_memory_usage()) / 1024


def rss_kb(pid: int | str = "self") -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB


def threads(pid: int | str = "self") -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def files(pid: int | str = "self") -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def read() -> Reading:
    """Look at this process, after a garbage collection."""
    gc.collect()
    return Reading(
        rss_kb=rss_kb(),
        heap_kb=_heap_kb(),
        native_kb=_native_kb(),
        blocks=sys.getallocatedblocks(),
        objects=len(gc.get_objects()) + gc.get_freeze_count(),
        threads=threads(),
        tasks=len(asyncio.all_tasks()),
        files=files(),
    )


async def read_at_rest(like: Reading | None = None) -> Reading:
    """Look at this process while nothing is going on.

    Native code gives a socket back a moment after it says so; there is nothing to wait for but the count itself.

    Parameters
    ----------
    like : Reading, optional
        What the counts should be; they get ten seconds to come to it.
    """
    began_s = asyncio.get_running_loop().time()
    while True:
        reading = read()
        waited_s = asyncio.get_running_loop().time() - began_s
        if like is None or _resembles(reading, like, waited_s):
            return reading
        await asyncio.sleep(0.05)


def _resembles(reading: Reading, like: Reading, waited_s: float) -> bool:
    counted = reading.counts == like.counts or waited_s > _SETTLE_S
    held = reading.native_kb > like.native_kb + _NATIVE_KB or reading.heap_kb > like.heap_kb + _HEAP_KB
    return counted and (not held or waited_s > _MEMORY_SETTLE_S)
