"""Everything that ``make lint`` checks, one line each; all checks run before it fails."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHECKS: dict[str, list[str | Path]] = {
    "format of Python": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "style of Python": [BIN / "ruff", "check", "--quiet", "."],
    "types (mypy --strict)": [BIN / "mypy", "--no-error-summary"],
    "import layers": [BIN / "lint-imports", "--no-cache"],
    "sizes of functions and files": [sys.executable, "tests/lint/sizes.py"],
    "house rules": [sys.executable, "tests/lint/rules.py"],
    "stubs of the core": [sys.executable, "tests/lint/generate_stubs.py", "--check"],
    "templates of the cloud": [BIN / "cfn-lint", "examples/smart_home/aws/template.yaml"],
    "types of the page": ["scripts/node.sh", "npm", "--prefix", "web", "run", "--silent", "lint"],
}


def main() -> int:
    failed = []
    for name, command in CHECKS.items():
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'}  {name}  ({seconds:.1f} s)", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout + done.stderr, flush=True)
    print(f"{len(CHECKS) - len(failed)} checks passed, {len(failed)} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
