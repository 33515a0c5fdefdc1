"""A program beside us that is spoken to in lines, whatever it does."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_PART_BYTES = 65_536
#: How much may wait for a program that does not read its input, in bytes.
_WAITING_BYTES = 1024 * 1024
#: How long each step of an orderly end may take: after its input has ended, and after SIGTERM.
_STEP_S = 2.0


class Child:
    """A running program; made by :func:`child`."""

    def __init__(self, process: Process, longest_bytes: int) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input, self._output = process.stdin, process.stdout
        self._longest_bytes = longest_bytes
        self._lines: deque[bytes] = deque()
        self._begun: list[bytes] = []

    async def read_line(self) -> bytes | None:
        """Return the next line; None at the end of the output.

        Raises
        ------
        ValueError
            It is longer than allowed.
        """
        # Not readline() with this limit, up to twice of which a StreamReader reads ahead.
        while not self._lines:
            part = await self._output.read(_PART_BYTES)
            if not part:
                return None
            first, *others = part.split(b"\n")
            self._begun.append(first)
            if sum(map(len, self._begun)) > self._longest_bytes:
                raise ValueError(f"a line of more than {self._longest_bytes} bytes")
            if others:
                self._lines += [b"".join(self._begun), *others[:-1]]
                self._begun = others[-1:]
        return self._lines.popleft()

    def write(self, data: bytes) -> None:
        """Send `data`; never waits.

        Raises
        ------
        BrokenPipeError
            The program has ended, or has not read what it was sent.
        """
        if self._input.is_closing() or self._input.transport.get_write_buffer_size() > _WAITING_BYTES:
            raise BrokenPipeError("the program does not read")
        self._input.write(data)

    async def stop(self) -> None:
        """End the program and those that it started: by the end of its input, then by signals."""
        self._input.close()
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                self._signal(number)
            with suppress(TimeoutError):
                async with asyncio.timeout(_STEP_S):
                    await self._ended()
                    return

    def kill(self) -> None:
        """End them at once, when there is no time for more."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)  # the leader of a session of its own

    async def _ended(self) -> None:
        # What it still says is thrown away: a program that cannot write does not end.
        while await self._output.read(_PART_BYTES):
            pass
        await self._process.wait()


@asynccontextmanager
async def child(
    command: Sequence[str], *, environment: Mapping[str, str], directory: Path, longest_bytes: int, show_errors: bool
) -> AsyncIterator[Child]:
    """Start `command`; stop it at the end.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    environment : mapping
        Its whole environment.
    directory : Path
        Where it runs.
    longest_bytes : int
        Longest line that is read.
    show_errors : bool
        Let its standard error be ours, instead of throwing it away.

    Raises
    ------
    OSError
        It cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=None if show_errors else DEVNULL, limit=_PART_BYTES,
        env=dict(environment), cwd=directory, start_new_session=True,
    )  # fmt: skip
    running = Child(process, longest_bytes)
    try:
        yield running
    finally:
        try:
            await running.stop()
        except asyncio.CancelledError:
            running.kill()
            raise
