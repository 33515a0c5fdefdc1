"""Waits for changes in a folder: the operating system tells, by the library behind watchfiles."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sonicrtc.errors import ConfigError, MissingExtraError
from sonicrtc.local.models import require

# Changes that come together are one; a single one is told after the shorter time.
_TOGETHER_MS = 1000
_QUIET_MS = 100


class FolderWatch:
    """Notes changes from its making on, so that what is read afterwards can miss none.

    ``watchfiles.watch`` begins at its first step, in a thread, where nobody knows when; hence its engine itself,
    which its documentation describes ("Rust backend direct usage").
    """

    def __init__(self, folder: Path) -> None:
        engine: Any = getattr(require("watchfiles._rust_notify", "kb"), "RustNotify", None)
        if engine is None or not all(hasattr(engine, name) for name in ("watch", "close")):
            raise MissingExtraError("watchfiles has changed; install the version of: pip install 'sonicrtc[kb]'")
        try:
            self._engine = engine([str(folder)], False, False, 0, True, True)
        except (OSError, RuntimeError) as exc:  # as many watches as the system allows, above all
            raise ConfigError(f"changes of {folder} cannot be watched: {exc}") from exc

    def wait(self, stop: threading.Event) -> bool:
        """Block until something has changed (True) or `stop` is set (False)."""
        return isinstance(self._engine.watch(_TOGETHER_MS, _QUIET_MS, 0, stop), set)

    def close(self) -> None:
        """Stop noting; not while somebody waits."""
        self._engine.close()
