"""The wheels of ``make wheels``, used: here, and under QEMU in a root of Debian trixie for 64-bit ARM.

No Python for musl comes from Debian or PyPI, so the musllinux wheel of this machine's processor is
loaded by musl's own loader, with Python's symbols stood in for: what it asks of musl is there, and its
initialisers run.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from sonicrtc._core import isa  # of the core that this machine's own compiler made

ROOT = Path(__file__).parents[2]
ARM_ROOT = ROOT / ".cache" / "trixie-arm64"
SMOKE = Path(__file__).with_name("smoke.py")
CLIP = Path("/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav")
QEMU = Path("/usr/bin/qemu-aarch64-static")

LOAD = """
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
  void* const python = dlopen("./python.so", RTLD_NOW | RTLD_GLOBAL);
  void* const module = python ? dlopen("./core.so", RTLD_NOW) : 0;
  if (module && dlsym(module, "PyInit__core")) return puts("ok: loaded by musl") < 0;
  puts(dlerror());
  return 1;
}
"""


def wheel(python: str, tag: str) -> Path:
    found = sorted((ROOT / "wheelhouse").glob(f"sonicrtc-*-{python}-{python}-*{tag}.whl"))
    if len(found) != 1:
        sys.exit(f"expected one wheel for {python} and {tag} in wheelhouse/, got {found}; run: make wheels")
    return found[0]


def locked(folder: Path, *names: str) -> Path:
    """Write the lines of the lock file that pin `names`; return their file."""
    entries = re.findall(r"^\S.*(?:\n .*)*", (ROOT / "requirements/dev.lock").read_text("utf-8"), re.MULTILINE)
    chosen = [entry for entry in entries if entry.partition("==")[0] in names]
    assert len(chosen) >= len(names), f"expected {names} in the lock file"
    path = folder / "locked.txt"
    path.write_text("\n".join(chosen) + "\n")
    return path


def use_here(version: str) -> None:
    """Install the wheel of this machine into a fresh environment of that Python, and use it."""
    tag = version.replace(".", "")
    made_by = ROOT / "build" / "wheels" / f"python{version}" / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="sonicrtc-wheels-") as name:
        folder = Path(name)
        subprocess.run([made_by, "-m", "venv", folder / "env"], check=True)
        python = folder / "env/bin/python"
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        needed = locked(folder, "numpy", "webrtcvad-wheels")
        subprocess.run([*pip, "--only-binary=:all:", "--require-hashes", "-r", needed], check=True)
        subprocess.run([*pip, wheel(f"cp{tag}", f"manylinux_2_17_{platform.machine()}")], check=True)
        subprocess.run([python, "-I", SMOKE, CLIP, isa()], cwd=folder, check=True)


def load_by_musl(version: str) -> None:
    processor = platform.machine()
    zig = [str(ROOT / f"build/wheels/python{version}/bin/python"), "-m", "ziglang", "cc"]
    zig += ["-target", f"{processor}-linux-musl"]
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(ROOT / "build/wheels/zig")}
    python = f"cp{version.replace('.', '')}"
    with tempfile.TemporaryDirectory(prefix="sonicrtc-wheels-") as name:
        folder = Path(name)
        with zipfile.ZipFile(wheel(python, f"musllinux_1_2_{processor}")) as archive:
            (module,) = (member for member in archive.namelist() if member.endswith(".so"))
            (folder / "core.so").write_bytes(archive.read(module))
        symbols = subprocess.run(["nm", "-D", folder / "core.so"], capture_output=True, text=True, check=True).stdout
        asked = re.findall(r" U (_?Py\w+)", symbols)
        (folder / "python.c").write_text("".join(f"char {symbol}[64];\n" for symbol in asked))
        (folder / "load.c").write_text(LOAD)
        make = [*zig, "-shared", "-fPIC", "python.c", "-o", "python.so"]
        subprocess.run(make, cwd=folder, env=environment, check=True)
        subprocess.run([*zig, "-dynamic", "load.c", "-o", "load"], cwd=folder, env=environment, check=True)
        subprocess.run([f"/lib/ld-musl-{processor}.so.1", "./load"], cwd=folder, check=True)


def make_arm_root() -> None:
    """Unpack Debian's Python for 64-bit ARM. Nothing of it is configured, and nothing needs to be."""
    if (ARM_ROOT / "usr/bin/python3").exists():
        return
    shutil.rmtree(ARM_ROOT, ignore_errors=True)
    ARM_ROOT.parent.mkdir(exist_ok=True)
    options = ["--variant=extract", "--architectures=arm64", "--include=base-files,python3,libstdc++6"]
    command = ["mmdebstrap", "--quiet", *options, "--skip=check/qemu", "trixie", str(ARM_ROOT)]
    subprocess.run([*command, "http://deb.debian.org/debian"], check=True)


def use_on_arm() -> None:
    make_arm_root()
    site = ARM_ROOT / "opt/site"
    shutil.rmtree(site, ignore_errors=True)
    site.parent.mkdir(exist_ok=True)
    shutil.copy(QEMU, ARM_ROOT / "usr/bin")
    for file in (SMOKE, CLIP):
        shutil.copy(file, ARM_ROOT / "opt")
    with tempfile.TemporaryDirectory(prefix="sonicrtc-wheels-") as folder:
        needed = locked(Path(folder), "numpy", "webrtcvad-wheels")
        pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary=:all:", "--python-version=3.13", "--target", site, "--upgrade"]
        tags = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (17, 27, 28)]
        subprocess.run([*pip, *tags, "--require-hashes", "-r", needed], check=True)
        subprocess.run([*pip, tags[0], wheel("cp313", "manylinux_2_17_aarch64")], check=True)
    enter = ["chroot", str(ARM_ROOT)] if os.geteuid() == 0 else ["unshare", "--map-root-user", f"--root={ARM_ROOT}"]
    program = ["/usr/bin/python3", "-B", f"/opt/{SMOKE.name}", f"/opt/{CLIP.name}", "baseline"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "/opt/site", "LC_ALL": "C.UTF-8"}
    subprocess.run([*enter, str(QEMU), *program], env=environment, check=True)


if __name__ == "__main__":
    for python_version in ("3.12", "3.13"):
        use_here(python_version)
        load_by_musl(python_version)
    use_on_arm()
