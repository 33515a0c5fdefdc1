"""What the model can call: any typed Python function."""

try:
    import msgspec as msgspec
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    from sonicrtc.errors import MissingExtraError

    raise MissingExtraError("tools need the extra: pip install 'sonicrtc[server]'") from exc
