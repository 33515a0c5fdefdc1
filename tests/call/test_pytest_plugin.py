"""The fixtures that ship with the package, used as a user's tests use them."""

from __future__ import annotations

import pytest
from tests.call.pages import calling
from tests.net.peers import Tone, level_at

from sonicrtc import Agent
from sonicrtc.config import Config
from sonicrtc.events import TranscriptEvent
from sonicrtc.local.kvs import LocalKvs


async def test_the_agent_of_the_fixtures_answers_a_call(sonicrtc_agent: Agent) -> None:
    async with sonicrtc_agent as agent, calling(agent, Tone(1000)) as page:
        audio = (await page.heard.seconds(3))[-24_000:]
    assert level_at(audio, 1000) == pytest.approx(16_384, rel=0.1)


@pytest.mark.sonicrtc(
    brain="scripted", scenario={"steps": [{"wait_audio_ms": 100}, {"say": "Hello.", "audio_ms": 200}]}
)
async def test_the_mark_says_what_the_model_says(sonicrtc_agent: Agent) -> None:
    async with sonicrtc_agent as agent, calling(agent) as page:
        assert (await page.until(TranscriptEvent)).text == "Hello."


async def test_the_settings_point_at_the_local_services(sonicrtc_config: Config, local_kvs: LocalKvs) -> None:
    assert sonicrtc_config.signaling.endpoint == local_kvs.endpoint
