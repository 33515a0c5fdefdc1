"""What an offer, an answer or a candidate must be before it reaches the WebRTC stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiortc import RTCIceCandidate
from aiortc.sdp import SessionDescription, candidate_from_sdp

from sonicrtc.errors import SdpError

#: Largest SDP that is read, in bytes of UTF-8.
MAX_SDP_BYTES = 64 * 1024

_OPUS = re.compile(r"a=rtpmap:(\d+) opus/48000(?:/2)?", re.IGNORECASE)
_RED = re.compile(r"a=rtpmap:(\d+) red/48000(?:/2)?", re.IGNORECASE)

#: What aiortc's parser raises on text that is not SDP.
_PARSE_ERRORS = (ValueError, LookupError, AssertionError, AttributeError, TypeError, StopIteration)


@dataclass(frozen=True, slots=True)
class Description:
    """A session description as browsers write it."""

    sdp: str
    type: str


def check(description: Description, expected: Literal["offer", "answer"]) -> Description:
    """Return `description` fit for aiortc, without candidates that cannot be reached.

    Raises
    ------
    SdpError
        It is too large, of the other type, not SDP, or has no audio or no keys.
    """
    if description.type != expected:
        raise SdpError(f"session description: expected type {expected!r}, got {description.type!r}")
    if not isinstance(description.sdp, str):
        raise SdpError(f"SDP: expected text, got {type(description.sdp).__name__}")
    size = len(description.sdp.encode("utf-8", "replace"))
    if size > MAX_SDP_BYTES:
        raise SdpError(f"SDP: expected at most {MAX_SDP_BYTES} bytes, got {size}")
    if not description.sdp.startswith("v=0"):
        raise SdpError("SDP: expected text that starts with 'v=0' (RFC 8866)")
    text = without_unreachable(description.sdp)
    try:
        parsed = SessionDescription.parse(text)
    except _PARSE_ERRORS as exc:
        raise SdpError(f"SDP cannot be read: {type(exc).__name__} {exc}".rstrip()) from exc
    _check_media(parsed)
    return Description(text, expected)


def _check_media(parsed: SessionDescription) -> None:
    if not any(media.kind == "audio" and media.port != 0 for media in parsed.media):
        raise SdpError("SDP has no audio: expected a section 'm=audio'; allow the microphone before calling")
    mids = [media.rtp.muxId for media in parsed.media]
    if len(set(mids)) != len(mids):
        raise SdpError(f"SDP: expected a different 'a=mid' in each section, got {', '.join(map(repr, mids))}")
    bundled = {mid for group in parsed.group if group.semantic == "BUNDLE" for mid in group.items}
    if unknown := bundled.difference(mids):
        raise SdpError(f"SDP: BUNDLE names sections that are not there: {', '.join(sorted(map(str, unknown)))}")
    for media in parsed.media:
        if media.kind not in ("audio", "video", "application"):
            raise SdpError(f"SDP: expected audio, video or application, got a section of kind {media.kind!r}")
        if media.dtls is None or not media.dtls.fingerprints:
            raise SdpError("SDP: expected 'a=fingerprint' and 'a=setup' for every section (DTLS-SRTP, RFC 8827)")
        if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
            raise SdpError("SDP: expected 'a=ice-ufrag' and 'a=ice-pwd' for every section (RFC 8839)")


def without_unreachable(text: str) -> str:
    """Remove ``.local`` candidates, and the end of candidates with them.

    Nobody here answers multicast DNS names, and looking one up costs a second. The peer can still
    be learned from its own checks, but only while the stack waits for candidates: after
    ``a=end-of-candidates`` it gives up components that have none.
    """
    lines = text.splitlines()
    candidates = [line for line in lines if line.startswith("a=candidate:")]
    hidden = {line for line in candidates if _is_local_name(line)}
    if not hidden and candidates:
        return text
    kept = [line for line in lines if line not in hidden and not line.startswith("a=end-of-candidates")]
    return "\r\n".join(kept) + "\r\n"


def with_opus_parameters(text: str, parameters: str) -> str:
    """Put `parameters` (RFC 7587 section 6.1) in the place of those that `text` gives for Opus, or add them."""
    lines = text.splitlines()
    opus = [match for line in lines if (match := _OPUS.fullmatch(line))]
    kept = [line for line in lines if not line.startswith(tuple(f"a=fmtp:{match[1]} " for match in opus))]
    for match in opus:
        kept.insert(kept.index(match[0]) + 1, f"a=fmtp:{match[1]} {parameters}")
    return "\r\n".join(kept) + "\r\n"


def redundancy_of(text: str) -> int | None:
    """Return the payload type of redundant audio (RFC 2198) whose every block is Opus, where `text` has one."""
    lines = text.splitlines()
    opus = {match[1] for line in lines if (match := _OPUS.fullmatch(line))}
    for red in filter(None, map(_RED.fullmatch, lines)):
        fmtp = f"a=fmtp:{red[1]} "
        inside = {number for line in lines if line.startswith(fmtp) for number in line.removeprefix(fmtp).split("/")}
        if len(inside) == 1 and inside <= opus:
            return int(red[1])
    return None


def with_redundancy(text: str, payload_type: int) -> str:
    """Prefer redundant audio to Opus alone in an answer: a sender takes what stands first (RFC 3264 section 6.1)."""
    lines = text.splitlines()
    opus = next(match for line in lines if (match := _OPUS.fullmatch(line)))
    at = lines.index(opus[0])
    section = max(n for n, line in enumerate(lines[:at]) if line.startswith("m=audio "))
    media, port, protocol, numbers = lines[section].split(" ", 3)
    lines[section] = f"{media} {port} {protocol} {payload_type} {numbers}"
    lines[at:at] = [f"a=rtpmap:{payload_type} red/48000/2", f"a=fmtp:{payload_type} {opus[1]}/{opus[1]}"]
    return "\r\n".join(lines) + "\r\n"


def _is_local_name(candidate: str) -> bool:
    fields = candidate.split()
    return len(fields) > 4 and fields[4].lower().rstrip(".").endswith(".local")


def parse_candidate(init: Mapping[str, object]) -> RTCIceCandidate | None:
    """Read an ``RTCIceCandidateInit``; None when there is nothing in it that can be reached.

    Raises
    ------
    SdpError
        It is not a candidate.
    """
    text, mid, index = init.get("candidate"), init.get("sdpMid"), init.get("sdpMLineIndex")
    if text in (None, ""):
        return None
    if not isinstance(text, str) or len(text) > 1024:
        raise SdpError("ICE candidate: expected text of at most 1024 characters in 'candidate'")
    if not (isinstance(mid, str) or isinstance(index, int)):
        raise SdpError("ICE candidate: expected 'sdpMid' or 'sdpMLineIndex' beside 'candidate'")
    if _is_local_name(text):
        return None
    try:
        candidate = candidate_from_sdp(text.removeprefix("candidate:"))
    except _PARSE_ERRORS as exc:
        raise SdpError(f"ICE candidate cannot be read: {text[:120]!r}") from exc
    candidate.sdpMid = mid if isinstance(mid, str) else None
    candidate.sdpMLineIndex = index if isinstance(index, int) else None
    return candidate
