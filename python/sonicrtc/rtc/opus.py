"""Where libopus is: the core codes with one that it loads while it runs, and brings none."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sonicrtc.audio import OpusLibrary
from sonicrtc.errors import ConfigError

_log = logging.getLogger(__name__)

#: Names by which the loader finds the system's, glibc and musl alike, and where macOS's loader does not look.
_LINUX = ("libopus.so.0",)
_MACOS = ("libopus.0.dylib", "/opt/homebrew/lib/libopus.0.dylib", "/usr/local/lib/libopus.0.dylib")
#: Where PyAV's wheel keeps the libraries that it brings, from the folder that holds the package.
_IN_WHEEL = ("av.libs/libopus*.so*", "av/.dylibs/libopus*.dylib")


def candidates() -> Iterator[str]:
    """Yield the files and names that are tried, in that order; those of a wheel are there."""
    yield from _MACOS if sys.platform == "darwin" else _LINUX
    spec = importlib.util.find_spec("av")
    for package in spec.submodule_search_locations or () if spec else ():
        for pattern in _IN_WHEEL:
            yield from (str(path) for path in sorted(Path(package).resolve().parent.glob(pattern)))


@cache
def find_opus(path: str | None = None) -> OpusLibrary | None:
    """Return the libopus to code with, or None when this machine has none; looked for once per process.

    Tried in this order: `path`, and then nothing else, when it is given; the system's, which its security
    updates reach (``libopus.so.0`` by the loader's own search, on macOS also where Homebrew puts it); the one
    inside PyAV's wheel (``av.libs``, on macOS ``av/.dylibs``). Which one it is, or what was tried, is logged.

    Parameters
    ----------
    path : str, optional
        The file to load, or its bare name for the loader to search.

    Raises
    ------
    ConfigError
        `path` cannot be loaded, or is not libopus.
    """
    if path is not None:
        try:
            return OpusLibrary(path)
        except RuntimeError as exc:
            raise ConfigError(f"opus library: expected the path of a libopus, got {path!r}: {exc}") from exc
    tried = []
    for name in candidates():
        try:
            found = OpusLibrary(name)
        except RuntimeError as exc:
            tried.append(str(exc))
            continue
        _log.info("Opus is coded by %s, %s", found.version, found.path)
        return found
    _log.warning("no libopus was found; tried: %s", "; ".join(tried))
    return None
