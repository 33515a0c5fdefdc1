"""WebRTC: one peer connection with audio both ways and one data channel, over aiortc."""

try:
    import aiortc as _aiortc  # noqa: F401
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    from sonicrtc.errors import MissingExtraError

    raise MissingExtraError("WebRTC needs the extra: pip install 'sonicrtc[server]'") from exc
