"""All tests, in stages, with the time that each took: what ``make test`` runs.

Arguments that this script does not know go to pytest, which then runs alone:
``make test ARGS='-k playout'``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
#: Debian packages that tests use: a file that shows each is there.
SYSTEM_PACKAGES = {
    "chromium": "/usr/bin/chromium",
    "firefox-esr": "/usr/bin/firefox-esr",
    "pocketsphinx-testdata": "/usr/share/doc/pocketsphinx-testdata",
    "iproute2": "/usr/sbin/ip",
    "espeak-ng": "/usr/bin/espeak-ng",
    "procps": "/usr/bin/ps",
}
BUDGET_S = 20 * 60


class StageFailed(Exception):
    """A stage ended with an error; its output stands above."""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **(env or {})}, check=False)
    if done.returncode:
        raise StageFailed


def missing_packages() -> list[str]:
    return [name for name, sign in SYSTEM_PACKAGES.items() if not Path(sign).exists()]


def install_system_packages() -> None:
    """Browsers and recordings from Debian, where that is possible; else say what is left out."""
    missing = missing_packages()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=environment)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=environment)
        missing = missing_packages()
    if missing and os.environ.get("CI"):
        print(f"CI leaves nothing out, but these are missing: {' '.join(missing)}")
        raise StageFailed


def native_tests() -> None:
    """The C++ core under the address and undefined-behaviour sanitizers."""
    tools = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    run(BIN / "cmake", "--preset", "asan", "--log-level=WARNING", env=tools)
    run(BIN / "cmake", "--build", "--preset", "asan", env=tools)
    run(BIN / "ctest", "--preset", "asan", env=tools)


def page_tests() -> None:
    run("scripts/node.sh", "npm", "--prefix", "web", "run", "--silent", "test")


def python_tests() -> None:
    left_out = missing_packages()
    chosen = "not wheel and not browser" if {"chromium", "firefox-esr"} & set(left_out) else "not wheel"
    run(sys.executable, "-m", "pytest", "-q", "-m", chosen, "--durations=10")


def wheel_tests() -> None:
    """Build the wheel, install it where no checkout is, and use it there."""
    run("make", "--silent", "wheel")
    run(sys.executable, "-m", "pytest", "-q", "-m", "wheel")
    run(sys.executable, "tests/packaging/installed.py")


STAGES: dict[str, Callable[[], None]] = {
    "system packages": install_system_packages,
    "native tests": native_tests,
    "page tests": page_tests,
    "python and browser tests": python_tests,
    "wheel": wheel_tests,
}


def run_stages(stages: dict[str, Callable[[], None]]) -> int:
    seconds: dict[str, float] = {}
    failed: list[str] = []
    for name, stage in stages.items():
        print(f"\n=== {name} ===", flush=True)
        started = time.perf_counter()
        try:
            stage()
        except StageFailed:
            failed.append(name)
        seconds[name] = time.perf_counter() - started
    print("\n=== time ===")
    for name, spent in seconds.items():
        print(f"{spent:7.1f} s  {'FAILED  ' if name in failed else ''}{name}")
    print(f"{sum(seconds.values()):7.1f} s  of {BUDGET_S} s")
    if left_out := missing_packages():
        print(f"Left out for want of {', '.join(left_out)}; to add: sudo apt-get install {' '.join(left_out)}")
    print(f"{len(stages) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=STAGES, action="append", help="run only this stage (may be repeated)")
    options, for_pytest = parser.parse_known_args(arguments)
    if for_pytest:
        return subprocess.run([sys.executable, "-m", "pytest", *for_pytest], cwd=ROOT, check=False).returncode
    return run_stages({name: stage for name, stage in STAGES.items() if name in (options.stage or STAGES)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
