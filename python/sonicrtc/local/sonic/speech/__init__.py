"""The brain that listens and speaks without any network."""

from sonicrtc.local.sonic.speech.brain import SpeechBrain

__all__ = ["SpeechBrain"]
