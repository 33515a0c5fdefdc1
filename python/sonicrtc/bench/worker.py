"""One build, ready to be timed by another process. Run by path, never imported from the build that it measures.

The suite that is used is the one beside this file; the package that it measures is ``--build DIR``, or
the installed one. It speaks JSON, one object a line::

    worker:  {"version": "0.1.0", "file": "...", "ready": {"uplink": 16, ...}, "unable": {"uplink_hq": "..."}}
    parent:  {"row": "uplink", "passes": 16}
    worker:  {"seconds": 1.6e-06}

and ends when its input does.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from pathlib import Path
from typing import Any

SUITE = Path(__file__).parent


def use_build(directory: str) -> None:
    """Let `directory` answer first. The finders of editable installs would answer before any path."""
    sys.path.insert(0, directory)
    sys.meta_path[:] = [f for f in sys.meta_path if f in (BuiltinImporter, FrozenImporter, PathFinder)]


def adopt_suite() -> None:
    """Make ``sonicrtc.bench`` the suite beside this file, whichever build ``sonicrtc`` is."""
    spec = importlib.util.spec_from_file_location(
        "sonicrtc.bench", SUITE / "__init__.py", submodule_search_locations=[str(SUITE)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["sonicrtc.bench"] = package
    spec.loader.exec_module(package)


def prepare() -> tuple[dict[str, Any], dict[str, str]]:
    """Return what this build can be timed on, and what it cannot, with the reason; what is not installed is neither."""
    from sonicrtc.bench.candidates import ready, tapes
    from sonicrtc.bench.ours import OURS
    from sonicrtc.errors import SonicRtcError

    present = [entry for entry in OURS if entry.missing is None]
    of_work = tapes(present)
    able, unable = {}, {}
    for entry in present:
        try:
            able[entry.key], _ = ready(entry, of_work[entry.work.key])
        except (SonicRtcError, AttributeError, ImportError, TypeError, ValueError) as exc:
            unable[entry.key] = str(exc)
    return able, unable


def main() -> None:
    """Say what can be timed, then time what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", help="directory that holds the package 'sonicrtc'")
    parser.add_argument("--slowdown", type=float, default=1.0, help="do so many times the work that is counted")
    options = parser.parse_args()
    if options.build:
        use_build(options.build)
    import sonicrtc._core

    adopt_suite()
    from sonicrtc.bench.harness import passes_per_sample, sample, undisturbed

    with undisturbed(pin=False):
        able, unable = prepare()
        passes = {key: passes_per_sample(timed) for key, timed in able.items()}
        version, file = sonicrtc._core.__version__, sonicrtc._core.__file__
        _say({"version": version, "file": file, "ready": passes, "unable": unable})
        for line in sys.stdin:
            asked = json.loads(line)
            done = max(1, round(asked["passes"] * options.slowdown))
            seconds = sample(able[asked["row"]], done)
            _say({"seconds": seconds * done / asked["passes"]})


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
