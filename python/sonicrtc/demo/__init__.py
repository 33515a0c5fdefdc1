"""``sonicrtc demo``: a whole conversation on this machine, without any cloud account.

The local services run in processes of their own, because recognising speech for a second would
disturb the audio clock of a call in the same process; the server runs in this one.
"""

from sonicrtc.demo.run import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
