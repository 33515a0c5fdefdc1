"""Rules of the house that a parser can hold: who starts tasks, who reads the environment, who catches all."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "python" / "sonicrtc"

#: Where a task may be started outside a TaskGroup, and why.
FREE_TASKS = {
    "agent.py": "an agent inside somebody else's application owns the root task of its calls",
    "rtc/packets.py": "a receiver of aiortc's owns the task of its reports: its stop() cancels it and waits for it",
}
#: Where the environment may be read: the edges.
ENVIRONMENT = {"cli/serve.py", "cli/doctor.py", "cli/tools.py", "demo/run.py", "agent.py", "pytest_plugin.py"}
#: Where `except Exception` may stand: the boundary of one call, of one tool, and of one server of tools.
BROAD = {"call.py", "calls.py", "rtc/inbound.py", "signaling/kvs.py", "tools/mcp.py", "tools/runtime.py",
         "tools/threads.py", "local/sonic/exchange.py"}  # fmt: skip
SANS_IO = {"wire.py", "protocol.py", "history.py", "turns.py", "capabilities.py", "confirmation.py"}
SANS_IO_FORBIDDEN = {"asyncio", "socket", "time", "random", "secrets", "uuid", "numpy", "boto3", "aiohttp", "awscrt"}


def task_starts(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = ast.unparse(node.func.value)
    return node.func.attr in {"ensure_future", "gather"} or (
        node.func.attr == "create_task" and not owner.endswith(("tasks", "group", "tg"))
    )


def problems(path: Path) -> Iterator[str]:
    name = path.relative_to(PACKAGE).as_posix()
    sans_io = path.name in SANS_IO and "local" not in path.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if task_starts(node) and name not in FREE_TASKS:
            yield f"{where}: a task outside a TaskGroup (call the group `tasks` or `group`)"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "os.environ" and name not in ENVIRONMENT:
            yield f"{where}: reads the environment; settings come in as arguments"
        if isinstance(node, ast.ExceptHandler) and name not in BROAD:
            caught = "everything" if node.type is None else ast.unparse(node.type)
            if caught in {"everything", "Exception", "BaseException"} and not ends_in_raise(node):
                yield f"{where}: catches {caught} outside the call and tool boundary"
        if sans_io and isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in names:
                if module.split(".")[0] in SANS_IO_FORBIDDEN:
                    yield f"{where}: a sans-I/O module imports {module}"


def ends_in_raise(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise)


def main() -> int:
    found = [p for path in sorted(PACKAGE.rglob("*.py")) for p in problems(path)]
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
