"""Resolve the lock files again: ``make lock`` (needs uv on PATH: ``pip install uv``)."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = ["uv", "pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.12", "--quiet",
      "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "--upgrade"]  # fmt: skip


def _extras(*names: str) -> list[str]:
    return [word for name in names for word in ("--extra", name)]


LOCKS = {
    "demo.lock": ["pyproject.toml", "requirements/demo.in",
                  *_extras("server", "local", "kb", "mcp", "openapi", "iot")],
    "dev.lock": ["pyproject.toml", "requirements/demo.in", "-c", "requirements/demo.lock",
                 *_extras("server", "local", "kb", "mcp", "openapi", "iot", "dev")],
    "node.lock": ["requirements/node.in"],
    "wheels.lock": ["requirements/wheels.in", "-c", "requirements/dev.lock"],
    "pipecat.lock": ["requirements/pipecat.in"],
    "livekit.lock": ["requirements/livekit.in"],
    "strands.lock": ["requirements/strands.in"],
    "aiortc.lock": ["requirements/aiortc.in"],
    "pipecat-webrtc.lock": ["requirements/pipecat-webrtc.in"],
    "fastrtc.lock": ["requirements/fastrtc.in"],
}  # fmt: skip

if __name__ == "__main__":
    for name, arguments in LOCKS.items():
        subprocess.run([*UV, *arguments, "-o", f"requirements/{name}"], cwd=ROOT, check=True)
        print(f"requirements/{name}")
