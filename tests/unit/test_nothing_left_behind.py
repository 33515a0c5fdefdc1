from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text("utf-8").replace('pytest_plugins = ["pytester"]', "")

INI = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning
"""
LEAKS = {
    "task": "import asyncio\nasync def test(): asyncio.get_running_loop().create_task(asyncio.sleep(60))",
    "thread": "import threading\ndef test(): threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "socket": "import asyncio, socket\nasync def test(): socket.socket()",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_test_that_leaves_something_behind_fails(pytester: pytest.Pytester, kind: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makeini(INI)
    pytester.makepyfile(LEAKS[kind])
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert outcomes.get("errors", 0) + outcomes.get("failed", 0) == 1
