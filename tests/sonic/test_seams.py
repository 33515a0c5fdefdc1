"""A conversation over many streams: who listens notices no seam."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from tests.sonic.driving import Driven, driven
from tests.sonic.numbers import NumberBrain, Telephone, user_word

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.local.sonic import Fault, Limits, LocalSonic
from sonicrtc.local.state import LocalState
from sonicrtc.sonic import protocol as said


@asynccontextmanager
async def telephoning(
    state: LocalState, continuity: ContinuityConfig, limits: Limits | None = None
) -> AsyncIterator[tuple[LocalSonic, Driven, Telephone]]:
    """Talk to a brain that answers numbers, in real time."""
    async with LocalSonic(state=state, brain=NumberBrain, limits=limits or Limits()) as service:
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        async with driven(config, keys=state.keys, continuity=continuity, timeout_s=90) as subject:
            phone = Telephone(subject)
            subject.also = phone.on_event
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(phone.run())
                yield service, subject, phone
                phone.over = True
        await service.records.until(lambda records: all(record.ended for record in records))
    assert service.sessions.opened == service.sessions.closed
    assert phone.playout.played_frames + phone.playout.buffered_frames == phone.pushed_frames - phone.flushed_frames


def speak_at_random(phone: Telephone, count: int, seed: int) -> None:
    """Let the user say words 1 to `count` with pauses of any length between."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        pause_s = chance.choice([0.1, 0.2, 0.7, 1.0, 1.6])
        phone.say(user_word(number), np.zeros(int(16_000 * pause_s), np.int16))


async def test_ten_swaps_lose_and_repeat_nothing(state: LocalState) -> None:
    continuity = ContinuityConfig(swap_after_s=1.0, swap_by_s=2.2)
    async with telephoning(state, continuity, Limits(session_s=4.0)) as (service, subject, phone):
        speak_at_random(phone, 30, seed=7)
        await phone.until(last=30)
        assert phone.heard == list(range(1, 31))
        stats = subject.session.stats
    assert stats.swaps >= 10
    assert stats.recoveries == 0
    assert not subject.of(said.Recovering)
    assert [text for event in subject.of(said.UserText) for text in event.text.split()] == [
        str(n) for n in range(1, 31)
    ]
    assert service.sessions.failed == 0


BREAKS: dict[str, Fault] = {
    "reset": Fault(fault="reset", after_audio_ms=900),
    "drop": Fault(fault="drop", after_audio_ms=900),
    "half a frame": Fault(fault="truncate", after_audio_ms=900),
    "corrupt": Fault(fault="corrupt", after_audio_ms=900),
    "ended": Fault(fault="close", after_audio_ms=900),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_stream_that_breaks_while_the_user_speaks_is_not_noticed(state: LocalState, name: str) -> None:
    async with telephoning(state, ContinuityConfig()) as (service, subject, phone):
        service.faults.next(BREAKS[name])
        phone.say(*(piece for n in range(1, 9) for piece in (user_word(n), np.zeros(960, np.int16))))
        await phone.until(last=8)
        assert phone.heard == list(range(1, 9))
    assert subject.session.stats.recoveries == 1
    assert len(subject.of(said.Recovering)) == 1
