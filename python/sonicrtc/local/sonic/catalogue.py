"""The models that the service knows: their voices, and how long a pause ends a turn.

Voices: Nova 2 user guide, page ``sonic-language-support``. Pauses: page ``sonic-turn-taking``; for
Nova 2.5 no document gives them, and about 0.4 s after the last word was measured by others. That
2.5 has the voices of 2 is an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sonicrtc.local.sonic.brain import PAUSE_MS, Sensitivity

__all__ = ["MODELS", "RETIRED_MODELS", "Model"]

_VOICES = (
    "matthew", "tiffany", "amy", "olivia", "arjun", "kiara", "lupe", "carlos", "ambre", "florian", "tina", "lennart",
    "beatrice", "lorenzo", "carolina", "leo",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model; `pause_ms` is that of each sensitivity."""

    voices: tuple[str, ...]
    pause_ms: Mapping[Sensitivity, int]


MODELS: Mapping[str, Model] = {
    "amazon.nova-2-sonic-v1:0": Model(voices=_VOICES, pause_ms=PAUSE_MS),
    "amazon.nova-2-5-sonic": Model(voices=_VOICES, pause_ms=dict.fromkeys(PAUSE_MS, 400)),
}
#: End of life 2026-09-14.
RETIRED_MODELS = frozenset({"amazon.nova-sonic-v1:0"})
