"""The brain that listens and speaks without any network."""

from sonicrtc.local.sonic.speech.brain import SpeechBrain
from sonicrtc.local.sonic.speech.models import MODELS, Model

__all__ = ["MODELS", "Model", "SpeechBrain"]
