"""A service in a process of its own, and everything that it says on standard error."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.soak import gauges

#: What a service says when it ends and every session has gone well.
_ALL_WELL = re.compile(r"sessions: (\d+) opened, \1 closed, 0 failed\n")


class OtherProcess:
    """A command that printed "ready"."""

    def __init__(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        self._process = process
        #: What it printed.
        self.lines = lines
        #: What stood on its standard error; known once it has ended.
        self.noise = ""

    @property
    def rss_kb(self) -> float:
        return gauges.rss_kb(self._process.pid)

    @property
    def counts(self) -> tuple[int, int]:
        """Threads and open files."""
        return gauges.threads(self._process.pid), gauges.files(self._process.pid)


@contextmanager
def running(module: str, *arguments: str) -> Iterator[OtherProcess]:
    """Start ``python -m module arguments`` and let it end by closing its standard input."""
    with tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-m", module, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
            try:
                lines: list[str] = []
                while not lines or lines[-1] != "ready":
                    line = process.stdout.readline()
                    if not line:
                        errors.seek(0)
                        raise RuntimeError(f"{module} ended before it was ready: {errors.read()}")
                    lines.append(line.rstrip("\n"))
                other = OtherProcess(process, lines)
                yield other
            finally:
                process.stdin.close()
                if process.wait(30):
                    print(f"{module} ended with {process.returncode}", file=errors, flush=True)
        errors.seek(0)
        other.noise = _ALL_WELL.sub("", errors.read())
