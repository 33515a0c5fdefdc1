"""A session against the local service, whose referee was written from the service's documents alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.sonic.driving import Driven, FakeBlock, driven

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import CredentialsError, SonicModelError, SonicRtcError
from sonicrtc.local.sonic.brain import Brain, BrainInput, Emitter, SessionSetup, ToolResult, UserAudio, UserText
from sonicrtc.local.sonic.echo import EchoBrain
from sonicrtc.local.sonic.service import LocalSonic
from sonicrtc.local.state import LocalState
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.wire import ToolSpec

WEATHER = ToolSpec(
    name="weather",
    description="Tell the weather.",
    input_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


@asynccontextmanager
async def serving(state: LocalState, brain: Callable[[], Brain]) -> AsyncIterator[tuple[LocalSonic, SonicConfig]]:
    async with LocalSonic(state=state, brain=brain) as service:
        yield service, SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
    assert service.sessions.opened == service.sessions.closed


class Brief:
    """Does one thing at the start of the session, and notes what it got."""

    def __init__(self, act: Callable[[Brief, Emitter], object] | None = None) -> None:
        self.act = act
        self.setup = SessionSetup()
        self.texts: list[str] = []
        self.results: list[object] = []
        self.audio = b""
        self._news = asyncio.Event()

    async def heard(self, count: int) -> None:
        """Wait for `count` bytes of audio."""
        while len(self.audio) < count:
            self._news.clear()
            await self._news.wait()

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        self.setup = setup
        await emit.user_text("hello")
        if self.act is not None:
            await self.act(self, emit)  # type: ignore[misc]
        async for item in inputs:
            match item:
                case UserAudio(pcm):
                    self.audio += pcm
                    self._news.set()
                case UserText(text):
                    self.texts.append(text)
                    await emit.user_text(text)
                case ToolResult(_, content):
                    self.results.append(json.loads(content))
                    await emit.speculative("done")


async def test_what_goes_out_comes_back_through_the_echo(state: LocalState) -> None:
    noise = np.random.default_rng(1).integers(-8000, 8000, 16_000).astype(np.int16)
    async with (
        serving(state, EchoBrain) as (_, config),
        driven(config, keys=state.keys) as subject,
    ):
        await subject.until(said.SessionOpened)
        for part in noise.reshape(-1, 1600):  # 100 ms: half of what may wait at once
            heard = len(subject.of(said.AudioChunk))
            subject.speak(part)
            await subject.more_than(heard, said.AudioChunk)
    received = sum(len(chunk.pcm) for chunk in subject.of(said.AudioChunk)) / 2
    assert received == pytest.approx(16_000 * 24 / 16, abs=2)
    assert subject.of(said.AudioEnded) != []


async def test_every_sample_reaches_the_service_in_order(state: LocalState) -> None:
    brain = Brief()
    sound = np.arange(5000, dtype=np.int16)
    async with serving(state, lambda: brain) as (_, config), driven(config, keys=state.keys) as subject:
        await subject.until(said.UserText)
        subject.speak(sound[:3000])
        await brain.heard(2 * 2560)
        subject.speak(sound[3000:])
    assert brain.audio == sound.astype("<i2").tobytes()


async def test_settings_and_history_arrive(state: LocalState) -> None:
    brain = Brief()
    earlier = [Message("USER", "my name is Ada"), Message("ASSISTANT", "hello Ada")]
    long_prompt = "Be kind. " * 2000
    async with serving(state, lambda: brain) as (_, config):
        settings = SonicConfig(
            endpoint=config.endpoint,
            ca_file=config.ca_file,
            voice="tina",
            endpointing="LOW",
            instructions=long_prompt,
            max_tokens=4096,
        )
        async with driven(settings, keys=state.keys, tools=[WEATHER], history=earlier) as subject:
            await subject.until(said.UserText)
    setup = brain.setup
    assert (setup.voice_id, setup.sensitivity, setup.max_tokens) == ("tina", "LOW", 4096)
    assert setup.system_prompt == long_prompt
    assert setup.history == (("USER", "my name is Ada"), ("ASSISTANT", "hello Ada"))
    assert setup.tools["weather"]["schema"] == WEATHER.input_schema
    assert (setup.input_rate_hz, setup.output_rate_hz) == (16_000, 24_000)


async def test_a_tool_is_called_and_its_result_comes_back(state: LocalState) -> None:
    async def ask(_: Brief, emit: Emitter) -> None:
        await emit.tool_use("weather", {"city": "Ulm"})

    brain = Brief(ask)
    async with (
        serving(state, lambda: brain) as (_, config),
        driven(config, keys=state.keys, tools=[WEATHER]) as subject,
    ):
        request = await subject.until(said.ToolRequest)
        assert (request.name, request.arguments) == ("weather", {"city": "Ulm"})
        subject.session.send_tool_result(request.tool_use_id, {"sky": "blau", "celsius": 21.5})
        await subject.until(said.AssistantText, lambda text: text.text == "done")
    assert brain.results == [{"sky": "blau", "celsius": 21.5}]


async def test_typed_text_reaches_the_model_between_audio(state: LocalState) -> None:
    brain = Brief()
    async with serving(state, lambda: brain) as (_, config), driven(config, keys=state.keys) as subject:
        await subject.until(said.SessionOpened)
        subject.speak(np.zeros(1600, np.int16))
        subject.session.send_text("what about tomorrow?")
        subject.speak(np.zeros(1600, np.int16))
        await subject.until(said.UserText, lambda text: "tomorrow" in text.text)
    assert brain.texts == ["what about tomorrow?"]


async def test_an_interruption_is_told_once_and_ends_the_turn(state: LocalState) -> None:
    async def speak_and_be_interrupted(_: Brief, emit: Emitter) -> None:
        await emit.speculative("a long story")
        await emit.audio(bytes(48_000))
        await emit.interrupted()

    async with (
        serving(state, lambda: Brief(speak_and_be_interrupted)) as (_, config),
        driven(config, keys=state.keys) as subject,
    ):
        await subject.until(said.TurnEnded)
    assert len(subject.of(said.Interrupted)) == 1
    assert subject.of(said.TurnEnded) == [said.TurnEnded(stop_reason="INTERRUPTED")]
    assert subject.of(said.AssistantText)[0].stage == "speculative"


async def test_usage_is_reported_as_totals(state: LocalState) -> None:
    async def work(_: Brief, emit: Emitter) -> None:
        await emit.usage(speech_in=10, text_out=3)
        await emit.usage(speech_in=5, speech_out=7)

    async with (
        serving(state, lambda: Brief(work)) as (_, config),
        driven(config, keys=state.keys) as subject,
    ):
        await subject.until(said.UsageReported, lambda usage: usage.output_speech_tokens == 7)
    usage = subject.of(said.UsageReported)[-1]
    assert (usage.input_speech_tokens, usage.output_text_tokens) == (15, 3)


async def test_final_texts_are_kept_by_role(state: LocalState) -> None:
    async def answer(_: Brief, emit: Emitter) -> None:
        await emit.speculative("hi")
        await emit.audio(bytes(960))
        await emit.end_audio()
        await emit.final("hi")

    async with (
        serving(state, lambda: Brief(answer)) as (_, config),
        driven(config, keys=state.keys) as subject,
    ):
        await subject.until(said.TurnEnded)
    assert list(subject.session.history) == [Message("USER", "hello"), Message("ASSISTANT", "hi")]


async def refusal(config: SonicConfig, keys: AwsKeys) -> SonicRtcError:
    subject = Driven(config, keys=keys)
    with pytest.raises(SonicRtcError) as caught:
        await subject.run()
    assert subject.session.stats.opened == subject.session.stats.closed == 1
    return caught.value


async def test_a_wrong_secret_is_a_credentials_error(state: LocalState) -> None:
    wrong = AwsKeys(access_key_id=state.keys.access_key_id, secret_access_key="wrong" * 8)
    async with serving(state, EchoBrain) as (_, config):
        assert isinstance(await refusal(config, wrong), CredentialsError)


async def test_an_unknown_key_is_a_credentials_error(state: LocalState) -> None:
    wrong = AwsKeys(access_key_id="AKIDUNKNOWN", secret_access_key=state.keys.secret_access_key)
    async with serving(state, EchoBrain) as (_, config):
        assert isinstance(await refusal(config, wrong), CredentialsError)


async def test_a_model_that_the_service_does_not_know_is_a_model_error(state: LocalState) -> None:
    async with serving(state, EchoBrain) as (_, config):
        object.__setattr__(config, "model_id", "amazon.nova-9-sonic-v1:0")  # the settings would refuse it first
        error = await refusal(config, state.keys)
    assert isinstance(error, SonicModelError)
    assert not error.retryable


@pytest.mark.usefixtures("poisoned_environment")
async def test_the_environment_and_the_aws_files_are_not_read(state: LocalState) -> None:
    async with serving(state, EchoBrain) as (_, config), driven(config, keys=state.keys) as subject:
        await subject.until(said.SessionOpened)


@pytest.fixture
def poisoned_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    poison = {
        "AWS_ACCESS_KEY_ID": "AKIDPOISON",
        "AWS_SECRET_ACCESS_KEY": "poison",
        "AWS_PROFILE": "no-such-profile",
        "AWS_REGION": "mars-north-1",
        "AWS_ENDPOINT_URL": "https://127.0.0.1:1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://127.0.0.1:1",
        "AWS_CONFIG_FILE": "/proc/self/mem",
        "AWS_MAX_ATTEMPTS": "many",
        "AWS_RETRY_MODE": "wrong",
    }
    for name, value in poison.items():
        monkeypatch.setenv(name, value)


async def test_many_sessions_run_beside_each_other(state: LocalState) -> None:
    async with (
        serving(state, EchoBrain) as (service, config),
        driven(config, keys=state.keys) as one,
        driven(config, keys=state.keys) as two,
        driven(config, keys=state.keys) as three,
    ):
        for subject in (one, two, three):
            await subject.until(said.SessionOpened)
            subject.speak(np.ones(1600, np.int16))
            await subject.until(said.AudioChunk)
        assert service.sessions.opened == 3


@pytest.mark.skipif(sys.platform != "linux", reason="the native library's sockets are found through /proc")
async def test_events_are_sent_at_once(state: LocalState) -> None:
    async with serving(state, EchoBrain) as (_, config), driven(config, keys=state.keys) as subject:
        await subject.until(said.SessionOpened)
        assert no_delay_flags(urlsplit(config.endpoint).port) == [1]


def no_delay_flags(port: int | None) -> list[int]:
    """Return TCP_NODELAY of this process's connections to `port`."""
    flags: list[int] = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile, or not connected
            if os.readlink(entry).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(entry.name))) as peer:
                    if peer.family == socket.AF_INET and peer.getpeername()[1] == port:
                        flags.append(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    return flags


async def test_a_session_runs_once(state: LocalState) -> None:
    async with serving(state, EchoBrain) as (_, config):
        async with driven(config, keys=state.keys) as subject:
            await subject.until(said.SessionOpened)
        with pytest.raises(RuntimeError, match="runs once"):
            await subject.session.run()


async def test_after_the_end_everything_is_ignored(state: LocalState) -> None:
    async with serving(state, EchoBrain) as (_, config):
        async with driven(config, keys=state.keys) as subject:
            await subject.until(said.SessionOpened)
        session = subject.session
        session.send_audio(FakeBlock(np.zeros(320, np.int16)), captured_at_s=0.0)
        session.send_text("anyone there?")
        session.send_tool_result("t", {})
        await session.close()
        assert session.stats.outbox_ms == 0


async def test_a_session_closed_before_it_runs_never_opens(state: LocalState) -> None:
    async with serving(state, EchoBrain) as (_, config):
        subject = Driven(config, keys=state.keys)
        await subject.session.close()
        await subject.run()
        assert subject.session.stats.opened == 0
