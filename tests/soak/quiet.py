"""Nothing may be said on the side: lost exceptions, warnings, lines on standard error."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

#: What the product logs when a stream was made to break: that is no noise.
EXPECTED = (
    "a stream broke; another one takes over",
    "the next stream could not be opened",
    "a stream was closed, but not in order",
    "the service did not end a session in time; the connection is cut",
)


class Noise(logging.Handler):
    """Collects what was said on the side.

    Attributes
    ----------
    lines : list of str
        What nobody expected.
    expected : dict of str to int
        How often each expected message was logged.
    progress : file
        Standard error as it was before.
    """

    def __init__(self, progress: TextIO) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.expected = dict.fromkeys(EXPECTED, 0)
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("sonicrtc") and record.msg in self.expected:
            self.expected[record.msg] += 1
        else:
            self.lines.append(f"log of {record.name}: {self.format(record)}")

    def on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what asyncio would say of an exception that nobody retrieved."""
        self.lines.append(f"asyncio: {context.get('message')} {context.get('exception')!r}")

    def on_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Take a warning of Python: a file left open, a coroutine never awaited."""
        self.lines.append(f"{category.__name__}: {message} at {filename}:{lineno}")

    def say(self, text: str) -> None:
        """Tell the person who waits how far it is."""
        print(text, file=self.progress, flush=True)


@contextmanager
def listening() -> Iterator[Noise]:
    """Take over standard error, the log and the warnings, down to what native code writes."""
    saved = os.dup(2)
    with os.fdopen(saved, "w") as progress, tempfile.TemporaryFile("w+") as captured:
        noise = Noise(progress)
        os.dup2(captured.fileno(), 2)
        logging.getLogger().addHandler(noise)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.showwarning = noise.on_warning
                yield noise
        finally:
            logging.getLogger().removeHandler(noise)
            os.dup2(saved, 2)
            captured.seek(0)
            text = captured.read()
            noise.lines += text.splitlines()
