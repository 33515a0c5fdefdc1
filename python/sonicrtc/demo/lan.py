"""What lets a phone in the same network reach the demo."""

from __future__ import annotations

import io
import socket

from sonicrtc.errors import ConfigError

# TEST-NET-1 (RFC 5737): only to learn which interface leads out; nothing is sent.
_ELSEWHERE = ("192.0.2.1", 9)


def lan_address() -> str:
    """Return this machine's IPv4 address in its network.

    Raises
    ------
    ConfigError
        There is no network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError as exc:
            raise ConfigError("--lan: this machine is in no network; without --lan the demo needs none") from exc
        return str(probe.getsockname()[0])


def qr_code(text: str) -> str:
    """Return `text` as a QR code for the terminal."""
    import segno

    out = io.StringIO()
    segno.make(text, error="m").terminal(out=out, border=2, compact=True)
    return out.getvalue()
