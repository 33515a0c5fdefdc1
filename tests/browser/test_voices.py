"""The agent greets, and the page's picker decides with whose voice: the service behind it is asked what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.browser.conftest import Browse, Site, recognise, recording, serving
from tests.speech import word_error_rate

from sonicrtc.local.sonic import LocalSonic
from sonicrtc.local.sonic.speech import SpeechBrain
from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer
from sonicrtc.local.state import LocalState

pytestmark = [pytest.mark.browser, pytest.mark.speech, pytest.mark.sonicrtc(brain="speech")]

#: Long enough to choose another voice while it is spoken.
GREETING = "Hello, I am the voice of this page, and you can choose another one while I am speaking."
POLYGLOT = "Polyglot: any language"
#: What Firefox's fake microphone hears is a tone that no model does: it is filtered out on the way.
UNHEARD = {"media.navigator.audio.fake_frequency": 20_000}
BEFORE = {"language": "fr-FR", "voice": "florian"}
DURING = {"language": "de-DE", "voice": "lennart"}


@dataclass(frozen=True, slots=True)
class Agent:
    site: Site
    service: LocalSonic

    @property
    def voices(self) -> list[str]:
        """What the sessions were told, in their order."""
        return [record.voice for record in self.service.records]


@pytest.fixture(scope="module", autouse=True)
def models() -> None:
    """The models' worker threads live as long as the process, so they are begun before any test."""
    SpeechBrain.preload()


@pytest.fixture
def agent(sonic_service: LocalSonic, sonicrtc_state: LocalState) -> Iterator[Agent]:
    """A server that greets, without a signaling channel, and the service that it talks to."""
    model = ("--sonic-endpoint", sonic_service.endpoint, "--ca", str(sonicrtc_state.ca_file))
    arguments = ("serve", "--port", "0", "--drain", "0", "--greeting", GREETING, *model)
    with serving(*arguments, env=sonicrtc_state.environment()) as site:
        yield Agent(site, sonic_service)


def test_the_greeting_is_heard_and_the_chosen_voice_speaks_before_and_during_the_call(
    agent: Agent, browse: Browse, recogniser: MoonshineRecognizer
) -> None:
    found = browse("voices", agent.site, ears=True, mouth=True, before=BEFORE, during=DURING)

    assert found["offered"] == ["Ambre", "Florian", f"{POLYGLOT}: Matthew", f"{POLYGLOT}: Tiffany"]
    assert found["remembered"] == "florian"
    assert found["waiting"] == "Changes with the next pause."
    assert (found["voice"], agent.voices) == ("lennart", ["florian", "lennart"])
    assert found["said"][0]["role"] == "assistant"
    spoken = recognise(recogniser, recording(found, "received"))
    assert word_error_rate(GREETING, spoken) <= 0.2, spoken


def test_firefox_chooses_a_voice_before_and_during_the_call(agent: Agent, browse: Browse) -> None:
    found = browse("voices", agent.site, firefox=True, prefs=UNHEARD, before=BEFORE, during=DURING)

    assert (found["remembered"], found["voice"]) == ("florian", "lennart")
    assert agent.voices == ["florian", "lennart"]
    assert [piece["text"] for entry in found["said"] for piece in entry["pieces"]] == [GREETING]
