"""The models, loaded once for the whole process."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer, Recognizer
from sonicrtc.local.sonic.speech.synthesizer import Synthesizer, VoiceSynthesizer


@dataclass(frozen=True, slots=True)
class SpeechParts:
    """Ears and mouth, shared by all sessions."""

    recognizer: Recognizer
    synthesizer: Synthesizer


_loading: Future[SpeechParts] | None = None


def start_loading() -> Future[SpeechParts]:
    """Start to load the models, or return the load that was started before; never waits.

    A load that failed is not kept: the next call tries again.
    """
    global _loading
    if _loading is None or (_loading.done() and _loading.exception() is not None):
        # Two threads, because most of the time is each library's own start.
        threads = ThreadPoolExecutor(3, thread_name_prefix="sonicrtc-speech-load")
        ears = threads.submit(MoonshineRecognizer)
        mouth = threads.submit(VoiceSynthesizer)
        _loading = threads.submit(lambda: SpeechParts(ears.result(), mouth.result()))
        threads.shutdown(wait=False)
    return _loading
