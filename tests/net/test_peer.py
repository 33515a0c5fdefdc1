"""Two peers in one process, over loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from tests.net.peers import PATHS, Heard, Tone, connected_pair, describe, level_at, make_peer, media_of, silence

from sonicrtc.config import MediaPathName
from sonicrtc.errors import ConfigError, PeerError
from sonicrtc.rtc.peer import CHANNEL, Description, Peer


@pytest.mark.parametrize("callee", PATHS)
@pytest.mark.parametrize("caller", PATHS)
async def test_audio_goes_both_ways_at_its_own_level(caller: MediaPathName, callee: MediaPathName) -> None:
    async with connected_pair(Tone(1000), Tone(440), paths=(caller, callee)) as pair:
        at_callee = (await pair.at_callee.seconds(1.0))[-24_000:]
        at_caller = (await pair.at_caller.seconds(0.5))[-24_000:]
    assert level_at(at_callee, 1000) == pytest.approx(16_384, rel=0.05)
    assert level_at(at_caller, 440) == pytest.approx(16_384, rel=0.05)


async def test_messages_go_both_ways_in_order() -> None:
    async with connected_pair() as pair:
        for number in range(20):
            pair.caller.send(f"up {number}")
            pair.callee.send(f"down {number}")
        await pair.at_callee.until(lambda: len(pair.at_callee.messages) == 20)
        await pair.at_caller.until(lambda: len(pair.at_caller.messages) == 20)
    assert pair.at_callee.messages == [f"up {n}" for n in range(20)]
    assert pair.at_caller.messages == [f"down {n}" for n in range(20)]


async def test_what_is_sent_before_the_channel_opens_arrives() -> None:
    at_caller, at_callee = Heard(), Heard()
    caller, callee = make_peer(at_caller), make_peer(at_callee)
    callee.send("early")
    answer = await callee.answer(await caller.offer())
    await caller.accept(answer)
    await at_caller.until(lambda: at_caller.messages == ["early"])
    await caller.close()
    await callee.close()


async def test_the_oldest_of_too_many_early_messages_is_dropped_and_counted() -> None:
    peer = make_peer(Heard())
    for number in range(300):
        peer.send(str(number))
    assert peer.dropped_messages == 44
    await peer.close()


async def test_what_was_sent_last_arrives_before_the_connection_closes() -> None:
    async with connected_pair() as pair:
        for _ in range(8):
            pair.callee.send("x" * 8000)
        pair.callee.send("goodbye")
        await pair.callee.close()
        assert pair.at_caller.messages[-1] == "goodbye"
        assert len(pair.at_caller.messages) == 9


@pytest.mark.parametrize("leaver", ["caller", "callee"])
async def test_when_one_side_leaves_the_other_ends(leaver: str) -> None:
    async with connected_pair() as pair:
        stays, leaves = (pair.callee, pair.caller) if leaver == "caller" else (pair.caller, pair.callee)
        await leaves.close()
        async with asyncio.timeout(2):
            await stays.ended.wait()


async def test_without_a_network_path_run_says_so() -> None:
    peer = make_peer(Heard(), connect_timeout_s=0.2)
    await peer.offer()
    with pytest.raises(PeerError, match="no WebRTC connection"):
        await peer.run()
    await peer.close()


async def test_closing_twice_and_before_any_offer_is_harmless() -> None:
    peer = make_peer(Heard())
    await asyncio.gather(peer.close(), peer.close())
    assert peer.state == "closed"
    await peer.run()


async def test_an_answerer_opens_the_channel_when_the_offerer_opens_none() -> None:
    heard, received = Heard(), asyncio.Queue[str]()
    peer, other = make_peer(heard), RTCPeerConnection()
    other.addTransceiver("audio")
    other.createDataChannel("something else")
    other.on("datachannel", lambda channel: channel.on("message", received.put_nowait))
    await other.setLocalDescription(await other.createOffer())
    answer = await peer.answer(describe(other.localDescription.sdp))
    await other.setRemoteDescription(RTCSessionDescription(sdp=answer.sdp, type="answer"))
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.run())
        peer.send("hello")
        async with asyncio.timeout(10):
            assert await received.get() == "hello"
        await peer.close()
    await other.close()


async def test_video_is_declined_and_audio_goes_on() -> None:
    peer, other = make_peer(Heard()), RTCPeerConnection()
    other.addTransceiver("audio")
    other.addTransceiver("video")
    await other.setLocalDescription(await other.createOffer())
    answer = await peer.answer(describe(other.localDescription.sdp))
    sections = answer.sdp.split("m=")[1:]
    assert [("a=inactive" in section, section[:5]) for section in sections] == [(False, "audio"), (True, "video")]
    await peer.close()
    await other.close()


async def test_only_opus_is_offered_and_loopback_is_a_candidate_beside_others() -> None:
    peer = make_peer(Heard())
    offer = (await peer.offer()).sdp
    assert "opus/48000/2" in offer
    assert "PCMU" not in offer
    assert " 127.0.0.1 " in offer
    assert "stun" not in offer
    await peer.close()


async def test_candidates_that_come_before_the_offer_wait_for_it() -> None:
    async with connected_pair(edit_offer=lambda sdp: sdp) as pair:
        assert pair.callee.state == "connected"
    at_caller, at_callee = Heard(), Heard()
    caller, callee = make_peer(at_caller), make_peer(at_callee)
    offer = (await caller.offer()).sdp
    lines = offer.splitlines()
    trickled = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate")]
    bare = "\r\n".join(x for x in lines if not x.startswith(("a=candidate", "a=end-of-candidates"))) + "\r\n"
    for candidate in trickled:
        await callee.add_candidate({"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0})
    answer = await callee.answer(describe(bare))
    await caller.accept(answer)
    async with asyncio.timeout(10):
        await callee.connected.wait()
    await caller.close()
    await callee.close()


@pytest.mark.parametrize("url", ["http://example.org", "stun:", "turn", ""])
async def test_an_ice_server_that_is_none_is_refused_with_words(url: str) -> None:
    with pytest.raises(ConfigError, match="ICE server"):
        Peer(
            ice_servers=[url],
            media=media_of("packets"),
            pull_audio=silence,
            on_audio=lambda b, n: None,
            on_message=lambda m: None,
        )


def can_unshare() -> bool:
    return subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="needs the right to make a network namespace (root)")
def test_two_peers_connect_where_loopback_is_the_only_interface() -> None:
    script = "ip link set lo up && exec " + " ".join([sys.executable, "-m", "tests.net.only_loopback"])
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["127.0.0.1", "connected"], done.stderr


async def test_silence_is_silent() -> None:
    async with connected_pair() as pair:
        audio = await pair.at_callee.seconds(0.5)
    assert np.abs(audio).max() <= 2  # what a coder makes of zeros


@pytest.mark.parametrize("path", PATHS)
async def test_offer_and_answer_ask_for_fec_and_mono_and_not_for_pauses(path: MediaPathName) -> None:
    async with connected_pair(paths=(path, path)) as pair:
        for peer in (pair.caller, pair.callee):
            lines = peer._pc.localDescription.sdp.splitlines()
            (number,) = {line[len("a=rtpmap:") :].split()[0] for line in lines if "opus/48000/2" in line}
            asked = [f"a=fmtp:{number} minptime=10;useinbandfec=1;stereo=0"] if path == "packets" else []
            assert [line for line in lines if "fmtp" in line] == asked


def test_the_channel_has_the_name_of_the_kinesis_video_streams_sdks() -> None:
    assert CHANNEL == "kvsDataChannel"
    assert Description("v=0", "offer").type == "offer"
