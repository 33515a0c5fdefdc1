"""The short form of `make bench-turns`: recorded voices against a recorded agent, in media time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from benchmarks import turns
from benchmarks.turns import RATE_HZ, Rig, Sound

from sonicrtc.audio import AudioFormat, Playout, Resampler, Uplink, VadConfig
from sonicrtc.bargein import Assist
from sonicrtc.config import BargeInConfig, Config
from sonicrtc.events import ServerEvent, SpeakingEvent
from sonicrtc.floor import Floor
from sonicrtc.rtc.peer import PeerStats
from sonicrtc.sonic.protocol import AudioChunk

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def agent() -> Sound:
    """Half a minute of talk."""
    sentences = [turns.at_level(turns.read(path), -20) for path in sorted(turns.RECORDINGS.glob("librivox/*.wav"))]
    return np.resize(np.concatenate(sentences), 30 * RATE_HZ)


@pytest.fixture(scope="module")
def callers() -> list[Sound]:
    """Other voices than the agent's."""
    return [turns.read(path) for name in ("cards/*.wav", "*.raw") for path in sorted(turns.RECORDINGS.glob(name))]


@pytest.mark.parametrize("noise", ["silence", "pink"])
def test_a_voice_ducks_within_80_ms_in_the_median_and_120_at_the_90th_percentile(
    agent: Sound, callers: list[Sound], noise: str
) -> None:
    trials = turns.trials(callers, noise, np.random.default_rng(8), 2)
    cases = turns.while_speaks(agent, trials, np.random.default_rng(9))
    goals = {"median_ms": 80.0, "p90_ms": 120.0, "unheard": 0.0, "already_ducked": 0.0}
    row = turns.onset_row("onset", noise, Rig(), cases, **goals)
    assert row.figures["onsets"] >= 20
    assert not row.missed, row


@pytest.mark.parametrize("kind", ["plain", "room"])
def test_an_echo_20_db_down_and_150_ms_late_ducks_nothing(agent: Sound, kind: str) -> None:
    echo = turns.echo_of(agent, kind=kind, lag_ms=150, gain_db=-20)
    ducks, sent = Rig().run(echo, agent)
    assert ducks == []
    assert turns.barge_ins(sent) == 0


def test_an_echo_that_is_sent_makes_the_model_interrupt_itself(agent: Sound) -> None:
    echo = turns.echo_of(agent, kind="plain", lag_ms=150, gain_db=-20)
    _, sent = Rig(config=BargeInConfig(echo="send")).run(echo, agent)
    assert turns.barge_ins(sent) > 0


def test_nothing_of_a_user_is_muted_where_there_is_no_echo(agent: Sound, callers: list[Sound]) -> None:
    microphone, _ = next(turns.trials(callers, "pink", np.random.default_rng(8), 1))
    _, muted = Rig(config=BargeInConfig(echo="mute")).run(microphone, agent)
    _, all_of_it = Rig(config=BargeInConfig(echo="send")).run(microphone, agent)
    assert np.array_equal(muted, all_of_it)


def test_a_user_above_the_echo_is_heard_by_the_model_too(agent: Sound, callers: list[Sound]) -> None:
    echo = turns.echo_of(agent, kind="room", lag_ms=150, gain_db=-20)
    microphone, _ = next(turns.trials(callers, "silence", np.random.default_rng(8), 1))
    ducks, sent = Rig().run(microphone + echo[: len(microphone)], agent)
    assert len(ducks) == 1
    assert turns.barge_ins(sent) == 1


def test_the_same_sound_ducks_when_it_is_not_what_was_played(agent: Sound) -> None:
    echo = turns.echo_of(agent, kind="plain", lag_ms=150, gain_db=-20)
    ducks, _ = Rig().run(echo, np.roll(agent, 10 * RATE_HZ))
    assert len(ducks) > 3


@pytest.mark.parametrize("noise", ["white", "pink", "babble"])
def test_noise_10_db_below_a_voice_ducks_at_most_once_in_half_a_minute(agent: Sound, noise: str) -> None:
    microphone = turns.NOISES[noise](30 * RATE_HZ, np.random.default_rng(9)) * np.float32(10 ** (-36 / 20))
    ducks, _ = Rig().run(microphone, agent)
    assert len(ducks) <= 1


