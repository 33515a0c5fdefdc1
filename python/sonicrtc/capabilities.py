"""What each Nova Sonic model can do: the one table that settings, checks and pickers read.

Each fact stands with the page it came from in :data:`SOURCES`; AWS shows the pages of the user guide under
``docs.aws.amazon.com/nova/latest/nova2-userguide/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sonicrtc.errors import ConfigError

#: Names of the languages, for people.
LANGUAGES: Mapping[str, str] = {
    "en-US": "English (US)",
    "en-GB": "English (UK)",
    "en-AU": "English (Australia)",
    "en-IN": "English (India)",
    "fr-FR": "French",
    "it-IT": "Italian",
    "de-DE": "German",
    "es-US": "Spanish (US)",
    "pt-BR": "Portuguese (Brazil)",
    "hi-IN": "Hindi",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice of a model.

    Parameters
    ----------
    name : str
        The ``voiceId``.
    languages : tuple of str
        What it was made for; keys of :data:`LANGUAGES`.
    polyglot : bool
        It speaks all the other languages of its model as well.
    """

    name: str
    languages: tuple[str, ...]
    polyglot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SonicModel:
    """One model of the family.

    Parameters
    ----------
    model_id, name : str
        For the service, and for people.
    verified : bool
        Whether the documents say all of this of this very model; False: some is what they say of a sibling, and
        only expected to hold.
    retired_on : str, optional
        Day of its end of life; such a model is described, but cannot be chosen.
    voices : tuple of Voice
        In the order in which they are offered.
    regions : tuple of str
        Where it runs. There is no cross-region inference for it.
    rates_hz : tuple of int
        Sample rates, the same for input and output; int16 mono.
    pauses_ms : mapping of sensitivity to int
        Pause after speech at which the model ends the user's turn.
    max_tokens : int
        The longest answer that may be asked for.
    stream_s : int
        How long a stream may stay open.
    text_starts_turn : bool
        Whether the model answers to text although nobody has spoken yet.
    """

    model_id: str
    name: str
    verified: bool
    retired_on: str | None = None
    voices: tuple[Voice, ...]
    regions: tuple[str, ...]
    rates_hz: tuple[int, ...] = (8_000, 16_000, 24_000)
    pauses_ms: Mapping[str, int]
    max_tokens: int
    stream_s: int = 480
    text_starts_turn: bool


#: Page of the documents for each field of :class:`SonicModel`.
SOURCES: Mapping[str, str] = {
    "model_id": "Bedrock user guide, model-cards-amazon",
    "name": "Bedrock user guide, model-cards-amazon",
    "retired_on": "Bedrock user guide, model-card-amazon-nova-sonic",
    "voices": "Nova 2 user guide, sonic-language-support; of the first model: Nova user guide, available-voices",
    "regions": "Bedrock user guide, the models' cards",
    "rates_hz": "Nova 2 user guide, sonic-input-events",
    "pauses_ms": "Nova 2 user guide, sonic-turn-taking",
    "max_tokens": "Nova 2 user guide, sonic-input-events",
    "stream_s": "Bedrock API reference, InvokeModelWithBidirectionalStream",
    "text_starts_turn": "Nova 2 user guide, sonic-cross-modal",
}

_NOVA_2_VOICES = (
    Voice(name="matthew", languages=("en-US",), polyglot=True),
    Voice(name="tiffany", languages=("en-US",), polyglot=True),
    Voice(name="amy", languages=("en-GB",)),
    Voice(name="olivia", languages=("en-AU",)),
    Voice(name="arjun", languages=("en-IN", "hi-IN")),
    Voice(name="kiara", languages=("en-IN", "hi-IN")),
    Voice(name="lupe", languages=("es-US",)),
    Voice(name="carlos", languages=("es-US",)),
    Voice(name="ambre", languages=("fr-FR",)),
    Voice(name="florian", languages=("fr-FR",)),
    Voice(name="tina", languages=("de-DE",)),
    Voice(name="lennart", languages=("de-DE",)),
    Voice(name="beatrice", languages=("it-IT",)),
    Voice(name="lorenzo", languages=("it-IT",)),
    Voice(name="carolina", languages=("pt-BR",)),
    Voice(name="leo", languages=("pt-BR",)),
)
_NOVA_2_REGIONS = ("us-east-1", "us-west-2", "eu-north-1", "ap-northeast-1")
_NOVA_2_PAUSES_MS = {"HIGH": 1500, "MEDIUM": 1750, "LOW": 2000}

