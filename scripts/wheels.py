"""Build the wheels for Linux without containers: ``make wheels``.

zig cross-compiles for every platform, so one machine makes all of them. Each wheel is checked:
auditwheel gives it its platform tag or refuses it, and what its module asks of the system is read
from the module itself. They come to ``wheelhouse/``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "wheels"
WHEELHOUSE = ROOT / "wheelhouse"
LOCK = ROOT / "requirements" / "wheels.lock"
PYTHONS = ("3.12", "3.13")


@dataclass(frozen=True)
class Platform:
    tag: str
    zig_target: str

    @property
    def processor(self) -> str:
        return self.zig_target.partition("-")[0]

    @property
    def soabi(self) -> str:
        """The end of an extension module's name: no version of the C library in it."""
        return self.zig_target.partition(".")[0]

    @property
    def machine(self) -> str:
        """The processor as readelf says it."""
        return {"x86_64": "Advanced Micro Devices X86-64", "aarch64": "AArch64"}[self.processor]

    @property
    def libraries(self) -> set[str]:
        """What a module may ask of the system: the C library and its loader."""
        if self.soabi.endswith("musl"):
            return {f"libc.musl-{self.processor}.so.1"}
        loader = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}[self.processor]
        return {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", loader}


PLATFORMS = (
    Platform("manylinux_2_17_x86_64", "x86_64-linux-gnu.2.17"),
    Platform("manylinux_2_17_aarch64", "aarch64-linux-gnu.2.17"),
    Platform("musllinux_1_2_x86_64", "x86_64-linux-musl"),
    Platform("musllinux_1_2_aarch64", "aarch64-linux-musl"),
)
#: Types of C whose sizes pyconfig.h states; Python's own headers are compiled by what it states.
C_TYPES = {
    "SHORT": "short", "INT": "int", "LONG": "long", "LONG_LONG": "long long", "VOID_P": "void*", "FLOAT": "float",
    "DOUBLE": "double", "LONG_DOUBLE": "long double", "SIZE_T": "size_t", "WCHAR_T": "wchar_t", "OFF_T": "off_t",
    "TIME_T": "time_t", "PID_T": "pid_t", "UINTPTR_T": "uintptr_t", "PTHREAD_T": "pthread_t",
}  # fmt: skip


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def interpreters(version: str) -> Iterator[Path]:
    """Candidates for a Python, where scripts/environment.sh looks for one."""
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    for root in (os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv"):
        if root:
            yield from sorted(Path(root).glob(f"versions/{version}.*/bin/python"))


def environment(version: str) -> Path:
    """Return the bin folder of an environment with that Python and the locked tools."""
    folder = BUILD / f"python{version}"
    ready = folder / LOCK.name
    if ready.exists() and ready.read_bytes() == LOCK.read_bytes():
        return folder / "bin"
    say = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for python in interpreters(version):
        # A version manager's shim may be on PATH for a version that is not active.
        if subprocess.run([python, "-c", say], capture_output=True, check=False).returncode == 0:
            break
    else:
        sys.exit(f"Found no Python {version} on PATH or under ~/.pyenv/versions; to add: pyenv install {version}")
    run(python, "-m", "venv", "--clear", folder)
    pip = (folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--require-hashes", "-r", LOCK)
    shutil.copy(LOCK, ready)
    return folder / "bin"


def zig() -> tuple[Path, dict[str, str]]:
    """Return zig's path, the same for every Python, and the environment that keeps what it compiles for itself."""
    program = min(BUILD.glob("python*/lib/python3.*/site-packages/ziglang/zig"))
    return program, {"ZIG_GLOBAL_CACHE_DIR": str(BUILD / "zig"), "ZIG_LOCAL_CACHE_DIR": str(BUILD / "zig")}


def check_headers(tools: Path, platform: Platform) -> None:
    """Python's headers are those of this machine: the sizes that they state must be the platform's."""
    program, env = zig()
    include = run(tools / "python", "-c", "import sysconfig; print(sysconfig.get_path('include'))").strip()
    lines = ["#include <pyconfig.h>", "#include <stddef.h>", "#include <stdint.h>", "#include <pthread.h>"]
    lines += ["#include <sys/types.h>", "#include <time.h>"]
    lines += [f"static_assert(SIZEOF_{name} == sizeof({c_type}));" for name, c_type in C_TYPES.items()]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "sizes.cpp")
        source.write_text("\n".join(lines) + "\n")
        options = ("-target", platform.zig_target, "-std=c++20", f"-I{include}")
        run(program, "c++", *options, "-c", source, "-o", source.with_suffix(".o"), env=env)


def build(version: str, tools: Path, platform: Platform, folder: Path) -> Path:
    """Return a wheel for the platform that has no platform tag of its own yet."""
    program, env = zig()
    shutil.rmtree(BUILD / f"{platform.tag}-{version}", ignore_errors=True)  # zig remembers what it compiled
    suffix = f".cpython-{version.replace('.', '')}-{platform.soabi}.so"
    settings = {
        "build-dir": f"build/wheels/{platform.tag}-{version}",
        "install.strip": "false",
        "cmake.define.CMAKE_TOOLCHAIN_FILE": str(ROOT / "cmake/zig.cmake"),
        "cmake.define.SONICRTC_ZIG": str(program),
        "cmake.define.SONICRTC_ZIG_TARGET": platform.zig_target,
        "cmake.define.SONICRTC_WARNINGS_AS_ERRORS": "ON",
        "cmake.define.PYTHON_MODULE_EXTENSION": suffix,
    }
    env |= {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "_PYTHON_HOST_PLATFORM": f"linux-{platform.processor}"}
    options = [f"--config-setting={name}={value}" for name, value in settings.items()]
    run(tools / "python", "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, *options, ".", env=env)
    (wheel,) = folder.glob("*.whl")
    return wheel


def name_libc(tools: Path, platform: Platform, wheel: Path) -> None:
    """Let a module ask for musl by the name that it has on Alpine; zig calls it libc.so.

    musl's loader answers to both, auditwheel knows the first only. It also writes the wheel's RECORD anew.
    """
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
            names = archive.namelist()
        (module,) = Path(folder).rglob("*.so")
        run(tools / "patchelf", "--replace-needed", "libc.so", f"libc.musl-{platform.processor}.so.1", module)
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.write(Path(folder, name), name)


def label(tools: Path, platform: Platform, wheel: Path) -> Path:
    """Have auditwheel find out which platform the wheel is for; that must be the one it was made for."""
    env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    if platform.soabi.endswith("musl"):
        name_libc(tools, platform, wheel)
    before = set(WHEELHOUSE.glob("*.whl"))
    # By name it takes only platforms of this machine's processor.
    printed = run(
        tools / "auditwheel", "repair", "--plat=auto", "--only-plat", "--wheel-dir", WHEELHOUSE, wheel, env=env
    )
    new = set(WHEELHOUSE.glob("*.whl")) - before
    if len(new) != 1 or platform.tag not in next(iter(new)).name:
        sys.exit(f"auditwheel gave {wheel.name} no tag {platform.tag}: {[p.name for p in new]}\n{printed}")
    return new.pop()


def check(platform: Platform, wheel: Path) -> None:
    """Check that the module is for the machine, asks for the C library only, and shows little of itself."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = [name for name in archive.namelist() if name.endswith(".so")]
        if len(names) != 1 or not names[0].endswith(f"-{platform.soabi}.so"):
            sys.exit(f"{wheel.name}: expected one module for {platform.soabi}, got {names}")
        if "sonicrtc/page/index.html" not in archive.namelist():
            sys.exit(f"{wheel.name}: the page is missing")
        module = archive.extract(names[0], folder)
        printed = run("readelf", "--wide", "--file-header", "--dynamic", "--dyn-syms", module)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", printed))
    shown = re.findall(r"(?:GLOBAL|WEAK)\s+DEFAULT\s+\d+ (\S+)", printed)
    problems = [f"asks for {name}" for name in sorted(needed - platform.libraries)]
    problems += ["names a folder to search (RPATH)"] if re.search(r"\(R(UN)?PATH\)", printed) else []
    problems += (
        [] if f"Machine:                           {platform.machine}\n" in printed else ["is for another machine"]
    )
    problems += [f"shows {name}" for name in shown if name != "PyInit__core"]
    if problems or "PyInit__core" not in shown:
        sys.exit(f"{wheel.name}: {'; '.join(problems) or 'has no PyInit__core'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", choices=PYTHONS, action="append", help="only this Python (may be repeated)")
    parser.add_argument("--platform", choices=[p.tag for p in PLATFORMS], action="append", help="only this platform")
    options = parser.parse_args()
    shutil.rmtree(WHEELHOUSE, ignore_errors=True)
    WHEELHOUSE.mkdir()
    for version in options.python or PYTHONS:
        tools = environment(version)
        for platform in PLATFORMS:
            if options.platform and platform.tag not in options.platform:
                continue
            started = time.perf_counter()
            check_headers(tools, platform)
            with tempfile.TemporaryDirectory() as folder:
                wheel = label(tools, platform, build(version, tools, platform, Path(folder)))
            check(platform, wheel)
            print(
                f"{time.perf_counter() - started:6.1f} s  {wheel.stat().st_size / 1e6:.2f} MB  {wheel.name}", flush=True
            )


if __name__ == "__main__":
    main()
