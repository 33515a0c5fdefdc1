"""The speech-to-speech model: wire format, protocol machine and the session that drives it.

``wire``, ``protocol`` and ``history`` do no I/O. ``bedrock`` is the only module that imports the AWS SDK;
``stream`` holds what waits between the call and the network; ``session`` is what a call uses.
"""
