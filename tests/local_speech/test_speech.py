"""The real models: recognition of human speech, synthesis, and both in a whole conversation."""

from __future__ import annotations

import asyncio
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from tests.local_speech.sounds import RATE_HZ, Clip, Samples, in_noise, read_wav, silence
from tests.local_speech.stage import Stage

from sonicrtc.bench.media.figures import word_errors
from sonicrtc.errors import MissingExtraError
from sonicrtc.local.sonic.brain import SessionSetup, ToolDefinition
from sonicrtc.local.sonic.speech import synthesizer
from sonicrtc.local.sonic.speech.parts import SpeechParts
from sonicrtc.local.sonic.speech.resampling import resample
from sonicrtc.local.sonic.speech.synthesizer import EspeakEngine, VoiceSynthesizer, speak_to_wav
from sonicrtc.local.sonic.speech.text import spoken_words

pytestmark = pytest.mark.speech

CLOCK = {"get_date_and_time": ToolDefinition(description="Date and time.", schema={"type": "object", "properties": {}})}
NOW = {"time": "3:45 PM", "date": "2026-11-22", "weekday": "Sunday"}


async def spoken(parts: SpeechParts, text: str) -> Samples:
    return np.frombuffer(await parts.synthesizer.synthesize(text, RATE_HZ), "<i2")


async def recognized(parts: SpeechParts, samples: Samples) -> list[str]:
    return spoken_words(await parts.recognizer.recognize(np.concatenate([silence(0.2), samples, silence(0.2)])))


def talk(parts: SpeechParts, *, pause_ms: int = 1500) -> Stage:
    return Stage(parts, SessionSetup(tools=CLOCK, pause_ms=pause_ms), tool=lambda name: NOW)


async def test_human_speech_is_recognised_with_at_most_20_percent_word_errors(
    parts: SpeechParts, librivox: list[Clip]
) -> None:
    errors = words = 0
    for clip in librivox:
        reference = spoken_words(clip.transcript)
        errors += word_errors(reference, spoken_words(await parts.recognizer.recognize(clip.samples)))
        words += len(reference)
    assert errors / words <= 0.2


#: The voice says them a little differently each time, so that only all of them together are judged.
SENTENCES = (
    "It is 3:45 PM.",
    "It is 11:34 AM.",
    "It is 9:05 PM.",
    "It is 12:00 PM.",
    "Today is Sunday, November 22, 2026.",
    "I am well, thank you. How can I help you?",
    "One, two, three, four, five.",
    "My name is Sonic.",
)


async def test_what_is_spoken_is_recognised_again(parts: SpeechParts) -> None:
    references = [spoken_words(text) for text in SENTENCES]
    heard = [await recognized(parts, await spoken(parts, text)) for text in SENTENCES]
    errors = sum(word_errors(*pair) for pair in zip(references, heard, strict=True))
    assert errors <= sum(map(len, references)) // 8, heard


async def test_nothing_is_made_of_silence(parts: SpeechParts) -> None:
    assert await parts.recognizer.recognize(silence(0.5)) == ""


async def test_speech_is_loud_unclipped_and_starts_at_once(parts: SpeechParts) -> None:
    audio = (await spoken(parts, "I can tell you the time and the date.")) / 32768
    active = audio[np.abs(audio) > 0.005]
    assert 20 * np.log10(np.sqrt(np.mean(active**2))) == pytest.approx(-20, abs=2.5)
    assert 20 * np.log10(np.abs(audio).max()) < -3
    assert np.flatnonzero(np.abs(audio) > 10 ** (-50 / 20))[0] < 0.02 * RATE_HZ


async def test_the_same_sentence_lasts_equally_long_at_all_rates(parts: SpeechParts) -> None:
    lengths_s = [
        len(await parts.synthesizer.synthesize("Hello there, my friend.", rate)) / 2 / rate
        for rate in (8000, 16_000, 24_000)
    ]
    assert max(lengths_s) / min(lengths_s) < 1.25  # the voice itself varies a little each time


@pytest.mark.parametrize("text", ["日本語", "---", "👋"])
async def test_text_without_english_words_is_short_and_not_an_error(parts: SpeechParts, text: str) -> None:
    assert (await spoken(parts, text)).size < 2 * RATE_HZ


async def test_a_spoken_question_gets_the_time_spoken(parts: SpeechParts) -> None:
    stage = talk(parts)
    question = await spoken(parts, "What time is it?")
    await stage.run(silence(0.5), question, silence(5))
    assert stage.texts("USER") == ["What time is it?"]
    assert stage.texts("ASSISTANT") == ["It is 3:45 PM."]
    heard = await recognized(parts, resample(stage.audio().astype(np.float32), 24_000, RATE_HZ).astype(np.int16))
    assert " ".join(spoken_words("3:45 PM")) in " ".join(heard)


