from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sonicrtc import capabilities
from sonicrtc.capabilities import LANGUAGES, MODEL_IDS, MODELS, SonicModel
from sonicrtc.config import SonicConfig
from sonicrtc.errors import ConfigError

NOVA_2, NOVA_2_5 = MODEL_IDS


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(SonicModel) if f.name != "verified"])
def test_every_fact_names_the_page_that_it_comes_from(field: str) -> None:
    assert "guide" in capabilities.SOURCES[field] or "API reference" in capabilities.SOURCES[field]


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_voice_has_a_name_of_its_own_and_languages_that_have_one(model: SonicModel) -> None:
    names = [voice.name for voice in model.voices]
    assert len(set(names)) == len(names)
    assert {language for voice in model.voices for language in voice.languages} <= set(LANGUAGES)


def test_a_retired_model_is_described_but_cannot_be_chosen() -> None:
    assert MODELS["amazon.nova-sonic-v1:0"].retired_on == "2026-09-14"
    assert "amazon.nova-sonic-v1:0" not in MODEL_IDS
    with pytest.raises(ConfigError, match=f"end of life on 2026-09-14; use '{NOVA_2}'"):
        capabilities.voices_for("amazon.nova-sonic-v1:0")


def test_what_nobody_has_written_of_a_model_is_marked() -> None:
    assert MODELS[NOVA_2].verified
    assert not MODELS[NOVA_2_5].verified


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_a_picker_gets_voices_and_languages_for_people(model_id: str) -> None:
    assert len(capabilities.voices_for(model_id)) == 16
    assert capabilities.languages_for(model_id)["pt-BR"] == "Portuguese (Brazil)"
    assert list(capabilities.languages_for(model_id)) == list(LANGUAGES)


SPEAKERS = [
    ("de-DE", ["tina", "lennart", "matthew", "tiffany"]),
    ("hi-IN", ["arjun", "kiara", "matthew", "tiffany"]),
    ("en-US", ["matthew", "tiffany"]),
]


@pytest.mark.parametrize(("language", "names"), SPEAKERS)
def test_a_language_is_spoken_by_its_own_voices_first(language: str, names: list[str]) -> None:
    assert [voice.name for voice in capabilities.voices_for(NOVA_2, language)] == names


ALL_VOICES = ", ".join(voice.name for voice in capabilities.voices_for(NOVA_2))
IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"model_id": "amazon.nova-3"}, f"model id: expected {NOVA_2} or {NOVA_2_5}, got 'amazon.nova-3'"),
    ({"voice": "greta"}, f"voice: expected one of {ALL_VOICES}, got 'greta'"),
    ({"language": "fr-CA"}, f"language: expected one of {', '.join(LANGUAGES)}, got 'fr-CA'"),
    ({"language": "fr-FR", "voice": "tina"}, "voice: fr-FR is spoken by ambre, florian, matthew, tiffany, got 'tina'"),
    (
        {"region": "eu-central-1"},
        "region: Amazon Nova 2 Sonic runs in us-east-1, us-west-2, eu-north-1, ap-northeast-1, got 'eu-central-1';"
        " for another address set endpoint",
    ),
    ({"max_tokens": 0}, "max_tokens: expected 1 to 10000, got 0"),
    ({"max_tokens": 10_001}, "max_tokens: expected 1 to 10000, got 10001"),
]


@pytest.mark.parametrize(("settings", "told"), IMPOSSIBLE)
def test_what_a_model_cannot_do_is_refused_with_what_is_possible(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SonicConfig(**settings)
    assert str(caught.value) == told


POSSIBLE: list[dict[str, Any]] = [
    {"region": "eu-central-1", "endpoint": "https://vpce.example"},
    {"language": "it-IT"},
    {"language": "it-IT", "voice": "beatrice"},
    {"language": "hi-IN", "voice": "kiara", "model_id": NOVA_2_5},
]


@pytest.mark.parametrize("settings", POSSIBLE)
def test_what_a_model_can_do_is_accepted(settings: dict[str, Any]) -> None:
    assert SonicConfig(**settings).voice in ALL_VOICES


@pytest.mark.checkout
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_voices_of_a_language_are_documented(language: str) -> None:
    native = [voice.name for voice in capabilities.voices_for(NOVA_2) if language in voice.languages]
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
    assert f"| `{language}` | {', '.join(native)} |" in page
