"""Nothing that is said on the side is missed."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import warnings

import pytest
from tests.soak.other_process import running
from tests.soak.quiet import EXPECTED, listening


def test_a_run_that_says_nothing_is_quiet() -> None:
    with listening() as noise:
        logging.getLogger("sonicrtc.sonic.leg").warning(EXPECTED[0])
        logging.getLogger("sonicrtc").info("a call ended")
    assert noise.lines == []
    assert noise.expected[EXPECTED[0]] == 1


def test_what_is_written_to_standard_error_is_noise_even_by_native_code() -> None:
    with listening() as noise:
        os.write(2, b"from below\n")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'from beside')"], check=True)
    assert noise.lines == ["from below", "from beside"]


@pytest.mark.parametrize("logger", ["asyncio", "aioice.ice", "sonicrtc.call"])
def test_a_warning_in_the_log_that_nobody_expects_is_noise(logger: str) -> None:
    with listening() as noise:
        logging.getLogger(logger).warning("call %s failed", 7)
    assert noise.lines == [f"log of {logger}: call 7 failed"]


def test_a_python_warning_is_noise() -> None:
    with listening() as noise:
        warnings.warn("left open", ResourceWarning, stacklevel=1)
    assert [line.partition(" at ")[0] for line in noise.lines] == ["ResourceWarning: left open"]


def test_an_exception_that_nobody_retrieved_is_noise() -> None:
    async def forget() -> None:
        asyncio.get_running_loop().set_exception_handler(noise.on_loop)
        lost = asyncio.get_running_loop().create_future()
        lost.set_exception(ValueError("lost"))
        del lost
        gc.collect()

    with listening() as noise:
        asyncio.run(forget())
    assert noise.lines == ["asyncio: Future exception was never retrieved ValueError('lost')"]


def test_a_service_that_does_not_start_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"ended before it was ready: .*No module named"), running("tests.soak.nope"):
        pass
