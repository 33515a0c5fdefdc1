"""Speech recognition by Moonshine tiny, one model for the whole process."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sonicrtc.local.models import MOONSHINE_TINY, model_files, require

#: What the model makes of sound without words.
_INVENTED = frozenset({"", "you", "thank you"})
#: With more speech than this, those words were really said.
_INVENTED_MAX_S = 0.6


class Recognizer(Protocol):
    """Turns one utterance into text."""

    async def recognize(self, samples: npt.NDArray[np.int16]) -> str:
        """Return what was said in `samples` (16 kHz mono); empty when there are no words."""


class MoonshineRecognizer:
    """Moonshine tiny (English) on a worker thread of its own.

    All sessions share one worker: recognition uses two threads for about 70 ms for each second of
    speech, so two at a time would only make both late. Each session waits for its one utterance,
    and one that is cancelled before its turn is never worked on.
    """

    def __init__(self) -> None:
        """Load the model (about half a second); use :func:`sonicrtc.local.sonic.speech.preload`."""
        files = model_files(MOONSHINE_TINY)
        folder = next(iter(files.values())).parent
        moonshine = require("moonshine_voice")
        # Its own voice activity detection off: the utterance is cut already, and it invents a leading "You".
        options = {"vad_threshold": "0.0", "return_audio_data": "false"}
        self._model: Any = moonshine.Transcriber(str(folder), moonshine.ModelArch.TINY, options=options)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sonicrtc-recognizer")
        self._worker.submit(self._recognize, np.zeros(8000, np.int16)).result()

    async def recognize(self, samples: npt.NDArray[np.int16]) -> str:
        """Return what was said in `samples` (16 kHz mono)."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._recognize, samples)

    def _recognize(self, samples: npt.NDArray[np.int16]) -> str:
        floats = (samples.astype(np.float32) / 32768.0).tolist()
        transcript = self._model.transcribe_without_streaming(floats, 16_000)
        text = " ".join(line.text.strip() for line in transcript.lines).strip()
        bare = text.lower().strip(" .!?,")
        if bare in _INVENTED and samples.size < (_INVENTED_MAX_S + 0.6) * 16_000:
            return ""
        return text
