from __future__ import annotations

import os
import sys

import pytest

from sonicrtc.bench.processes import (
    ServerUnderTest,
    Stat,
    cpu_s,
    family,
    on_cores,
    parse_server,
    parse_stat,
    resident_mb,
    started,
)
from sonicrtc.errors import ConfigError, SonicRtcError

LINE = "4711 (a ) b (c) R 1 4711 4711 0 -1 4194560 5 6 7 8 250 50 30 20 20 0 9 0 100 1000 200 18446744073709551615"


def python(code: str) -> ServerUnderTest:
    return ServerUnderTest(name="small", command=(sys.executable, "-c", code))


def test_processor_time_is_read_behind_the_last_parenthesis_of_the_name() -> None:
    assert parse_stat(LINE) == Stat(parent=1, ticks=300, reaped=50)


def test_a_family_is_all_that_descends_from_a_process() -> None:
    stats = {pid: Stat(parent=parent, ticks=0, reaped=0) for pid, parent in {1: 0, 5: 1, 6: 5, 7: 6, 8: 1}.items()}
    assert family(5, stats) == {5, 6, 7}
    assert family(99, stats) == set()


def test_a_process_that_works_takes_processor_time_and_memory() -> None:
    before = cpu_s(os.getpid())
    while cpu_s(os.getpid()) < before + 0.02:
        sum(range(10_000))
    assert resident_mb(os.getpid()) > 10


def test_a_server_is_a_command_or_an_address() -> None:
    assert parse_server("a=python -m x 'b c'").command == ("python", "-m", "x", "b c")
    assert parse_server("b=http://127.0.0.1:7860").url == "http://127.0.0.1:7860"


@pytest.mark.parametrize("text", ["", "a", "a=", "=python x"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="NAME=COMMAND"):
        parse_server(text)


async def test_a_server_is_up_once_it_says_so_and_gone_afterwards() -> None:
    code = "import signal; print('http://127.0.0.1:1/', 'ready', sep='\\n', flush=True); signal.pause()"
    async with started(python(code)) as running:
        assert running.url == "http://127.0.0.1:1"
        assert running.pid is not None
        os.kill(running.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


async def test_a_server_that_ends_early_is_told_with_its_last_words() -> None:
    with pytest.raises(SonicRtcError, match=r"small ended with status 3 (.|\n)*no such thing"):
        async with started(python("import sys; print('no such thing', file=sys.stderr); sys.exit(3)")):
            pytest.fail("it is not up")


async def test_a_server_runs_on_the_core_that_it_was_given() -> None:
    core = {max(os.sched_getaffinity(0))}
    code = "import os, signal; print(*os.sched_getaffinity(0)); print('ready', flush=True); signal.pause()"
    async with started(python(code), cores=core) as running:
        assert running.url == str(*core)


def test_this_thread_returns_to_its_cores() -> None:
    before = os.sched_getaffinity(0)
    with on_cores({min(before)}):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
