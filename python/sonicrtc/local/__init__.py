"""Services that speak the cloud's own wire protocols on this machine.

They are referees, not mirrors: nothing in here imports ``sonic``, ``signaling``, ``tools`` or
``rtc``. What they hold to be right is written from the vendor's documents, so that one mistake
cannot pass twice.
"""