#: All models, the default first.
MODELS: Mapping[str, SonicModel] = {
    model.model_id: model
    for model in (
        SonicModel(
            model_id="amazon.nova-2-sonic-v1:0",
            name="Amazon Nova 2 Sonic",
            verified=True,
            voices=_NOVA_2_VOICES,
            regions=_NOVA_2_REGIONS,
            pauses_ms=_NOVA_2_PAUSES_MS,
            max_tokens=10_000,
            text_starts_turn=True,
        ),
        SonicModel(
            model_id="amazon.nova-2-5-sonic",
            name="Amazon Nova 2.5 Sonic",
            # No page says which voices, regions and limits it has; people have spoken with it in us-east-1,
            # eu-north-1 and ap-northeast-1, and found it to end a turn about 0.4 s after speech, far sooner
            # than the pauses that are written of Nova 2.
            verified=False,
            voices=_NOVA_2_VOICES,
            regions=_NOVA_2_REGIONS,
            pauses_ms=_NOVA_2_PAUSES_MS,
            max_tokens=10_000,
            text_starts_turn=True,
        ),
        SonicModel(
            model_id="amazon.nova-sonic-v1:0",
            name="Amazon Nova Sonic",
            verified=False,  # but its voices and its end are
            retired_on="2026-09-14",
            voices=(
                Voice(name="matthew", languages=("en-US",)),
                Voice(name="tiffany", languages=("en-US",)),
                Voice(name="amy", languages=("en-GB",)),
                Voice(name="lupe", languages=("es-US",)),
                Voice(name="carlos", languages=("es-US",)),
                Voice(name="ambre", languages=("fr-FR",)),
                Voice(name="florian", languages=("fr-FR",)),
                Voice(name="greta", languages=("de-DE",)),
                Voice(name="lennart", languages=("de-DE",)),
                Voice(name="beatrice", languages=("it-IT",)),
                Voice(name="lorenzo", languages=("it-IT",)),
            ),
            regions=(),  # none any more
            pauses_ms={},  # it had no such setting
            max_tokens=10_000,
            text_starts_turn=False,
        ),
    )
}

#: Models that can be spoken to, the default first.
MODEL_IDS = tuple(model.model_id for model in MODELS.values() if model.retired_on is None)


def model_for(model_id: str) -> SonicModel:
    """Return the model of this id.

    Raises
    ------
    ConfigError
        There is none, or it has reached its end of life.
    """
    model = MODELS.get(model_id)
    if model is None:
        raise ConfigError(f"model id: expected {' or '.join(MODEL_IDS)}, got {model_id!r}")
    if model.retired_on is not None:
        raise ConfigError(f"model {model_id!r} reached its end of life on {model.retired_on}; use {MODEL_IDS[0]!r}")
    return model


def languages_for(model_id: str) -> dict[str, str]:
    """Return the languages that a model speaks, with their names for people.

    Raises
    ------
    ConfigError
        As for :func:`model_for`.
    """
    spoken = {language for voice in model_for(model_id).voices for language in voice.languages}
    return {language: name for language, name in LANGUAGES.items() if language in spoken}


def voices_for(model_id: str, language: str | None = None) -> tuple[Voice, ...]:
    """Return a model's voices, or those that speak a language: first those made for it, then the polyglot ones.

    Raises
    ------
    ConfigError
        As for :func:`model_for`; or the model does not speak the language.
    """
    voices = model_for(model_id).voices
    if language is None:
        return voices
    languages = languages_for(model_id)
    if language not in languages:
        raise ConfigError(f"language: expected one of {', '.join(languages)}, got {language!r}")
    native = [voice for voice in voices if language in voice.languages]
    return (*native, *(voice for voice in voices if voice.polyglot and voice not in native))


def check(*, model_id: str, voice: str, language: str | None, region: str | None, max_tokens: int) -> None:
    """Refuse what the model cannot do; `region` is None where it does not matter.

    Raises
    ------
    ConfigError
        The message says what is possible.
    """
    model = model_for(model_id)
    names = [known.name for known in model.voices]
    if voice not in names:
        raise ConfigError(f"voice: expected one of {', '.join(names)}, got {voice!r}")
    if language is not None:
        speakers = [known.name for known in voices_for(model_id, language)]
        if voice not in speakers:
            raise ConfigError(f"voice: {language} is spoken by {', '.join(speakers)}, got {voice!r}")
    if region is not None and region not in model.regions:
        raise ConfigError(
            f"region: {model.name} runs in {', '.join(model.regions)}, got {region!r}; for another address set endpoint"
        )
    if not 1 <= max_tokens <= model.max_tokens:
        raise ConfigError(f"max_tokens: expected 1 to {model.max_tokens}, got {max_tokens!r}")


def has_a_choice(model_id: str, voice: str) -> bool:
    """Return whether a voice speaks more than one language, so that the model has to be told which."""
    known = next(known for known in model_for(model_id).voices if known.name == voice)
    return known.polyglot or len(known.languages) > 1
