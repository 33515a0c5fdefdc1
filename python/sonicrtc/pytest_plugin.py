"""Fixtures that run the local services beside your tests: a whole agent without a cloud account.

Installed with the package, so that a test needs no import::

    @pytest.mark.sonicrtc(scenario=[{"wait_audio_ms": 500}, {"say": "Hello."}])
    async def test_my_agent(sonicrtc_agent):
        async with sonicrtc_agent as agent:
            call = await agent.answer(offer)

======================== ===========================================================================
Fixture                  What it gives
======================== ===========================================================================
``sonicrtc_state``       authority and throw-away keys, for the whole session
``sonic_service``        a local Nova 2 Sonic: ``endpoint``, ``environment()`` for any AWS SDK, ``faults``
                         (what shall go wrong) and ``records`` (what it was told)
``local_kvs``            local Kinesis Video Streams signaling
``local_knowledge_base`` a local Bedrock knowledge base: ``endpoint``, ``id``, ``environment()``, ``index``
``sonicrtc_config``      settings that point at them
``sonicrtc_agent``       an `Agent` with these settings; close it with ``await sonicrtc_agent.aclose()``
======================== ===========================================================================

The mark ``sonicrtc`` says what the model does: ``scenario`` is the name of one that the package
has, a file beside the test, or the steps themselves; ``brain`` is ``"echo"`` (the default without a
scenario), ``"speech"`` or ``"scripted"``. ``knowledge_base`` is a folder beside the test; with it, the
agent can search the files in there.

The services run on an event loop in a thread of their own, so any async test runner will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sonicrtc.agent import Agent
    from sonicrtc.config import Config
    from sonicrtc.local.knowledge_base import LocalKnowledgeBase
    from sonicrtc.local.kvs import LocalKvs
    from sonicrtc.local.sonic import LocalSonic
    from sonicrtc.local.sonic.brain import Brain
    from sonicrtc.local.state import LocalState

_START_S = 30.0


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest the mark."""
    config.addinivalue_line(
        "markers",
        "sonicrtc(scenario=None, brain=None, knowledge_base=None): what sonic_service does: a scenario's name, file or"
        " steps; 'echo', 'scripted' or 'speech'; and the folder of local_knowledge_base",
    )


@pytest.fixture(scope="session")
def sonicrtc_state() -> Iterator[LocalState]:
    """Give one certificate authority and key pair for all local services of the session."""
    from sonicrtc.local.state import LocalState

    with LocalState.open(None) as state:
        yield state


@pytest.fixture
def sonic_service(request: pytest.FixtureRequest, sonicrtc_state: LocalState) -> Iterator[LocalSonic]:
    """Run a local Nova 2 Sonic, which writes down what it is told."""
    from sonicrtc.local.sonic import LocalSonic

    mark = _mark(request)
    mark.pop("knowledge_base", None)
    chosen = _chosen(request.path.parent, **mark)
    with _running(lambda: LocalSonic(state=sonicrtc_state, record=True, **chosen)) as service:
        yield service


@pytest.fixture
def local_kvs(sonicrtc_state: LocalState) -> Iterator[LocalKvs]:
    """Run a local Kinesis Video Streams signaling service."""
    from sonicrtc.local.kvs import LocalKvs

    with _running(lambda: LocalKvs(keys=sonicrtc_state.keys)) as kvs:
        yield kvs


@pytest.fixture
def local_knowledge_base(request: pytest.FixtureRequest, sonicrtc_state: LocalState) -> Iterator[LocalKnowledgeBase]:
    """Run a local Bedrock knowledge base over the folder that the mark names."""
    from sonicrtc.local.knowledge_base import LocalKnowledgeBase

    folder = _mark(request).get("knowledge_base")
    if folder is None:
        raise pytest.UsageError("local_knowledge_base needs the mark sonicrtc(knowledge_base=FOLDER)")
    with _running(lambda: LocalKnowledgeBase(request.path.parent / folder, keys=sonicrtc_state.keys)) as service:
        yield service


@pytest.fixture
def sonicrtc_config(
    request: pytest.FixtureRequest, sonic_service: LocalSonic, local_kvs: LocalKvs, sonicrtc_state: LocalState
) -> Config:
    """Give settings that point at the local services."""
    from sonicrtc.config import Config, KnowledgeBaseConfig, ServerConfig, SignalingConfig, SonicConfig

    knowledge_base = KnowledgeBaseConfig()
    if _mark(request).get("knowledge_base") is not None:
        service = request.getfixturevalue("local_knowledge_base")
        knowledge_base = KnowledgeBaseConfig(id=service.id, endpoint=service.endpoint)
    return Config(
        server=ServerConfig(port=0),
        sonic=SonicConfig(endpoint=sonic_service.endpoint, ca_file=sonicrtc_state.ca_file),
        signaling=SignalingConfig(channel="tests", endpoint=local_kvs.endpoint),
        knowledge_base=knowledge_base,
    )


@pytest.fixture
def sonicrtc_agent(sonicrtc_config: Config, sonicrtc_state: LocalState) -> Agent:
    """Give an agent that uses the local services; close it with ``await agent.aclose()``."""
    from sonicrtc.agent import Agent
    from sonicrtc.credentials import StaticCredentials

    return Agent(config=sonicrtc_config, credentials=StaticCredentials(sonicrtc_state.keys))


def _mark(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return what the mark of the test says."""
    mark = request.node.get_closest_marker("sonicrtc")
    return {} if mark is None else dict(mark.kwargs)


def _chosen(directory: Path, *, brain: str | None = None, scenario: Any = None) -> dict[str, Any]:
    """Return brain and scenario of a mark; files are looked for in `directory`."""
    from sonicrtc.local.sonic.scenario import Scenario

    if brain not in (None, "echo", "scripted", "speech"):
        raise pytest.UsageError(f"mark sonicrtc: brain: expected 'echo', 'scripted' or 'speech', got {brain!r}")
    if scenario is None:
        if brain == "scripted":
            raise pytest.UsageError("mark sonicrtc: brain 'scripted' needs a scenario")
        return {"brain": _brain(brain)}
    if isinstance(scenario, Path | str):
        shipped = str(scenario) in Scenario.names()
        parsed = Scenario.named(str(scenario)) if shipped else Scenario.load(directory / scenario)
    else:
        parsed = Scenario.parse(scenario, directory=directory)
    if brain in ("echo", "speech"):
        return {"scenario": parsed.without_steps(), "brain": _brain(brain)}
    return {"scenario": parsed, "brain": None if parsed.complete else _brain(None)}


def _brain(brain: str | None) -> Callable[[], Brain]:
    if brain == "speech":
        from sonicrtc.local.sonic.speech import SpeechBrain

        SpeechBrain.preload()
        return SpeechBrain
    from sonicrtc.local.sonic.echo import EchoBrain

    return EchoBrain


@contextmanager
def _running[S](make: Callable[[], AbstractAsyncContextManager[S]]) -> Iterator[S]:
    """Enter an async service on a loop in another thread, and leave it at the end."""
    ready: Future[tuple[S, Callable[[], object]]] = Future()

    async def live() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with make() as service:
            ready.set_result((service, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    with ThreadPoolExecutor(1, thread_name_prefix="sonicrtc local service") as thread:
        life = thread.submit(lambda: asyncio.run(live()))
        either: tuple[Future[Any], ...] = (ready, life)
        wait(either, timeout=_START_S, return_when=FIRST_COMPLETED)
        if not ready.done():
            life.result(0)  # raises what went wrong
        service, stop = ready.result(0)
        try:
            yield service
        finally:
            stop()
            life.result(_START_S)
