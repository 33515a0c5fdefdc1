"""All tests, in stages, with the time that each took: what ``make test`` and ``make test-long`` run.

Arguments that this script does not know go to pytest, which then runs alone:
``make test ARGS='-k playout'``.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
#: Debian packages that tests use, and a file of each that shows that it is there (a pattern).
BROWSERS = {"chromium": "/usr/bin/chromium", "firefox-esr": "/usr/bin/firefox-esr"}
SYSTEM_PACKAGES = BROWSERS | {
    "pocketsphinx-testdata": "/usr/share/doc/pocketsphinx-testdata",
    "iproute2": "/usr/sbin/ip",
    "espeak-ng": "/usr/bin/espeak-ng",
    "mosquitto": "/usr/sbin/mosquitto",
    "procps": "/usr/bin/ps",
    "pkgconf": "/usr/bin/pkg-config",
}
AARCH64_PACKAGES = {
    "g++-aarch64-linux-gnu": "/usr/bin/aarch64-linux-gnu-g++",
    "qemu-user-static": "/usr/bin/qemu-aarch64-static",
}
ARMV7_PACKAGES = {
    "g++-arm-linux-gnueabihf": "/usr/bin/arm-linux-gnueabihf-g++",
    "qemu-user-static": "/usr/bin/qemu-arm-static",
}
WHEELS_PACKAGES = {
    "mmdebstrap": "/usr/bin/mmdebstrap",
    "musl": "/lib/ld-musl-*.so.1",
    "pocketsphinx-testdata": "/usr/share/doc/pocketsphinx-testdata",
    "qemu-user-static": "/usr/bin/qemu-aarch64-static",
}
FUZZ_PACKAGES = {
    "clang": "/usr/bin/clang++",
    "libclang-rt-dev": "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a",
}
#: The own tests of the modules without I/O that pyproject.toml lists under [tool.coverage.run].
WITHOUT_IO = (
    "tests/local_kb/test_passages.py",
    "tests/local_kb/test_request.py",
    "tests/net/test_adaptation.py",
    "tests/unit/test_capabilities.py",
    "tests/tools/test_registry.py",
    "tests/tools/test_runtime.py",
    *(
        f"tests/sonic/test_{name}.py"
        for name in ("failures", "handover", "history", "protocol", "table", "talk", "tape", "turns", "wire")
    ),
)
BUDGET_S = 20 * 60
#: Much of the tests' time is waiting for speech; a file's tests stay together, as do their fixtures.
TWO_AT_ONCE = ("-n", "2", "--dist", "loadfile")
#: How long libFuzzer looks for a crash.
FUZZ_S = int(os.environ.get("FUZZ_SECONDS", "300"))


class StageFailed(Exception):
    """A stage ended with an error; its output stands above."""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **(env or {})}, check=False)
    if done.returncode:
        raise StageFailed


def missing(packages: Mapping[str, str]) -> list[str]:
    return [name for name, sign in packages.items() if not glob.glob(sign)]


def install(packages: Mapping[str, str]) -> bool:
    """Bring packages from Debian, where that is possible; else say what is left out and return False."""
    wanted = missing(packages)
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=environment)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted, env=environment)
        wanted = missing(packages)
    if wanted:
        print(f"Left out for want of {', '.join(wanted)}; to add: sudo apt-get install {' '.join(wanted)}")
        if os.environ.get("CI"):
            print("CI leaves nothing out")
            raise StageFailed
    return not wanted


def system_packages() -> None:
    install(SYSTEM_PACKAGES)


def build(preset: str) -> None:
    """Build the C++ core by a preset of CMakePresets.json."""
    tools = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    run(BIN / "cmake", "--preset", preset, "--log-level=WARNING", env=tools)
    run(BIN / "cmake", "--build", "--preset", preset, "--parallel", "2", env=tools)


def ctest(preset: str) -> None:
    """Build the C++ core by a preset and run its tests."""
    build(preset)
    run(BIN / "ctest", "--preset", preset)


def native_tests() -> None:
    """The C++ core under the address and undefined-behaviour sanitizers."""
    ctest("asan")


def thread_tests() -> None:
    """The C++ core under the thread sanitizer."""
    ctest("tsan")


def emulated_tests(name: str, packages: Mapping[str, str]) -> None:
    """The C++ core and its installed package, built for another processor and run by QEMU."""
    if install(packages):
        ctest(name)
        run(sys.executable, "-m", "pytest", "-q", "-m", "cross", "-k", name, "tests/packaging")


def fuzzing() -> None:
    """The C++ core under libFuzzer; what it found in earlier runs is where it starts."""
    if install(FUZZ_PACKAGES):
        build("fuzz")
        corpus = ROOT / "build" / "fuzz" / "corpus"
        corpus.mkdir(exist_ok=True)
        quiet = ("-verbosity=0", "-print_funcs=0", "-print_final_stats=1")
        options = (f"-max_total_time={FUZZ_S}", "-max_len=2000", "-len_control=0", *quiet)
        # On a crash it prints where it left the input; build/asan/tests/native/fuzz_core FILE repeats it.
        run(ROOT / "build/fuzz/tests/native/fuzz_core", *options, f"-artifact_prefix={corpus.parent}/", corpus)


def page_tests() -> None:
    run("scripts/node.sh", "npm", "--prefix", "web", "run", "--silent", "test")


def coverage() -> None:
    """Every line and branch of the modules without I/O, by their own tests."""
    run(sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", *WITHOUT_IO)
    run(sys.executable, "-m", "coverage", "report")


def python_tests() -> None:
    chosen = "not clients and not cross and not wheel" + (" and not browser" if missing(BROWSERS) else "")
    run(sys.executable, "-m", "pytest", "-q", *TWO_AT_ONCE, "-m", chosen, "--durations=10")


def wheel_tests() -> None:
    """Build the wheel, install it where no checkout is, and use it there."""
    run("make", "--silent", "wheel")
    run(sys.executable, "-m", "pytest", "-q", "-m", "wheel")
    run(sys.executable, "tests/packaging/installed.py")


def wheels_tests() -> None:
    """Build the wheels for every platform, and use them here and on an emulated 64-bit ARM."""
    if install(WHEELS_PACKAGES):
        run(sys.executable, "scripts/wheels.py")
        run(sys.executable, "tests/packaging/wheels.py")


def client_tests() -> None:
    """Let clients that we did not write talk to our service, each in an environment of its own."""
    run("make", "--silent", "clients")
    run(sys.executable, "-m", "pytest", "-q", "-m", "clients", "tests/clients")


def soak() -> None:
    """Ten thousand sessions and half an hour of talk; ``make soak`` takes arguments for less."""
    run(sys.executable, "-m", "tests.soak.run")


STAGES: dict[str, Callable[[], None]] = {
    "system packages": system_packages,
    "native tests": native_tests,
    "aarch64 under QEMU": partial(emulated_tests, "aarch64", AARCH64_PACKAGES),
    "page tests": page_tests,
    "coverage": coverage,
    "python and browser tests": python_tests,
    "wheel": wheel_tests,
}
#: What takes too long, or needs too much, for every change; and the other ARM beside it.
LONG_STAGES: dict[str, Callable[[], None]] = {
    "aarch64 under QEMU": STAGES["aarch64 under QEMU"],
    "threads": thread_tests,
    "armv7 under QEMU": partial(emulated_tests, "armv7", ARMV7_PACKAGES),
    "wheels": wheels_tests,
    "clients of others": client_tests,
    "fuzzing": fuzzing,
    "soak": soak,
}
ALL_STAGES = STAGES | LONG_STAGES


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
    print(f"{sum(seconds.values()):7.1f} s" + (f"  of {BUDGET_S} s" if stages.keys() <= STAGES.keys() else ""))
    print(f"{len(stages) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=ALL_STAGES, action="append", help="run only this stage (may be repeated)")
    parser.add_argument("--long", action="store_true", help="run the long stages instead")
    options, for_pytest = parser.parse_known_args(arguments)
    if for_pytest:
        return subprocess.run([sys.executable, "-m", "pytest", *for_pytest], cwd=ROOT, check=False).returncode
    chosen = options.stage or (LONG_STAGES if options.long else STAGES)
    return run_stages({name: stage for name, stage in ALL_STAGES.items() if name in chosen})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