def test_a_call_that_uses_silero_anyhow_ducks_on_its_score(agent: Sound, callers: list[Sound]) -> None:
    microphone, onset = next(turns.trials(callers, "silence", np.random.default_rng(8), 1))
    (duck,), _ = Rig(vad=VadConfig(detector="silero")).run(microphone, agent)
    assert 0 < duck - onset <= 0.12 * RATE_HZ


def test_a_user_who_has_silenced_the_agent_and_speaks_on_ducks_nothing(agent: Sound, callers: list[Sound]) -> None:
    microphone, _ = next(turns.trials(callers, "silence", np.random.default_rng(8), 1))
    heard, playout, uplink = turns.stereo(microphone), Playout(RATE_HZ, 48_000), Uplink()
    assist = Assist(playout, BargeInConfig(), VadConfig())
    playout.push(turns.s16(agent))
    for number in range(len(heard) // 960):
        assist.pulled(playout.pull(960))
        buffer = heard[960 * number : 960 * (number + 1)]
        assist.heard(buffer, 960, uplink.push(buffer), 20.0 * (number + 1))
        if playout.ducked:
            playout.flush()
            assist.interrupted(20.0 * (number + 1))
    assert (assist.ducks, assist.false_ducks) == (1, 0)


def test_ducked_the_agent_is_12_db_quieter_and_after_700_ms_as_loud_as_before(callers: list[Sound]) -> None:
    microphone, _ = next(turns.trials(callers, "silence", np.random.default_rng(8), 1))
    heard = turns.stereo(microphone)
    playouts = [Playout(RATE_HZ, 48_000) for _ in range(2)]
    for playout in playouts:
        playout.push(np.random.default_rng(2).integers(-9000, 9000, 10 * RATE_HZ, dtype=np.int16))
    ducked, plain = playouts
    assist, uplink, ratios = Assist(ducked, BargeInConfig(), VadConfig()), Uplink(), []
    for number in range(len(heard) // 960):
        pulled = ducked.pull(960)
        ratios.append(np.abs(pulled).mean() / np.abs(plain.pull(960)).mean())
        assist.pulled(pulled)
        buffer = heard[960 * number : 960 * (number + 1)]
        assist.heard(buffer, 960, uplink.push(buffer), 20.0 * (number + 1))
    quieter = np.flatnonzero(np.array(ratios) < 0.999)
    assert ratios[quieter[0] + 1] == pytest.approx(10 ** (-12 / 20), rel=0.01)
    assert quieter[-1] - quieter[0] == 35  # 700 ms, and the 20 ms in which the level returns
    assert ratios[quieter[-1] + 1] == 1


FORMATS = {
    "frames": AudioFormat(),
    "packets": AudioFormat(heard_hz=16_000, heard_channels=1, spoken_hz=24_000),
}


@pytest.mark.parametrize("stall", [1, 17], ids=["even", "bursts of 340 ms"])
@pytest.mark.parametrize("path", FORMATS)
def test_in_a_call_an_echo_is_neither_a_user_who_speaks_nor_sent(agent: Sound, path: str, stall: int) -> None:
    told: list[ServerEvent] = []
    audio, blocks = FORMATS[path], itertools.count()
    now = [0.0]
    floor = Floor(
        rate_hz=24_000, tell=lambda *events: told.extend(events), clock=lambda: now[0], audio=audio, config=Config()
    )
    said = Resampler(RATE_HZ, 24_000).push(turns.s16(agent[: 10 * RATE_HZ]))
    floor.push(AudioChunk(pcm=said.tobytes(), content_id="a"))
    echo = turns.echo_of(agent, kind="room", lag_ms=150, gain_db=-20)
    microphone = turns.stereo(echo) if audio.heard_channels == 2 else turns.s16(echo)
    size = audio.heard_hz // 50
    uplink, sent = Uplink(audio.heard_hz, audio.heard_channels, vad=VadConfig(gate="off")), []
    for number in range(500):
        now[0] += 20
        floor.pull(audio.spoken_frames)
        if number % 50 >= 50 - stall and number % 50 < 49:
            continue  # the network holds them up
        for _ in range(stall if number % 50 == 49 else 1):
            at = size * next(blocks)
            block = uplink.push(microphone[at : at + size])
            floor.heard(microphone[at : at + size], size, block)
            sent.append(block.s16.copy())
    assert len(sent) == 500
    assert turns.barge_ins(np.concatenate(sent)) == 0
    assert not [event for event in told if isinstance(event, SpeakingEvent) and event.role == "user"]
    assert floor.stats(PeerStats(), 0).ducks == 0
