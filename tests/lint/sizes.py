"""A function ends at 60 lines and a file at 600 (40 and 400 are already long)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTION_LINES = 60
FILE_LINES = 600
#: Call is the file to read first.
SHORTER_FILES = {"python/sonicrtc/call.py": 250}
SOURCES = {
    "python": "*.py",
    "tests": "*.py",
    "benchmarks": "*.py",
    "examples": "*.py",
    "csrc": "*.[ch]pp",
    "web/src": "*.ts*",
}
GENERATED = {"web/src/events.gen.ts"}


def oversized(path: Path) -> Iterator[str]:
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text("utf-8")
    lines = text.count("\n")
    limit = SHORTER_FILES.get(name, FILE_LINES)
    if lines > limit:
        yield f"{name}: {lines} lines, at most {limit}"
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES}"


def main() -> int:
    files = [p for folder, pattern in SOURCES.items() for p in (ROOT / folder).rglob(pattern)]
    files = [p for p in files if p.relative_to(ROOT).as_posix() not in GENERATED and "page" not in p.parts]
    problems = [problem for path in sorted(files) for problem in oversized(path)]
    print("\n".join(problems))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