async def test_the_answer_leaves_at_the_documented_pause(parts: SpeechParts) -> None:
    stage = talk(parts, pause_ms=1750)
    question = await spoken(parts, "What can you do?")
    last_sound_s = 0.5 + np.flatnonzero(np.abs(question.astype(int)) > 104)[-1] / RATE_HZ
    await stage.run(silence(0.5), question, silence(4))
    assert stage.first("audioOutput").at_s - last_sound_s == pytest.approx(1.75, abs=0.08)


async def test_a_pause_within_a_sentence_does_not_cut_it(parts: SpeechParts, librivox: list[Clip]) -> None:
    stage, clip = talk(parts), librivox[1]
    first, second = halves(clip.samples)
    await stage.run(silence(0.5), first, silence(0.9), second, silence(3))
    (heard,) = stage.texts("USER")
    reference = spoken_words(clip.transcript)
    assert word_errors(reference, spoken_words(heard)) <= len(reference) // 4


def halves(speech: Samples) -> tuple[Samples, Samples]:
    """Cut `speech` where the middle third of it is quietest for 100 ms, which is between two words."""
    third, span = speech.size // 3, RATE_HZ // 10
    energy = np.convolve(speech[third : 2 * third].astype(np.float64) ** 2, np.ones(span), "valid")
    cut = third + int(energy.argmin()) + span // 2
    return speech[:cut], speech[cut:]


@pytest.mark.parametrize("colour", ["white", "pink"])
async def test_human_speech_in_10_db_of_noise_is_one_turn_with_most_of_its_words(
    parts: SpeechParts, librivox: list[Clip], colour: str
) -> None:
    clip = librivox[1]
    stage = talk(parts)
    await stage.run(in_noise(np.concatenate([silence(2), clip.samples, silence(4)]), clip.samples, colour, 10, seed=4))
    (heard,) = stage.texts("USER")
    reference = spoken_words(clip.transcript)
    assert word_errors(reference, spoken_words(heard)) <= len(reference) // 3


async def test_counting_goes_on_for_at_least_six_seconds(parts: SpeechParts) -> None:
    stage = talk(parts)
    await stage.run(await spoken(parts, "Count to thirty."), silence(16))
    assert stage.audio().size / 24_000 >= 6
    assert len(stage.texts("ASSISTANT")) == 6


async def test_a_long_answer_is_interrupted_by_speech(parts: SpeechParts) -> None:
    stage = talk(parts)
    question = await spoken(parts, "Count to thirty.")
    await stage.run(question, silence(3.5), await spoken(parts, "What is your name?"), silence(4))
    assert '{ "interrupted" : true }' in stage.texts("ASSISTANT")
    assert stage.texts("ASSISTANT")[-2] == "My name is Sonic."


async def test_two_sessions_share_the_models(parts: SpeechParts) -> None:
    one, other = talk(parts), talk(parts)
    first, second = await spoken(parts, "What is your name?"), await spoken(parts, "What time is it?")
    async with asyncio.TaskGroup() as sessions:
        sessions.create_task(one.run(first, silence(4)))
        sessions.create_task(other.run(second, silence(4)))
    assert one.texts("USER") == ["What is your name?"]
    assert other.texts("USER") == ["What time is it?"]


def test_a_spoken_wav_has_the_asked_rate(tmp_path: Path, parts: SpeechParts) -> None:
    assert isinstance(parts.synthesizer, VoiceSynthesizer)
    speak_to_wav("Hello. How are you?", tmp_path / "out.wav", 48_000, engine=parts.synthesizer.engine)
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        assert 1 < file.getnframes() / 48_000 < 4
    assert read_wav(tmp_path / "out.wav").any()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed: apt install espeak-ng")
async def test_espeak_speaks_where_the_voice_is_absent(parts: SpeechParts, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise MissingExtraError("no voice")

    monkeypatch.setattr(synthesizer, "PiperEngine", absent)
    engine = synthesizer.load_engine()
    assert isinstance(engine, EspeakEngine)
    audio = np.frombuffer(synthesizer.render(engine, "One, two, three, four, five.", RATE_HZ), "<i2")
    assert await recognized(parts, audio) == ["one", "two", "three", "four", "five"]


def test_with_neither_voice_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sonicrtc.local.sonic.speech.synthesizer.shutil.which", lambda program: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"sonicrtc\[local\]"):
        synthesizer.load_engine()
