"""The headless WebRTC client behind ``sonicrtc call``."""

from sonicrtc.caller.client import CallOptions, HeadlessCall
from sonicrtc.caller.report import CallReport
from sonicrtc.caller.source import Clip, Sink, Source
from sonicrtc.caller.wav import read_wav, write_wav

__all__ = ["CallOptions", "CallReport", "Clip", "HeadlessCall", "Sink", "Source", "read_wav", "write_wav"]
