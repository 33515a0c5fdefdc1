"""``python -m sonicrtc``: the same as the command ``sonicrtc``."""

import sys

from sonicrtc.cli import main

if __name__ == "__main__":
    sys.exit(main())
