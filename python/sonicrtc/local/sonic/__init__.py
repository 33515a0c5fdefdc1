"""The local Nova Sonic service: Amazon Nova 2 Sonic's wire protocol, on this machine.

The service checks signatures, shapes and order of everything a client sends; a brain behind it
(:mod:`~sonicrtc.local.sonic.brain`) decides what to answer.
"""

from sonicrtc.local.sonic.brain import Brain, SessionSetup
from sonicrtc.local.sonic.echo import EchoBrain
from sonicrtc.local.sonic.emitter import Emitter
from sonicrtc.local.sonic.exchange import Sessions
from sonicrtc.local.sonic.faults import Fault, Faults, Opening
from sonicrtc.local.sonic.records import Record, Records
from sonicrtc.local.sonic.referee import Limits
from sonicrtc.local.sonic.scripted import Scenario, ScriptedBrain
from sonicrtc.local.sonic.service import LocalSonic

__all__ = [
    "Brain",
    "EchoBrain",
    "Emitter",
    "Fault",
    "Faults",
    "Limits",
    "LocalSonic",
    "Opening",
    "Record",
    "Records",
    "Scenario",
    "ScriptedBrain",
    "SessionSetup",
    "Sessions",
]
