"""What a connection, its opening and its keys may do without anybody noticing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.sonic.driving import driven
from tests.sonic.numbers import user_word
from tests.sonic.peer import Connection, Peer
from tests.sonic.test_seams import PAUSE, Series, telephoning

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.credentials import AwsKeys
from sonicrtc.local.sonic import Fault, LocalSonic
from sonicrtc.local.sonic.brain import UserAudio
from sonicrtc.local.sonic.echo import EchoBrain
from sonicrtc.local.state import LocalState
from sonicrtc.sonic import protocol as said

WRONG = AwsKeys(access_key_id="AKIDWRONG", secret_access_key="wrong")


async def test_a_connection_that_is_to_be_left_carries_its_stream_to_the_end(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig()) as (service, subject, phone):
        service.faults.now(Fault(fault="goaway"))
        phone.say(user_word(1), PAUSE, user_word(2), PAUSE)
        await phone.until(last=2)
        subject.session.change(subject.config)
        await subject.until(said.StreamChanged, lambda event: event.number == 2)
        phone.say(user_word(3), PAUSE)
        await phone.until(last=3)
        assert phone.heard == [1, 2, 3]
    assert not subject.of(said.Recovering)
    assert {record.ended for record in service.records} == {"orderly"}


async def test_each_stream_has_a_connection_of_its_own(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain, max_streams=1) as service:
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        async with (
            driven(config, keys=state.keys) as one,
            driven(config, keys=state.keys) as two,
            driven(config, keys=state.keys) as three,
        ):
            for subject in (one, two, three):
                await subject.until(said.SessionOpened)
            for subject in (one, two, three):
                subject.speak(np.ones(1600, np.int16))
                await subject.until(said.AudioChunk)
            assert service.sessions.active == 3


async def test_a_service_may_read_the_first_events_before_it_responds(authority: tuple[Path, Path]) -> None:
    async def respond_late(connection: Connection) -> None:
        await connection.until(lambda c: c.body_bytes > 2000)
        await connection.respond()
        await connection.until(lambda c: c.input_ended)
        await connection.end()

    async with (
        Peer(authority[1], respond_late) as peer,
        driven(SonicConfig(endpoint=peer.endpoint, ca_file=authority[0])) as subject,
    ):
        await subject.until(said.SessionOpened)


async def test_keys_that_rotate_while_a_stream_lives_are_none_of_its_business(state: LocalState) -> None:
    provider = Series([state.keys, WRONG])
    async with telephoning(state, ContinuityConfig(), credentials=provider) as (service, subject, phone):
        phone.say(user_word(1), PAUSE)
        await phone.until(last=1)
        assert (await provider.frozen()) == WRONG
        phone.say(user_word(2), PAUSE)
        await phone.until(last=2)
        assert phone.heard == [1, 2]
    assert (provider.asked, service.sessions.failed) == (2, 0)
    assert not subject.of(said.Recovering)


@pytest.mark.parametrize(("many_sessions", "chunk_ms"), [(0, 64), (1, 32)])
async def test_chunks_are_longer_in_a_process_with_many_sessions(
    state: LocalState, many_sessions: int, chunk_ms: int
) -> None:
    async with LocalSonic(state=state, brain=EchoBrain, record=True) as service:
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        continuity = ContinuityConfig(many_sessions=many_sessions)
        async with driven(config, keys=state.keys, continuity=continuity) as subject:
            await subject.until(said.SessionOpened)
            subject.speak(np.ones(16 * 192, np.int16))
            await service.records.until(lambda records: records[0].audio_ms == 192)
    sizes = {len(item.pcm) for item in service.records[0].inputs if isinstance(item, UserAudio)}
    assert sizes == {32 * chunk_ms}
