"""The examples, started as a user starts them, each with a real call."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from tests.call.pages import calling

from sonicrtc.events import AppEvent, EndedEvent, ToolEvent, TranscriptEvent
from sonicrtc.local.sonic import LocalSonic
from sonicrtc.local.sonic.scripted import Scenario, ScriptedBrain
from sonicrtc.local.state import LocalState

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.checkout


@asynccontextmanager
async def model(*steps: Mapping[str, object]) -> AsyncIterator[dict[str, str]]:
    """Run a local Nova 2 Sonic that plays `steps`; give the environment that points at it."""
    scenario = Scenario.parse({"steps": list(steps)})
    with LocalState.open(None) as state:
        async with LocalSonic(state=state, brain=lambda: ScriptedBrain(scenario)) as sonic:
            inherited = {
                name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SONICRTC_"))
            }
            yield inherited | {
                "SONICRTC_SONIC_ENDPOINT": sonic.endpoint,
                "SONICRTC_SONIC_CA_FILE": str(state.ca_file),
                "SONICRTC_SERVER_PORT": "0",
                "AWS_SHARED_CREDENTIALS_FILE": str(state.credentials_file),
                "AWS_EC2_METADATA_DISABLED": "true",
                "PYTHONUNBUFFERED": "1",
            }


@asynccontextmanager
async def running(environment: dict[str, str], *command: str) -> AsyncIterator[str]:
    """Start a program, wait for the address it prints, stop it as Ctrl-C does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    printed = ""
    try:
        async with asyncio.timeout(60):
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", printed)):
                line = await process.stdout.readline()
                assert line, printed
                printed += line.decode()
        yield found[0]
        process.terminate()
        async with asyncio.timeout(30):
            printed += (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "Traceback" not in printed, printed


class Server:
    """Answers by way of ``POST /offer``."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def answer(self, offer: dict[str, str], client_id: str | None = None) -> SimpleNamespace:
        async with aiohttp.ClientSession() as http, http.post(f"{self._url}/offer", json=offer) as response:
            assert response.status == 200, await response.text()
            return SimpleNamespace(answer=await response.json())


async def test_hello_answers_a_call_and_its_tool_is_called() -> None:
    script = (
        {"wait_audio_ms": 100},
        {"user": "What is the weather in Rome?"},
        {"call_tool": "weather", "arguments": {"city": "Rome"}},
        {"wait_tool_result": True, "contains": "clear"},
        {"say": "Clear.", "audio_ms": 200},
    )
    async with model(*script) as environment, running(environment, "examples/hello.py") as url:
        async with calling(Server(url)) as page:  # type: ignore[arg-type]
            await page.until(TranscriptEvent, 3)
            tool = page.told(ToolEvent)[-1]
            page.peer.send('{"type":"hangup"}')
            await page.until(EndedEvent)
        assert (tool.name, tool.status, tool.result["sky"]) == ("weather", "succeeded", "clear")


async def test_hello_has_at_most_fifteen_lines() -> None:
    assert len((ROOT / "examples" / "hello.py").read_text("utf-8").splitlines()) <= 15


async def test_the_tools_of_the_guide_answer_with_results_an_error_and_a_question() -> None:
    script = (
        {"wait_audio_ms": 100},
        {"call_tool": "set_heating", "arguments": {"room": "bath", "celsius": 99}},
        {"call_tool": "forecast", "arguments": {"city": "Rome"}},
        {"call_tool": "count_logs", "arguments": {"days": 2}},
        {"call_tool": "unlock", "arguments": {"door": "front"}},
        {"call_tool": "play", "arguments": {"artist": "Bach"}},
        {"wait_end": True},
    )
    async with (
        model(*script) as environment,
        running(environment, "examples/tools.py") as url,
        calling(Server(url)) as page,  # type: ignore[arg-type]
    ):
        await page.until(ToolEvent, 10)
        ended = {tool.name: (tool.status, tool.result) for tool in page.told(ToolEvent) if tool.status != "started"}
        page.peer.send('{"type":"hangup"}')
        await page.until(EndedEvent)
    status, question = ended.pop("unlock")
    assert (status, question["confirm"]) == ("confirming", "Shall I really unlock the front door?")
    assert ended == {
        "set_heating": ("failed", {"error": "the heating takes 5 to 28 degrees, not 99"}),
        "forecast": ("succeeded", {"city": "Rome", "tomorrow": "rain until noon"}),
        "count_logs": ("succeeded", {"result": 24}),
        "play": ("succeeded", {"playing": {"artist": "Bach"}}),
    }


def test_the_guide_to_tools_shows_the_example_as_it_is() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tools.md").read_text("utf-8"), re.DOTALL)
    example = (ROOT / "examples" / "tools.py").read_text("utf-8")
    assert len(shown) == 5
    assert not [part for part in shown if part not in example]


async def test_fastapi_app_answers_a_call_with_tools_and_messages_both_ways() -> None:
    script = ({"wait_audio_ms": 100}, {"call_tool": "switch_lamp", "arguments": {"on": True}}, {"wait_end": True})
    command = ("-m", "uvicorn", "examples.fastapi_app:app", "--port", "0")
    async with model(*script) as environment, running(environment, *command) as url:
        async with calling(Server(url)) as page:  # type: ignore[arg-type]
            assert (await page.until(AppEvent)).data == {"on": False}
            tool = await page.until(ToolEvent, 2)
            page.peer.send('{"type":"app","kind":"lamp.switch","data":false}')
            assert (await page.until(AppEvent, 2)).data == {"on": False}
            page.peer.send('{"type":"hangup"}')
            await page.until(EndedEvent)
        assert (tool.status, tool.result) == ("succeeded", {"on": True})


async def test_fastapi_app_refuses_what_is_no_offer() -> None:
    async with (
        model({"wait_end": True}) as environment,
        running(environment, "-m", "uvicorn", "examples.fastapi_app:app", "--port", "0") as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/offer", json={"sdp": "hello", "type": "offer"}) as response,
    ):
        assert response.status == 400
        assert "v=0" in (await response.json())["detail"]


async def test_booking_looks_up_asks_first_and_tells_what_the_service_refuses() -> None:
    table = {"table": "window", "day": "2026-12-24", "name": "Ann"}
    script = (
        {"wait_audio_ms": 100},
        {"call_tool": "free_tables", "arguments": {"day": "2026-12-24", "guests": 3}},
        {"call_tool": "find_booking", "arguments": {"number": 7}},
        {"call_tool": "book_table", "arguments": table},
        {"wait_end": True},
    )
    async with (
        model(*script) as environment,
        running(environment, "examples/booking.py") as url,
        calling(Server(url)) as page,  # type: ignore[arg-type]
    ):
        await page.until(ToolEvent, 6)
        ended = {tool.name: (tool.status, tool.result) for tool in page.told(ToolEvent) if tool.status != "started"}
        page.peer.send('{"type":"hangup"}')
        await page.until(EndedEvent)
    status, question = ended.pop("book_table")
    assert (status, question["confirm"]) == ("confirming", "Shall I book the window table on 2026-12-24 for Ann?")
    assert ended == {
        "free_tables": ("succeeded", {"result": ["corner", "garden"]}),
        "find_booking": ("failed", {"error": "find_booking: HTTP status 404: there is no such booking"}),
    }


async def test_booking_has_at_most_sixty_lines() -> None:
    assert len((ROOT / "examples" / "booking.py").read_text("utf-8").splitlines()) <= 60
