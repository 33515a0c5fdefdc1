"""Write python/sonicrtc/_core.pyi from the built module, or with --check say whether it is stale."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "python" / "sonicrtc" / "_core.pyi"
HEADER = "# Generated from the built module by tests/lint/generate_stubs.py; do not edit.\n"


def generate() -> str:
    """Return the stub of the `sonicrtc._core` that this interpreter imports."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pybind11_stubgen", "sonicrtc._core", "--exit-code", "-o", directory]
        path = os.pathsep.join([str(ROOT / "python"), *sys.path])
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"pybind11-stubgen failed:\n{done.stdout}{done.stderr}")
        text = (Path(directory) / "sonicrtc" / "_core.pyi").read_text("utf-8")
    text = re.sub(r"^__version__: str = .*$", "__version__: str", text, flags=re.MULTILINE)
    return HEADER + format_stub(text)


def format_stub(text: str) -> str:
    """Let ruff sort and wrap it, so that the file is the same wherever it is generated."""
    stub = ["--stdin-filename", str(STUB), "-"]
    for arguments in (["check", "--quiet", "--fix-only", "--select", "I,W,UP,RUF022", *stub], ["format", "--quiet", *stub]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], input=text, capture_output=True, text=True, check=True
        )
        text = done.stdout
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the committed stub is stale")
    check = parser.parse_args().check
    text = generate()
    if not check:
        STUB.write_text(text, "utf-8")
        return 0
    if STUB.exists() and STUB.read_text("utf-8") == text:
        return 0
    print(f"{STUB.relative_to(ROOT)} is stale; run: python tests/lint/generate_stubs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
