"""The wheel as a user gets it: a fresh environment, outside the checkout, no source in sight.

Installs the wheel in ``dist/`` with the locked packages into a temporary environment, copies the
tests beside it, runs those that need neither browser nor checkout, then one ``sonicrtc demo``
with one ``sonicrtc call`` against it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIP = Path("/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav")


def the_only(pattern: str) -> Path:
    found = sorted((ROOT / "dist").glob(pattern))
    if len(found) != 1:
        sys.exit(f"expected one {pattern} in dist/, got {[p.name for p in found]}; run: make wheel")
    return found[0]


def install(environment: Path, wheel: Path) -> Path:
    """Return the interpreter of a fresh environment that holds `wheel` and the locked packages."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", ROOT / "requirements" / "dev.lock"], check=True)
    subprocess.run([*pip, wheel], check=True)
    return python


def call_the_demo(folder: Path, python: Path) -> None:
    """Start the installed demo, talk to it with a recording, and stop it."""
    sonicrtc = python.parent / "sonicrtc"
    command: list[str | Path] = [sonicrtc, "demo", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as demo:
        try:
            url = ""
            for line in demo.stdout or ():
                print(line, end="")
                if match := re.search(r"https?://\S+", line):
                    url = match.group()
                if "ready" in line.split():
                    break
            done = subprocess.run(
                [sonicrtc, "call", "--url", url, "--wav", CLIP, "--json", "-"],
                cwd=folder, capture_output=True, text=True, timeout=90, check=False,
            )  # fmt: skip
            if done.returncode:
                sys.exit(f"the call failed: {done.stderr}")
            report = json.loads(done.stdout)
            print(json.dumps({key: value for key, value in report.items() if key != "events"}, indent=2))
            if not (report["user_text"] and report["assistant_text"] and report["first_audio_ms"]):
                sys.exit("the call brought no answer")
        finally:
            demo.terminate()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="sonicrtc-wheel-") as name:
        folder = Path(name)
        python = install(folder / "env", the_only("*.whl"))
        # The tests that need docs or benchmarks are left out, but their modules are read.
        for part in ("tests", "examples", "docs", "benchmarks"):
            shutil.copytree(ROOT / part, folder / part)
        shutil.copy(ROOT / "pyproject.toml", folder)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        tests: list[str | Path] = [
            python,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "--dist",
            "loadfile",
            "-m",
            "not browser and not checkout and not clients and not speech and not wheel",
            "tests",
        ]
        passed = subprocess.run(tests, cwd=folder, env=environment, check=False).returncode == 0
        call_the_demo(folder, python)
    sys.exit(not passed)


if __name__ == "__main__":
    main()
