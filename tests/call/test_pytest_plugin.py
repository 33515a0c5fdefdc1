"""The fixtures that ship with the package, used as a user's tests use them."""

from __future__ import annotations

import pytest
from tests.call.pages import calling
from tests.net.peers import Tone, level_at

from sonicrtc import Agent
from sonicrtc.config import Config
from sonicrtc.events import TranscriptEvent
from sonicrtc.local.kvs import LocalKvs
from sonicrtc.local.sonic import LocalSonic


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


@pytest.mark.sonicrtc(scenario="lost")
async def test_a_scenario_of_the_package_can_be_named(sonic_service: LocalSonic) -> None:
    assert sonic_service.endpoint.startswith("https://127.0.0.1:")
    assert sonic_service.environment()["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] == sonic_service.endpoint


def test_a_test_without_a_loop_can_wait_for_what_the_service_is_told(sonic_service: LocalSonic) -> None:
    sonic_service.records.wait(lambda records: not records)
    with pytest.raises(TimeoutError):
        sonic_service.records.wait(lambda records: records[0].audio_ms > 0, timeout_s=0.01)


def run(pytester: pytest.Pytester, mark: str) -> pytest.RunResult:
    """Run one test with this mark, as a user's."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(f"import pytest\n@pytest.mark.sonicrtc({mark})\ndef test_it(sonic_service): pass\n")
    return pytester.runpytest_inprocess("-p", "no:cacheprovider")


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("brain='deaf'", "brain: expected 'echo', 'scripted' or 'speech', got 'deaf'"),
        ("brain='scripted'", "brain 'scripted' needs a scenario"),
        ("scenario='nothing.toml'", "nothing.toml"),
        ("scenario=[{'shout': 1}]", "step 1: expected one action"),
    ],
)
def test_a_wrong_mark_is_told(pytester: pytest.Pytester, mark: str, says: str) -> None:
    result = run(pytester, mark)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{says.replace('[', '?')}*"])


def test_a_file_beside_the_test_is_found(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", story="[[steps]]\nsay = 'x'\n")
    run(pytester, "scenario='story.toml'").assert_outcomes(passed=1)


async def test_the_settings_point_at_the_local_services(sonicrtc_config: Config, local_kvs: LocalKvs) -> None:
    assert sonicrtc_config.signaling.endpoint == local_kvs.endpoint


def test_a_knowledge_base_without_a_folder_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(local_knowledge_base): pass\n")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*local_knowledge_base needs the mark*"])
