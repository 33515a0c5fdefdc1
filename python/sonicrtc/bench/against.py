"""This build beside another one, in two processes that take turns: two cores cannot live in one interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sonicrtc.bench.harness import Ratio, Times, ratio, rotated, undisturbed
from sonicrtc.errors import ConfigError, SonicRtcError

type Say = Callable[[str], None]

ROUNDS = 96
#: Pairs of processes; each pair does an equal share of the rounds.
PAIRS = 8
_WORKER = Path(__file__).with_name("worker.py")
_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """This build's times over the other's.

    Parameters
    ----------
    ratios : dict of key to Ratio
        Of each row that both can do; above 1 this build is slower.
    skipped : tuple of str
        What the other cannot do, with its own reason.
    version : str
        The other's.
    """

    ratios: dict[str, Ratio]
    skipped: tuple[str, ...]
    version: str


class Worker:
    """A process that times one build, a sample at a time.

    Parameters
    ----------
    build : Path, optional
        Directory that holds the package; without, the installed one.
    slowdown : float
        Do so many times the work that is counted; for studies of the gate.
    """

    def __init__(self, build: Path | None = None, *, slowdown: float = 1.0) -> None:
        command = [sys.executable, "-P", str(_WORKER), f"--slowdown={slowdown}"]
        if build is not None:
            command.append(f"--build={build.resolve()}")
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hello: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.hello = self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:  # closes the pipes, at which the worker ends, and waits for it
            pass

    def sample(self, row: str, passes: int) -> float:
        """Return the seconds that one call of `row` took in `passes` over its tape."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"row": row, "passes": passes}) + "\n")
        self._process.stdin.flush()
        return float(self._listen()["seconds"])

    def _listen(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            with self._process:
                pass
            raise SonicRtcError(
                f"a build's worker ended with status {self._process.returncode}; its error stands above"
            )
        message: dict[str, Any] = json.loads(line)
        return message


def drift(
    build: Path | None,
    *,
    rounds: int = ROUNDS,
    slowdown: float = 1.0,
    pin: bool = True,
    say: Say = lambda line: None,
) -> Drift:
    """Time this build and another, one sample each in turns, in several pairs of fresh processes.

    Parameters
    ----------
    build : Path, optional
        Directory that holds the other; without, this build is compared with itself.
    rounds : int
        Samples of each row and build, at least.
    slowdown : float
        Slow this build's side down; for studies of the gate.
    pin : bool
        Keep both on one core where the system can.
    say : callable
        Told what goes on.

    Raises
    ------
    SonicRtcError
        A worker failed, or there is nothing that both can do.
    """
    pairs = min(PAIRS, rounds)
    group = -(-rounds // pairs)
    ours: Times = {}
    theirs: Times = {}
    say(f"against: {pairs} pairs of processes, {group} rounds each")
    with undisturbed(pin=pin):
        for _ in range(pairs):
            with Worker(slowdown=slowdown) as this, Worker(build) as other:
                rows = _rows_of_both(this, other)
                _take_turns(this, other, rows, group, ours, theirs)
                hello = other.hello
    return Drift(
        ratios={row: ratio(ours[row], theirs[row], group=group) for row in rows},
        skipped=tuple(f"{row}, which the other build cannot do: {why}" for row, why in hello["unable"].items()),
        version=hello["version"],
    )


def _rows_of_both(this: Worker, other: Worker) -> list[str]:
    if this.hello["unable"]:
        raise SonicRtcError(f"this build cannot do {_reasons(this)}")
    rows = [row for row in this.hello["ready"] if row in other.hello["ready"]]
    if not rows:
        raise SonicRtcError(f"the other build ({other.hello['file']}) can do nothing that is timed: {_reasons(other)}")
    return rows


def _reasons(worker: Worker) -> str:
    return "; ".join(f"{row}: {why}" for row, why in worker.hello["unable"].items())


def _take_turns(this: Worker, other: Worker, rows: list[str], rounds: int, ours: Times, theirs: Times) -> None:
    """Time every row once a round in both builds, right after each other; who is first changes."""
    for turn in range(rounds):
        for row in rotated(rows, turn):
            passes = this.hello["ready"][row]
            sides = [(this, ours), (other, theirs)]
            for worker, times in sides if turn % 2 else reversed(sides):
                times.setdefault(row, []).append(worker.sample(row, passes))


@contextmanager
def other_build(ref: str, say: Say = lambda line: None) -> Iterator[Path]:
    """Yield a directory that holds the build that `ref` names.

    Parameters
    ----------
    ref : str
        A directory that holds the package, a wheel file, or a git revision of the checkout in which
        the command runs. A revision is built once and kept in the checkout's ``.cache``.
    say : callable
        Told what goes on.

    Raises
    ------
    ConfigError
        `ref` is none of these.
    SonicRtcError
        It cannot be installed.
    """
    path = Path(ref)
    if path.is_dir():
        if not (path / "sonicrtc" / "__init__.py").exists():
            raise ConfigError(f"--against: expected a directory that holds the package 'sonicrtc', got {ref}")
        yield path
    elif path.suffix == ".whl":
        if not path.exists():
            raise ConfigError(f"--against: no wheel {ref}")
        with tempfile.TemporaryDirectory(prefix="sonicrtc-against-") as directory:
            say(f"against: installing {path.name}")
            _run((*_PIP, directory, str(path)), f"cannot install {ref}")
            yield Path(directory)
    else:
        yield _revision(ref, say)


def _revision(ref: str, say: Say) -> Path:
    found = subprocess.run(
        ("git", "rev-parse", "--show-toplevel", "--verify", f"{ref}^{{commit}}"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode:
        raise ConfigError(
            f"--against: expected a directory, a wheel file or a git revision of the checkout in {Path.cwd()}, "
            f"got {ref!r}"
        )
    top, commit = found.stdout.split()
    target = Path(top, ".cache", "against", f"{commit[:12]}-{sys.implementation.cache_tag}")
    if not target.exists():
        say(f"against: building {ref} ({commit[:12]}), a minute or two, once")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as directory:
            archive = _run(("git", "-C", top, "archive", commit), f"cannot read {ref}")
            with tarfile.open(fileobj=BytesIO(archive)) as tar:
                tar.extractall(directory, filter="data")
            staged = Path(directory, "installed")
            _run((*_PIP, str(staged), "--no-build-isolation", directory), f"cannot build {ref}")
            staged.rename(target)
    return target


def _run(command: tuple[str, ...], failure: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SonicRtcError(f"{failure}: {done.stderr.decode(errors='replace').strip()[-800:]}")
    return done.stdout
