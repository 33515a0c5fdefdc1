"""Every exception that SonicRTC raises, in one tree.

::

    SonicRtcError
    ├── ConfigError              a setting is missing, unknown or out of range
    ├── AudioFormatError         a WAV file or a buffer is not the audio that was asked for
    ├── MissingExtraError        an optional dependency is not installed
    ├── CredentialsError         no usable AWS credentials
    ├── SignalingError           Kinesis Video Streams signaling
    │   ├── SignalingClosedError
    │   └── SignalingDeniedError
    ├── PeerError                WebRTC: SDP, ICE, data channel
    │   ├── SdpError
    │   ├── BusyError            as many calls as this server takes
    │   └── MessageError         a data-channel message that is too large or not what it should be
    ├── SonicError               the speech-to-speech model and its stream
    │   ├── SonicThrottledError
    │   ├── SonicExpiredError
    │   ├── SonicClosedError
    │   ├── SonicUnreachableError
    │   ├── SonicSilentError
    │   ├── SonicProtocolError
    │   └── SonicModelError
    └── ToolError                becomes a tool result, never ends a call

A vendor's exception is translated in one place and kept as ``__cause__``.
"""

from __future__ import annotations

from typing import ClassVar, Literal

#: What to do about a failed stream: open another at once, or after a pause, or with what has changed
#: meanwhile (fresh keys, a new session); or give up.
Remedy = Literal["retry_now", "back_off", "swap", "fatal"]


class SonicRtcError(Exception):
    """Base of all errors of this package.

    Attributes
    ----------
    code : str
        Stable short name, e.g. ``"config"``; travels in error events.
    retryable : bool
        Whether the same action may succeed when it is tried again.
    """

    code: ClassVar[str] = "internal"
    retryable: bool = False

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable


class ConfigError(SonicRtcError, ValueError):
    """A setting is missing, unknown or out of range."""

    code = "config"


class AudioFormatError(SonicRtcError, ValueError):
    """Audio is not in the format that was asked for."""

    code = "audio_format"


class MissingExtraError(SonicRtcError, ImportError):
    """An optional dependency is not installed; the message names the extra."""

    code = "missing_extra"


class CredentialsError(SonicRtcError):
    """No usable AWS credentials."""

    code = "credentials"


class SignalingError(SonicRtcError):
    """Kinesis Video Streams signaling failed."""

    code = "signaling"


class SignalingClosedError(SignalingError):
    """The signaling connection ended."""

    code = "signaling_closed"
    retryable = True


class SignalingDeniedError(SignalingError):
    """The service refuses the credentials, the signature or the presigned URL."""

    code = "signaling_denied"


class PeerError(SonicRtcError):
    """A WebRTC peer connection failed."""

    code = "peer"


class SdpError(PeerError, ValueError):
    """An offer or answer is not usable SDP."""

    code = "sdp"


class BusyError(PeerError):
    """There are as many calls as this server takes, or it is stopping."""

    code = "busy"
    retryable = True


class MessageError(PeerError, ValueError):
    """A data-channel message is too large or not what it should be."""

    code = "message"


class SonicError(SonicRtcError):
    """The speech-to-speech model or its stream failed.

    Attributes
    ----------
    remedy : {"retry_now", "back_off", "swap", "fatal"}
        What a conversation that is to go on does about it; `retryable` says whether it is not "fatal".
    """

    code = "sonic"
    remedy: Remedy = "fatal"

    def __init__(self, message: str, *, remedy: Remedy | None = None) -> None:
        self.remedy = remedy or self.remedy
        super().__init__(message, retryable=self.remedy != "fatal")


class SonicThrottledError(SonicError):
    """The service asks to slow down."""

    code = "sonic_throttled"
    remedy: Remedy = "back_off"


class SonicExpiredError(SonicError):
    """The session or its credentials expired."""

    code = "sonic_expired"
    remedy: Remedy = "swap"


class SonicClosedError(SonicError):
    """The stream ended or was lost."""

    code = "sonic_closed"
    remedy: Remedy = "retry_now"


class SonicUnreachableError(SonicError):
    """Nothing answers at the service's address."""

    code = "sonic_unreachable"
    remedy: Remedy = "back_off"


class SonicSilentError(SonicError):
    """The model was spoken to and said nothing at all."""

    code = "sonic_silent"
    remedy: Remedy = "retry_now"


class SonicProtocolError(SonicError):
    """One side broke the event protocol."""

    code = "sonic_protocol"


class SonicModelError(SonicError):
    """The model is unknown, not allowed or failed."""

    code = "sonic_model"


class ToolError(SonicRtcError):
    """A tool failed; its message is told to the model as the tool's result."""

    code = "tool"
