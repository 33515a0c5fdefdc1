"""What is refused before it reaches the WebRTC stack, and in which words."""

from __future__ import annotations

import pytest
from tests.net.peers import Heard, describe, make_peer

from sonicrtc.errors import SdpError
from sonicrtc.rtc.sdp import (
    MAX_SDP_BYTES,
    check,
    parse_candidate,
    redundancy_of,
    with_redundancy,
    without_unreachable,
)

OFFER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=sendrecv
a=mid:0
a=rtcp-mux
a=rtpmap:96 opus/48000/2
a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 AA:BB
a=setup:actpass
"""
HIDDEN = "a=candidate:2 1 udp 2113937151 0f3c-11.local 50001 typ host\n"


def edited(old: str, new: str) -> str:
    assert old in OFFER
    return OFFER.replace(old, new)


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "starts with 'v=0'"),
        ("hello", "starts with 'v=0'"),
        ('{"sdp": "v=0"}', "starts with 'v=0'"),
        ("v=0\n", "no audio"),
        (edited("m=audio", "m=video"), "no audio"),
        (edited("m=audio 9", "m=audio 0"), "no audio"),
        (edited("m=audio 9 UDP", "m=audio nine UDP"), "cannot be read"),
        (edited("opus/48000/2", "opus"), "cannot be read"),
        (edited("a=rtpmap:96 opus/48000/2", "a=fmtp:97 x=1"), "cannot be read"),
        (edited("192.0.2.1 50000", "192.0.2.1 port"), "cannot be read"),
        (edited("a=setup:actpass\n", ""), "fingerprint"),
        (edited("a=fingerprint:sha-256 AA:BB\n", ""), "fingerprint"),
        (edited("a=ice-pwd:abcdefghijklmnopqrstuv\n", ""), "ice-pwd"),
        (edited("BUNDLE 0", "BUNDLE 0 1"), "BUNDLE"),
        (OFFER + OFFER[OFFER.index("m=audio") :], "a=mid"),
        (OFFER + "m=text 9 UDP x\na=mid:1\n", "kind 'text'"),
        (OFFER + "a=x:" + "y" * MAX_SDP_BYTES, f"at most {MAX_SDP_BYTES} bytes"),
    ],
)
def test_what_is_not_a_usable_offer_is_refused_with_words(sdp: str, words: str) -> None:
    with pytest.raises(SdpError, match=words):
        check(describe(sdp), "offer")


def test_a_good_offer_passes_unchanged() -> None:
    assert check(describe(OFFER), "offer").sdp == OFFER


def test_an_answer_is_no_offer() -> None:
    with pytest.raises(SdpError, match="expected type 'offer', got 'answer'"):
        check(describe(OFFER, "answer"), "offer")


async def test_an_offer_without_opus_is_refused_by_the_peer() -> None:
    peer = make_peer(Heard())
    with pytest.raises(SdpError, match="Opus"):
        await peer.answer(describe(edited("opus/48000/2", "speex/16000")))
    await peer.close()


@pytest.mark.parametrize(
    ("sdp", "candidates", "ends"),
    [
        (OFFER, 1, 1),
        (edited("a=end-of-candidates\n", HIDDEN + "a=end-of-candidates\n"), 1, 0),
        (edited("a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\n", HIDDEN), 0, 0),
        (edited("a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\n", ""), 0, 0),
        (edited("a=end-of-candidates\n", HIDDEN.replace(".local", ".LOCAL.")), 1, 0),
        (edited("a=end-of-candidates\n", ""), 1, 0),
    ],
    ids=["none", "beside others", "alone", "no candidates", "upper case", "no end"],
)
def test_local_names_go_together_with_the_end_of_candidates(sdp: str, candidates: int, ends: int) -> None:
    kept = without_unreachable(sdp)
    assert (kept.count("a=candidate:"), kept.count("a=end-of-candidates")) == (candidates, ends)
    assert ".local" not in kept.lower()


def test_a_trickled_candidate_is_read() -> None:
    text = "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ srflx raddr 10.0.0.1 rport 9"
    found = parse_candidate({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0})
    assert found is not None
    assert (found.ip, found.port, found.type, found.sdpMid, found.relatedAddress) == (
        "192.0.2.1", 50000, "srflx", "0", "10.0.0.1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "init",
    [
        {},
        {"candidate": ""},
        {"candidate": None, "sdpMid": "0"},
        {"candidate": "candidate:1 1 udp 1 x-y.local 9 typ host", "sdpMid": "0"},
    ],
)
def test_the_end_of_candidates_and_local_names_are_passed_over(init: dict[str, object]) -> None:
    assert parse_candidate(init) is None


@pytest.mark.parametrize(
    "init",
    [
        {"candidate": 5, "sdpMid": "0"},
        {"candidate": "garbage", "sdpMid": "0"},
        {"candidate": "candidate:1 1 udp many 192.0.2.1 9 typ host", "sdpMid": "0"},
        {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"},
        {"candidate": "x" * 2000, "sdpMid": "0"},
    ],
)
def test_what_is_not_a_candidate_is_refused(init: dict[str, object]) -> None:
    with pytest.raises(SdpError, match="ICE candidate"):
        parse_candidate(init)


RED = "a=rtpmap:63 red/48000/2\na=fmtp:63 96/96\n"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("", None),
        (RED, 63),
        (RED.replace("96/96", "96"), 63),
        (RED.replace("96/96", "97/97"), None),
        (RED.replace("96/96", "96/97"), None),
        (RED.replace("48000/2", "90000"), None),
        ("a=rtpmap:63 red/48000/2\n", None),
        (RED + RED.replace("63", "64"), 63),
    ],
)
def test_redundant_audio_is_found_where_it_holds_opus(lines: str, found: int | None) -> None:
    assert redundancy_of(OFFER + lines) == found


def test_an_answer_names_redundant_audio_before_opus() -> None:
    answer = with_redundancy(OFFER, 63)
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 63 96" in answer
    assert redundancy_of(answer) == 63
    check(describe(answer, "answer"), "answer")
