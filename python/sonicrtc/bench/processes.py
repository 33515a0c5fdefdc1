"""Servers in processes of their own: started on one core, and what they take of it, from ``/proc``."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sonicrtc.errors import ConfigError, SonicRtcError

_START_S = 120.0
_STOP_S = 15.0
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUnderTest:
    """A server that answers ``POST /offer``: one that we start, or one that runs already.

    Parameters
    ----------
    name : str
        What it is called in the tables.
    command : tuple of str
        Starts it. It prints its address on a line and then a line ``ready``, as ``sonicrtc serve`` does.
    url : str, optional
        Address of one that runs already, instead of `command`.
    pid : int, optional
        Its process, when CPU and memory of a running one shall be measured.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str | None = None
    pid: int | None = None


def ours(*, most_calls: int, arguments: Sequence[str] = ()) -> ServerUnderTest:
    """Return this installation's server, which returns the caller's audio."""
    command = (sys.executable, "-P", "-m", "sonicrtc", "serve", "--loopback", "--port", "0",
               "--max-calls", str(most_calls), "--drain", "0", *arguments)  # fmt: skip
    return ServerUnderTest(name="sonicrtc", command=command)


def parse_server(text: str) -> ServerUnderTest:
    """Read ``NAME=COMMAND`` or ``NAME=http://...``.

    Raises
    ------
    ConfigError
        It is neither.
    """
    name, _, rest = text.partition("=")
    if not name or not rest.strip():
        raise ConfigError(f"server: expected NAME=COMMAND or NAME=http://host:port, got {text!r}")
    if rest.startswith(("http://", "https://")):
        return ServerUnderTest(name=name, url=rest)
    return ServerUnderTest(name=name, command=tuple(shlex.split(rest)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that is up; `pid` is None where it is not known. `lines` are what it said before it was ready."""

    url: str
    pid: int | None
    lines: tuple[str, ...] = ()


@asynccontextmanager
async def started(server: ServerUnderTest, *, cores: set[int] | None = None) -> AsyncIterator[Running]:
    """Run `server` on `cores` and yield it once it is ready; one that runs already is only passed on.

    Raises
    ------
    SonicRtcError
        It ended, or was not ready in time.
    """
    if server.url is not None:
        yield Running(url=server.url, pid=server.pid)
        return
    with tempfile.TemporaryFile(prefix="sonicrtc-bench-") as log:
        with on_cores(cores):
            process = await asyncio.create_subprocess_exec(*server.command, stdin=DEVNULL, stdout=PIPE, stderr=log)
        try:
            lines = await _ready(server, process, log.fileno())
            yield Running(url=lines[-1].rstrip("/"), pid=process.pid, lines=lines)
        finally:
            await _stop(process)


async def _ready(server: ServerUnderTest, process: asyncio.subprocess.Process, log: int) -> tuple[str, ...]:
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(_START_S):
            while "ready" not in lines:
                line = await process.stdout.readline()
                if not line:
                    status = await process.wait()
                    said = os.pread(log, 1 << 20, 0).decode("utf-8", "replace").strip().splitlines()[-8:]
                    raise SonicRtcError(
                        f"{server.name} ended with status {status} before it was ready: " + "\n  ".join(said)
                    )
                lines.append(line.decode().strip())
    except TimeoutError as exc:
        raise SonicRtcError(f"{server.name} did not print 'ready' within {_START_S:g} s") from exc
    if len(lines) < 2:
        raise SonicRtcError(f"{server.name}: expected a line with its address before 'ready'")
    return tuple(lines[:-1])


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()


# -- cores ------------------------------------------------------------------------------------------


def split_cores() -> tuple[set[int] | None, set[int] | None]:
    """Return the core for the server and those for the load; None and None where there are not two."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(available) < 2:
        return None, None
    return {available[-1]}, set(available[:-1])


@contextmanager
def on_cores(cores: set[int] | None) -> Iterator[None]:
    """Keep this thread, and processes that it starts, on `cores`."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# -- what a process takes ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """Members of ``/proc/PID/stat`` (proc_pid_stat(5)): the parent, and clock ticks of processor time.

    `ticks` is the process's own time, `reaped` that of its children that have ended and been waited for.
    """

    parent: int
    ticks: int
    reaped: int


def parse_stat(text: str) -> Stat:
    """Read ``/proc/PID/stat``; the name, in parentheses, may itself hold spaces and parentheses."""
    fields = text.rpartition(")")[2].split()
    utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
    return Stat(parent=int(fields[1]), ticks=utime + stime, reaped=cutime + cstime)


def family(pid: int, stats: dict[int, Stat]) -> set[int]:
    """Return `pid` and all that descends from it."""
    found = {pid} & stats.keys()
    while True:
        more = {child for child, stat in stats.items() if stat.parent in found} - found
        if not more:
            return found
        found |= more


def _stats() -> dict[int, Stat]:
    stats = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, ValueError, IndexError):  # it ended just now
                stats[int(entry.name)] = parse_stat((entry / "stat").read_text("utf-8", "replace"))
    return stats


def cpu_s(pid: int) -> float:
    """Return the processor time that `pid` and its descendants have taken, children that ended included."""
    stats = _stats()
    ticks = sum(stats[member].ticks + stats[member].reaped for member in family(pid, stats))
    return ticks / float(os.sysconf("SC_CLK_TCK"))


def resident_mb(pid: int) -> float:
    """Return the resident memory of `pid` and its descendants, in MB."""
    page, total = os.sysconf("SC_PAGE_SIZE"), 0
    for member in family(pid, _stats()):
        with suppress(OSError):
            total += int((_PROC / str(member) / "statm").read_text("utf-8").split()[1])
    return total * page / 1e6
